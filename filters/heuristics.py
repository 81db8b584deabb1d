"""Linguist's content rules: which of the languages that share an extension a text is written in.

A rule looks at the first 50 KiB, as linguist does. A pattern that runs for PATTERN_SECONDS ends
the extension's rules without an answer, so that no input can hang a build. The seconds are the
process's CPU time, and 11,121 sample files never took a tenth of them: machines and loads agree
on everything but an attack.
"""

from functools import cache
from typing import Literal

import msgspec
import regex

from .languages import read_heuristics

READ_CHARACTERS = 50 * 1024
PATTERN_SECONDS = 0.5

_FLAGS = regex.VERSION1 | regex.MULTILINE | regex.ASCII

Spoke = Literal["pattern", "default", "silent"]


class _Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    languages: tuple[str, ...]
    require: tuple[tuple[str, ...], ...]
    forbid: tuple[tuple[str, ...], ...]


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    generic: frozenset[str]
    primary: dict[str, str]
    rules: dict[str, tuple[_Rule, ...]]


class Answer(msgspec.Struct, frozen=True):
    """The languages a rule names, and whether a pattern or the last, open rule named them."""

    languages: tuple[str, ...] = ()
    spoke: Spoke = "silent"


SILENT = Answer()


def generic_extensions() -> frozenset[str]:
    """Return the extensions that claim nothing unless a rule speaks."""
    return _document().generic


def primary_language(extension: str) -> str | None:
    """Return the guess for an ambiguous extension on which no rule speaks."""
    return _document().primary.get(extension)


def has_rules(extension: str) -> bool:
    """Say whether any rule is known for a lower-case extension."""
    return extension in _document().rules


def apply_rules(extension: str, text: str) -> Answer:
    """Return what the first rule that holds says of a text with this lower-case extension."""
    head = text[:READ_CHARACTERS]
    try:
        for rule in _document().rules.get(extension, ()):
            if _holds(rule, head):
                spoke: Spoke = "pattern" if rule.require or rule.forbid else "default"
                return Answer(rule.languages, spoke)
    except TimeoutError:
        return SILENT
    return SILENT


def num_patterns() -> int:
    """Compile every pattern of the document and return how many there are."""
    lists = [
        patterns
        for rules in _document().rules.values()
        for rule in rules
        for patterns in (*rule.require, *rule.forbid)
    ]
    return sum(len(_compile(patterns)) for patterns in lists)


def _holds(rule: _Rule, head: str) -> bool:
    return all(_any(patterns, head) for patterns in rule.require) and not any(
        _any(patterns, head) for patterns in rule.forbid
    )


def _any(patterns: tuple[str, ...], head: str) -> bool:
    return any(
        pattern.search(head, timeout=PATTERN_SECONDS) is not None for pattern in _compile(patterns)
    )


@cache
def _compile(patterns: tuple[str, ...]) -> tuple["regex.Pattern[str]", ...]:
    return tuple(regex.compile(pattern, _FLAGS) for pattern in patterns)


@cache
def _document() -> _Document:
    return msgspec.json.decode(read_heuristics(), type=_Document)
