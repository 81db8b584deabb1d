"""Translate linguist's heuristics and our own rules into heuristics.json, one list per extension.

Each rule is a conjunction: every `require` list has a pattern that matches, no `forbid` list has.
Ruby's patterns become RE2's.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

from .ruby_patterns import translate_pattern

Yaml = object
Rule = dict[str, list[str] | list[list[str]]]


class Sources(TypedDict):
    """Parsed heuristics.yml and rules.yml."""

    linguist: Mapping[str, Yaml]
    ours: Mapping[str, Yaml]


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
