"""Translate linguist's heuristics and our own rules into heuristics.json, one list per extension.

Each rule is a conjunction: every `require` list has a pattern that matches, no `forbid` list has.
Ruby's patterns become patterns of the `regex` module (VERSION1, MULTILINE, ASCII).
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

Yaml = object
Rule = dict[str, list[str] | list[list[str]]]


class Sources(TypedDict):
    """Parsed heuristics.yml and rules.yml."""

    linguist: Mapping[str, Yaml]
    ours: Mapping[str, Yaml]


_CLASS = r"\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]"
_OPENER = re.compile(r"\((?:\?[a-z]*:)?")
_FLAGS = re.compile(r"\(\?[a-z]+\)")
_LINE_SPACE = r"^\s*"
_BLANKS = r"[^\S\n]*"


def translate_pattern(pattern: str) -> str:
    r"""Return a Ruby pattern in the syntax of the `regex` module.

    Ruby's (?m) lets the dot match newlines, its ^ and $ always mean lines, \z is the end of the
    text, and \g<name> calls a group. Spaces that a search cannot need are not searched for, which
    took quadratic time on blank lines: a leading `\s*` goes, and `^\s*` at the head of an
    alternative stays on its line (the run's last newline starts a line too).
    """
    pattern = pattern.removeprefix(r"\s*").replace(r"^(\s*)", _LINE_SPACE)
    pattern = pattern.replace(r"|\s*!)", f"|{_BLANKS}!)")  # linguist's Fortran
    pattern = pattern.replace("(?-m)", "").replace("(?im)", "(?is)").replace(r"\z", r"\Z")
    pattern = re.sub(r"\\g<(\w+)>", r"(?&\1)", pattern)
    parts = pattern.split(_LINE_SPACE)
    out = parts[0]
    for part in parts[1:]:
        out += ("^" + _BLANKS if _heads_alternative(out) else _LINE_SPACE) + part
    return out


def _heads_alternative(before: str) -> bool:
    """Say whether nothing can be matched before this point of the pattern's own alternative."""
    rest, opened = before, 0
    while match := (_FLAGS.match(rest) or _OPENER.match(rest)):
        opened += match.group() != "(?i)" and not _FLAGS.fullmatch(match.group())
        rest = rest[match.end() :]
    if not rest:
        return True
    plain = re.sub(_CLASS, "", re.sub(r"\\.", "", rest))
    return before.endswith("|") and plain.count("(") == plain.count(")") and opened <= 1


def build_heuristics(sources: Sources, our_name: Callable[[str], str]) -> str:
    """Return the text of heuristics.json; `our_name` maps a linguist name to the table's."""
    linguist, ours = sources["linguist"], sources["ours"]
    undecided = set(_strings(ours["undecided"]))
    named = {
        name: _strings(patterns) for name, patterns in _mapping(linguist["named_patterns"]).items()
    }
    by_extension: dict[str, list[Rule]] = {}
    for blocks, rename in (
        (ours["before"], str),
        (linguist["disambiguations"], our_name),
        (ours["after"], str),
    ):
        for block in _sequence(blocks):
            block = _mapping(block)
            rules = [_rule(_mapping(rule), named, rename) for rule in _sequence(block["rules"])]
            for extension in _strings(block["extensions"]):
                kept = [
                    r for r in rules if r["require"] or r["forbid"] or extension not in undecided
                ]
                _extend(by_extension.setdefault(extension, []), kept)
    document = {
        "generic": _strings(ours["generic"]),
        "primary": dict(sorted(_mapping(ours["primary"]).items())),
        "rules": dict(sorted(by_extension.items())),
    }
    return json.dumps(document, ensure_ascii=True, indent=1) + "\n"


def _extend(rules: list[Rule], more: list[Rule]) -> None:
    # A rule without conditions answers for everything after it: linguist's wait for ours.
    if rules and not rules[-1]["require"] and not rules[-1]["forbid"]:
        more = [rule for rule in more if rule["require"] or rule["forbid"]]
        rules[-1:-1] = more
    else:
        rules.extend(more)


def _rule(
    rule: Mapping[str, Yaml], named: Mapping[str, list[str]], rename: Callable[[str], str]
) -> Rule:
    require: list[list[str]] = []
    forbid: list[list[str]] = []
    for part in [rule, *(_mapping(part) for part in _sequence(rule.get("and", [])))]:
        if "pattern" in part:
            require.append([translate_pattern(p) for p in _strings(part["pattern"])])
        if "named_pattern" in part:
            require.append([translate_pattern(p) for p in named[str(part["named_pattern"])]])
        if "negative_pattern" in part:
            forbid.append([translate_pattern(p) for p in _strings(part["negative_pattern"])])
    languages = [rename(language) for language in _strings(rule["language"])]
    return {"languages": languages, "require": require, "forbid": forbid}


def _mapping(value: Yaml) -> Mapping[str, Yaml]:
    assert isinstance(value, dict), value
    return value


def _sequence(value: Yaml) -> Sequence[Yaml]:
    assert isinstance(value, list), value
    return value


def _strings(value: Yaml) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(item) for item in _sequence(value)]
