"""Linguist's content rules: which of the languages that share an extension a text is written in.

A rule looks at the first 50 KiB, as linguist does. Its patterns are RE2's, so that no text, however
it is made, takes longer than its length explains.
"""

from functools import cache
from typing import Literal

import msgspec

from .languages import read_heuristics
from .linear import LinearPattern, linear_pattern, utf8

READ_CHARACTERS = 50 * 1024

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
    rules = _document().rules.get(extension)
    if rules is None:
        return SILENT
    head = utf8(text[:READ_CHARACTERS])
    for rule in rules:
        if _holds(rule, head):
            return Answer(rule.languages, "pattern" if rule.require or rule.forbid else "default")
    return SILENT


def num_patterns() -> int:
    """Compile every pattern of the document and return how many there are."""
    lists = [
        patterns
        for rules in _document().rules.values()
        for rule in rules
        for patterns in (*rule.require, *rule.forbid)
    ]
    for patterns in lists:
        _compile(patterns)
    return sum(len(patterns) for patterns in lists)


def _holds(rule: _Rule, head: bytes) -> bool:
    return all(_compile(patterns).search(head) is not None for patterns in rule.require) and all(
        _compile(patterns).search(head) is None for patterns in rule.forbid
    )


@cache
def _compile(patterns: tuple[str, ...]) -> LinearPattern:
    """Return the one pattern that matches where any of several does."""
    return linear_pattern("|".join(f"(?:{pattern})" for pattern in patterns))


@cache
def _document() -> _Document:
    return msgspec.json.decode(read_heuristics(), type=_Document)
