"""Decide on a table of signals which rows are dropped, and by which rule: columns only, no text.

A new threshold re-runs this and nothing before it. Every rule is evaluated for every row, so that
the ledger also knows what would have dropped a row that an earlier rule dropped already.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timezone

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .ranges import SIGNAL_RANGES
from .rule import Override, Rule
from .rule_tables import PRESETS, parse_rules

__all__ = ["DECISION", "PRESETS", "Override", "Rule", "decide", "decide_slow", "parse_rules"]

DECISION = pa.schema(
    [
        ("rule_hits", pa.list_(pa.string())),  # every rule that fires, in the rules' order
        ("dropped_by", pa.string()),  # read_drop, or the first of rule_hits, or null: kept
    ]
)

Flags = npt.NDArray[np.bool_]

_SECOND = 1_000_000  # microseconds


def decide(table: pa.Table, rules: Sequence[Rule]) -> pa.Table:
    """Return the columns of DECISION, row for row.

    Args:
        table: read_drop, language, component, kind, and every signal that a rule names. A row
            with read_drop set is dropped by it and has no rule_hits.
        rules: in the order in which they count as the first.
    """
    live = [rule for rule in rules if rule.can_fire()]
    read_drop = _strings(table, "read_drop")
    readable = np.asarray(pc.is_null(read_drop))
    hits = np.zeros((table.num_rows, len(live)), dtype=np.bool_)
    for i, rule in enumerate(live):
        hits[:, i] = _fires(table, rule) & readable
    names = pa.array([rule.name for rule in live], pa.string())
    _, hit_rules = np.nonzero(hits)
    offsets = np.concatenate([[0], np.cumsum(hits.sum(axis=1))]).astype(np.int32)
    rule_hits = pa.ListArray.from_arrays(pa.array(offsets), names.take(pa.array(hit_rules)))
    first = np.argmax(hits, axis=1) if live else np.zeros(table.num_rows, dtype=np.int64)
    first_rule = names.take(pa.array(first, mask=~hits.any(axis=1)))
    dropped_by = pc.coalesce(read_drop, first_rule)
    return pa.table({"rule_hits": rule_hits, "dropped_by": dropped_by}).cast(DECISION)


def decide_slow(row: Mapping[str, object], rules: Sequence[Rule]) -> tuple[list[str], str | None]:
    """Return one row's rule_hits and dropped_by in plain Python: the exact twin of `decide`."""
    if row["read_drop"] is not None:
        return [], str(row["read_drop"])
    hits = [rule.name for rule in rules if _fires_slow(row, rule)]
    return hits, hits[0] if hits else None


def _fires(table: pa.Table, rule: Rule) -> Flags:
    languages = _strings(table, "language")
    applies = np.ones(table.num_rows, dtype=np.bool_)
    if rule.only:
        applies &= _is_in(languages, rule.only)
    if rule.exclude:
        applies &= ~_is_in(languages, rule.exclude)
    if rule.components:
        applies &= _is_in(_strings(table, "component"), rule.components)
    if rule.kinds:
        applies &= _is_in(_strings(table, "kind"), rule.kinds)
    fires = _violates(table, rule) & rule.enabled
    for language in rule.languages:
        special = rule.for_language(language)
        fires = np.where(
            _is_in(languages, (language,)), _violates(table, special) & special.enabled, fires
        )
    return fires & applies


def _violates(table: pa.Table, rule: Rule) -> Flags:
    """Return which rows break a condition of the rule, wherever it applies."""
    kind = SIGNAL_RANGES[rule.signal].type
    if kind == "string":
        strings = _strings(table, rule.signal)
        missing = np.asarray(pc.is_null(strings))
        broken = np.zeros(table.num_rows, dtype=np.bool_)
        if rule.one_of is not None:
            broken |= ~_is_in(strings, rule.one_of)
        if rule.none_of is not None:
            broken |= _is_in(strings, rule.none_of)
    elif kind == "flag":
        flags = table.column(rule.signal).combine_chunks()
        missing = np.asarray(pc.is_null(flags))
        broken = np.asarray(pc.fill_null(flags, fill_value=False)) != rule.equals
    else:
        values, missing = _numbers(table, rule.signal)
        broken = np.zeros(table.num_rows, dtype=np.bool_)
        if rule.min is not None:
            broken |= values < values.dtype.type(_threshold(rule.min))
        if rule.max is not None:
            broken |= values > values.dtype.type(_threshold(rule.max))
        if rule.before is not None:
            broken |= values >= _threshold(rule.before)
    return np.where(missing, rule.missing == "drop", broken)


def _numbers(
    table: pa.Table, signal: str
) -> tuple[npt.NDArray[np.float32] | npt.NDArray[np.float64], Flags]:
    """Return a signal as floats (times: microseconds since 1970) and which are null or NaN.

    A single-precision column is compared in single precision, its threshold rounded alike;
    otherwise a confidence of 0.9 would lie below a threshold of 0.9.
    """
    column = table.column(signal)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
    dtype = np.float32 if column.type == pa.float32() else np.float64
    array = column.combine_chunks()
    if dtype is np.float64:
        array = array.cast(pa.float64(), safe=False)
    values = array.to_numpy(zero_copy_only=False)  # null becomes NaN
    return values, np.isnan(values)


def _threshold(value: float | date) -> float:
    if isinstance(value, date):
        midnight = datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
        return midnight.timestamp() * _SECOND
    return value


def _strings(table: pa.Table, name: str) -> pa.Array:
    return table.column(name).cast(pa.string()).combine_chunks()


def _is_in(strings: pa.Array, names: Sequence[str]) -> Flags:
    flags: Flags = np.asarray(pc.is_in(strings, value_set=pa.array(names, pa.string())))
    return flags


def _fires_slow(row: Mapping[str, object], rule: Rule) -> bool:
    language, signal = row["language"], row[rule.signal]
    if isinstance(language, str):
        rule = rule.for_language(language)
    if (
        not rule.enabled
        or (rule.only and language not in rule.only)
        or language in rule.exclude
        or (rule.components and row["component"] not in rule.components)
        or (rule.kinds and row["kind"] not in rule.kinds)
    ):
        return False
    if signal is None:
        return rule.missing == "drop"
    if isinstance(signal, bool):
        return signal != rule.equals
    if isinstance(signal, str):
        return (rule.one_of is not None and signal not in rule.one_of) or (
            rule.none_of is not None and signal in rule.none_of
        )
    if isinstance(signal, datetime):
        signal = signal.timestamp() * _SECOND
    assert isinstance(signal, int | float | np.float32)
    round_like = type(signal) if isinstance(signal, np.float32) else float
    return not (
        (rule.min is None or round_like(_threshold(rule.min)) <= signal)
        and (rule.max is None or signal <= round_like(_threshold(rule.max)))
        and (rule.before is None or signal < _threshold(rule.before))
    )
