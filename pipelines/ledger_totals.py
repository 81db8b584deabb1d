"""What a build came to: documents and tokens, counted over its ledger."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ..corpus.errors import GristmillError
from ..corpus.record import FELL_BACK, Component
from .artifact import open_parquet
from .stage import value_counts

GROUPS = ("component", "language", "licence", "source")
_MAX_NAMED: Final = 3
_COUNTED = ("dropped_by", "num_bytes", "tokens", "extract_reason")


class HeldOutTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in held_out/: training documents, their tokens and the bytes of their texts."""

    documents: int = 0
    tokens: int = 0
    num_bytes: int = 0


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of documents and tokens; `by` maps a column to value -> [documents kept, tokens]."""

    documents: int
    kept: int
    num_bytes: int
    tokens: int
    by: dict[str, dict[str, tuple[int, int]]]
    drops: dict[str, int]
    fell_back: dict[str, int] = {}  # source -> pages with the cheap text in place of the fine one
    held_out: HeldOutTotals = HeldOutTotals()


def count_totals(ledger: Sequence[str]) -> Totals:
    """Count documents and tokens over ledger files, one file in memory at a time."""
    documents = kept = num_bytes = tokens = 0
    by: dict[str, dict[str, tuple[int, int]]] = {name: {} for name in GROUPS}
    drops: dict[str, int] = {}
    fell_back: dict[str, int] = {}
    for url in ledger:
        with open_parquet(url) as file:
            table = file.read(columns=[*GROUPS, *_COUNTED])
        documents += table.num_rows
        num_bytes += pc.sum(table["num_bytes"]).as_py() or 0
        for reason, count in value_counts(table["dropped_by"]).items():
            drops[reason] = drops.get(reason, 0) + count
        is_cheap = pc.fill_null(
            pc.starts_with(table["extract_reason"], FELL_BACK), fill_value=False
        )
        for source, count in value_counts(table["source"].filter(is_cheap)).items():
            fell_back[source] = fell_back.get(source, 0) + count
        table = table.filter(pc.is_null(table["dropped_by"]))
        kept += table.num_rows
        tokens += pc.sum(table["tokens"]).as_py() or 0
        for name in GROUPS:
            for value, count, total in _grouped(table, name):
                old = by[name].get(value, (0, 0))
                by[name][value] = (old[0] + count, old[1] + total)
    return Totals(
        documents=documents,
        kept=kept,
        num_bytes=num_bytes,
        tokens=tokens,
        by=by,
        drops=drops,
        fell_back=fell_back,
    )


def check_kept(
    weights: Mapping[Component, float], totals: Totals, ledger: Sequence[str], *, where: str
) -> None:
    """Raise GristmillError for a component with a weight of which no document was kept.

    The build of which that is found is not published, so the error says what became of them.
    """
    for name, weight in weights.items():
        if not weight or name in totals.by["component"]:
            continue
        drops = _drops_of(ledger, name)
        listed = ", ".join(f"{reason} dropped {n:,}" for reason, n in drops.most_common(_MAX_NAMED))
        why = f"of {drops.total():,} read, {listed}" if drops else "its sources are empty"
        raise GristmillError(
            f"{name} has a weight of {weight} and no tokens: {why}",
            where=f"{where}: mixture.weights.{name}",
            todo="Mend the input or the rules, or set its weight to 0 and raise the others.",
        )


def _drops_of(ledger: Sequence[str], component: str) -> Counter[str]:
    drops: Counter[str] = Counter()
    for url in ledger:
        with open_parquet(url) as file:
            table = file.read(columns=["component", "dropped_by"])
        drops.update(
            value_counts(table["dropped_by"].filter(pc.equal(table["component"], component)))
        )
    return drops


def _grouped(table: pa.Table, name: str) -> list[tuple[str, int, int]]:
    grouped = table.group_by(name, use_threads=False).aggregate(
        [("tokens", "count"), ("tokens", "sum")]
    )
    rows = grouped.to_pylist()
    return [
        (row[name] or "unknown", row["tokens_count"], row["tokens_sum"] or 0)
        for row in sorted(rows, key=lambda row: row[name] or "")
    ]
