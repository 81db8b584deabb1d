"""Read a recipe's `[rules.NAME]` tables over a preset, and refuse what cannot be meant."""

import math
import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn, TypeVar, cast, get_args

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.record import COMPONENTS, Kind
from .ranges import SIGNAL_RANGES, SignalRange, SignalType
from .rule import Override, Rule

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FOLDER = Path(__file__).with_name("presets")

PRESETS: tuple[str, ...] = tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))

_LISTS = tuple(sorted(path.stem for path in _FOLDER.glob("*.txt")))
_CONDITIONS: dict[SignalType, tuple[str, ...]] = {
    "integer": ("min", "max"),
    "number": ("min", "max"),
    "flag": ("equals",),
    "string": ("one_of", "none_of"),
    "time": ("min", "before"),
}
_ALL_CONDITIONS = ("min", "max", "before", "one_of", "none_of", "equals")

_CHOICES: dict[str, tuple[str, ...]] = {
    "components": COMPONENTS,
    "kinds": get_args(Kind),
    "missing": ("keep", "drop"),
}

Table = Mapping[str, object]
_T = TypeVar("_T", Rule, Override)


def parse_rules(
    raw: Table,
    *,
    where: str,
    preset: str | Sequence[str] | None,
    known_languages: frozenset[str],
) -> tuple[Rule, ...]:
    """Return the rules of a preset changed by a recipe's, in the preset's order, then the recipe's.

    Args:
        raw: the recipe's `rules` table. A name that the preset has changes the keys it gives (a
            `languages` table: the languages it gives) and leaves the others; a new name adds a
            rule. In one_of and none_of, "@NAME" stands for the names of presets/NAME.txt.
        where: the recipe's file, for errors.
        preset: a name of PRESETS, several, or None for no rules but the recipe's. Of several, a
            later one changes and adds to the earlier ones' rules as a recipe does.
        known_languages: every name that a rule may use for a language.

    Raises:
        GristmillError: for an unknown key, signal, language or preset, a threshold that no value
            can lie beyond or that is of the wrong type, and a rule without a condition.
    """
    names = (preset,) if isinstance(preset, str) else preset or ()
    presets: dict[str, dict[str, object]] = {}
    for name in names:
        presets = _merged(presets, _read_preset(name, where=where), where=where)
    merged = _merged(presets, raw, where=where)
    parser = _Parser(known_languages=known_languages, preset_rules=tuple(presets))
    return tuple(
        parser.rule(name, table, at=f"{where}: rules.{name}") for name, table in merged.items()
    )


def _merged(
    rules: Mapping[str, dict[str, object]], changes: Table, *, where: str
) -> dict[str, dict[str, object]]:
    """Return the rules with the keys, and the exceptions for languages, that the changes give."""
    merged = dict(rules)
    for name, table in changes.items():
        at = f"{where}: rules.{name}"
        old = rules.get(name, {})
        merged[name] = {**old, **_as_table(table, at=at)}
        if "languages" in old and "languages" in merged[name]:
            merged[name]["languages"] = {
                **_as_table(old["languages"], at=at),
                **_as_table(merged[name]["languages"], at=f"{at}.languages"),
            }
    return merged


def _read_preset(preset: str, *, where: str) -> dict[str, dict[str, object]]:
    if preset not in PRESETS:
        _refuse(f"there is no preset {preset!r}", at=f"{where}: preset", name=preset, names=PRESETS)
    text = (_FOLDER / f"{preset}.toml").read_text("utf-8")
    return cast("dict[str, dict[str, object]]", tomllib.loads(text).get("rules", {}))


class _Parser(msgspec.Struct, frozen=True, kw_only=True):
    known_languages: frozenset[str]
    preset_rules: tuple[str, ...]

    def rule(self, name: str, table: Table, *, at: str) -> Rule:
        _check_keys(table, [key for key in Rule.__struct_fields__ if key != "name"], at=at)
        if "signal" not in table:
            _refuse("the rule names no signal", at=at, name=name, names=self.preset_rules)
        languages = {
            language: self.override(override, at=f"{at}.languages.{language}")
            for language, override in _as_table(
                table.get("languages", {}), at=f"{at}.languages"
            ).items()
        }
        _check_choices(table, at=at)
        rest = {key: value for key, value in table.items() if key != "languages"}
        rule = _convert({"name": name, **rest}, Rule, at=at)
        rule = msgspec.structs.replace(rule, languages=languages)
        signal = _signal_range(rule, at=at)
        self.check_languages(rule, at=at)
        self.check_conditions(rule, signal, at=at)
        return msgspec.structs.replace(
            rule,
            one_of=self.names(rule.one_of, rule, signal, at=f"{at}.one_of"),
            none_of=self.names(rule.none_of, rule, signal, at=f"{at}.none_of"),
        )

    def override(self, table: object, *, at: str) -> Override:
        checked = _as_table(table, at=at)
        _check_keys(checked, Override.__struct_fields__, at=at)
        return _convert(checked, Override, at=at)

    def check_languages(self, rule: Rule, *, at: str) -> None:
        for key in ("only", "exclude", "languages"):
            for language in getattr(rule, key):
                self.check_language(language, at=f"{at}.{key}")
        for language in rule.languages:
            if (rule.only and language not in rule.only) or language in rule.exclude:
                raise GristmillError(
                    f"the rule does not apply to {language}, so its exception never counts",
                    where=f"{at}.languages.{language}",
                    todo="Take the language out of here, or change `only` and `exclude`.",
                )

    def check_language(self, language: str, *, at: str) -> None:
        if language not in self.known_languages:
            what = f"there is no language {language!r}"
            _refuse(what, at=at, name=language, names=self.known_languages)

    def check_conditions(self, rule: Rule, signal: SignalRange, *, at: str) -> None:
        allowed = _CONDITIONS[signal.type]
        if all(getattr(rule, key) is None for key in allowed):
            given = [key for key in _ALL_CONDITIONS if getattr(rule, key) is not None]
            raise GristmillError(
                f"{given[0]} does not fit the signal {rule.signal}, which is of type {signal.type}"
                if given
                else "the rule has no condition",
                where=f"{at}.{given[0]}" if given else at,
                todo=f"Set {' or '.join(allowed)}.",
            )
        _check_thresholds(rule, signal, at=at)
        for language, override in rule.languages.items():
            special = rule.for_language(language)
            given = [
                key for key in Override.__struct_fields__ if getattr(override, key) is not None
            ]
            _check_thresholds(special, signal, at=f"{at}.languages.{language}", given=given)

    def names(
        self, names: Sequence[str] | None, rule: Rule, signal: SignalRange, *, at: str
    ) -> tuple[str, ...] | None:
        """Return the names with every "@NAME" replaced by that list's, each once, in order."""
        if names is None:
            return None
        expanded: list[str] = []
        for name in names:
            if name.startswith("@"):
                expanded += _read_list(name[1:], at=at)
                continue
            if rule.signal == "language":
                self.check_language(name, at=at)
            elif signal.choices and name not in signal.choices:
                what = f"the signal {rule.signal} is never {name!r}"
                _refuse(what, at=at, name=name, names=signal.choices)
            expanded.append(name)
        return tuple(dict.fromkeys(expanded))


def _read_list(name: str, *, at: str) -> list[str]:
    if name not in _LISTS:
        _refuse(f"there is no list @{name}", at=at, name=name, names=_LISTS)
    return (_FOLDER / f"{name}.txt").read_text("utf-8").splitlines()


def _signal_range(rule: Rule, *, at: str) -> SignalRange:
    if rule.signal not in SIGNAL_RANGES:
        what = f"there is no signal {rule.signal!r}"
        _refuse(what, at=f"{at}.signal", name=rule.signal, names=SIGNAL_RANGES)
    return SIGNAL_RANGES[rule.signal]


def _check_thresholds(
    rule: Rule, signal: SignalRange, *, at: str, given: Collection[str] = _ALL_CONDITIONS
) -> None:
    for key in given:
        value = getattr(rule, key, None)
        if key == "enabled" or value is None:
            continue
        if key not in _CONDITIONS[signal.type]:
            raise GristmillError(
                f"{key} does not fit the signal {rule.signal}, which is of type {signal.type}",
                where=f"{at}.{key}",
                todo=f"Use {' or '.join(_CONDITIONS[signal.type])}.",
            )
        if key in ("min", "max", "before"):
            _check_threshold(value, rule.signal, signal, at=f"{at}.{key}")
    upper = "before" if signal.type == "time" else "max"
    low, high = rule.min, getattr(rule, upper)
    if low is not None and high is not None and low > high:
        raise GristmillError(
            f"min {low} is above {upper} {high}",
            where=f"{at}.min",
            todo="No value could pass: lower it.",
        )


def _check_threshold(value: float | date, name: str, signal: SignalRange, *, at: str) -> None:
    wanted = date if signal.type == "time" else float
    if not isinstance(value, wanted) or isinstance(value, datetime):
        raise GristmillError(
            f"{value!r} is no {'date' if wanted is date else 'number'}",
            where=at,
            todo="Write a date as 2023-11-01, without quotes."
            if wanted is date
            else f"The signal {name} is compared with a number.",
        )
    low, high = signal.lowest, signal.highest
    outside = (low is not None and value < low) or (high is not None and value > high)  # type: ignore[operator]
    if outside or (isinstance(value, float) and not math.isfinite(value)):
        bounds = f"is {low} or more" if high is None else f"lies between {low} and {high}"
        raise GristmillError(
            f"{value} is no possible value of {name}", where=at, todo=f"{name} {bounds}."
        )


def _convert(table: Table, kind: type[_T], *, at: str) -> _T:
    """Return the table as a struct; msgspec's message for a wrong type gets our place."""
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$")
        raise GristmillError(
            what, where=at + path.rstrip("`"), todo="Write a value of that type."
        ) from None


def _as_table(value: object, *, at: str) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise GristmillError(f"{value!r} is no table", where=at, todo=f"Write [{at.split()[-1]}].")
    return dict(value)


def _check_keys(table: Table, keys: Collection[str], *, at: str) -> None:
    for key in table:
        if key not in keys:
            _refuse(f"there is no key {key!r}", at=f"{at}.{key}", name=key, names=keys)


def _check_choices(table: Table, *, at: str) -> None:
    for key, choices in _CHOICES.items():
        value = table.get(key, ())
        for name in value if isinstance(value, list | tuple) else (value,):
            if name not in choices:
                what = f"{key} is never {name!r}"
                _refuse(what, at=f"{at}.{key}", name=str(name), names=choices)


def _refuse(what: str, *, at: str, name: str, names: Collection[str]) -> NoReturn:
    nearest = get_close_matches(name, sorted(names), n=1, cutoff=0.5)
    if not nearest:
        folded = {other.casefold(): other for other in sorted(names)}
        nearest = [folded[name.casefold()]] if name.casefold() in folded else []
    listed = ", ".join(sorted(names)) if len(names) <= 30 else f"one of {len(names)} names"
    todo = f"Did you mean {nearest[0]!r}?" if nearest else f"Choose from: {listed or 'nothing'}."
    raise GristmillError(what, where=at, todo=todo)
