"""Proposes a verdict for every prefix of the hosts in topic, with the evidence a person needs."""

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .decisions import AUTO, Decision
from .prefix_lookup import PrefixLookup, find_column
from .prefixes import PrefixSettings, host_prefixes
from .sampling import sample_keys

Counts: TypeAlias = npt.NDArray[np.int64]

NUM_SAMPLES: Final = 5
ONCE: Final[Counts] = np.ones(1, dtype=np.int64)

SCHEMA: Final = pa.schema(
    [
        ("host", pa.string()),
        ("prefix", pa.string()),
        ("scope", pa.string()),
        ("num_pages", pa.int64()),
        ("num_collected", pa.int64()),
        ("lower", pa.float64()),
        ("upper", pa.float64()),
        ("proposal", pa.string()),
        ("new_tokens", pa.int64()),  # of its pages that are not collected yet
        ("formulas", pa.int64()),  # on all of its pages
        ("code_lines", pa.int64()),
        ("samples", pa.list_(pa.string())),  # URLs, of pages not collected yet first
    ]
)


def propose_prefixes(pages: pa.Table, hosts: list[str], settings: PrefixSettings) -> pa.Table:
    """Return the cut of each host, sorted by host and prefix; the order of pages is no matter.

    Args:
        pages: id, url, host, path, has_query, collected, num_tokens, formulas, code_lines of the
            pool, or of the part of it that holds these hosts whole. Memory is that of the pages
            of these hosts.
        hosts: those in topic.
    """
    pages = pages.filter(pc.is_in(pages["host"], value_set=pa.array(hosts, pages["host"].type)))
    pages = pages.sort_by([("host", "ascending"), ("id", "ascending")]).combine_chunks()
    rows: list[dict[str, object]] = []
    for start, stop in _runs(pages["host"]):
        part = pages.slice(start, stop - start)
        cut = host_prefixes(
            part["path"].to_pylist(),
            np.asarray(part["has_query"]),
            np.asarray(part["collected"]),
            settings,
        )
        host = part["host"][0].as_py()
        rows += [{"host": host, **one._asdict()} for one in cut]
    for row, evidence in zip(rows, _evidence(pages, rows), strict=True):
        row |= evidence
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _runs(hosts: pa.ChunkedArray) -> list[tuple[int, int]]:
    """Return where the pages of each host lie."""
    lengths = pc.run_end_encode(hosts.combine_chunks()).run_ends.to_pylist() if len(hosts) else []
    return list(zip([0, *lengths], lengths, strict=False))


def _evidence(pages: pa.Table, rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return the tokens that would be new, what the pages show, and sample URLs of each prefix."""
    lookup = PrefixLookup(
        (str(row["host"]), str(row["prefix"]), "page" if row["scope"] == "page" else "prefix", i)
        for i, row in enumerate(rows)
    )
    owner = find_column(lookup, pages)
    is_new = ~np.asarray(pages["collected"]) if len(pages) else np.zeros(0, dtype=np.bool_)
    tokens = _sums(pages["num_tokens"], owner, len(rows), is_new.astype(np.int64))
    formulas = _sums(pages["formulas"], owner, len(rows))
    code_lines = _sums(pages["code_lines"], owner, len(rows))
    samples = _samples(pages, owner, is_new)
    return [
        {
            "new_tokens": int(tokens[i]),
            "formulas": int(formulas[i]),
            "code_lines": int(code_lines[i]),
            "samples": samples.get(i, []),
        }
        for i in range(len(rows))
    ]


def _sums(
    column: pa.ChunkedArray, owner: npt.NDArray[np.int64], num_prefixes: int, times: Counts = ONCE
) -> Counts:
    """Return the sum of a column over the pages of each prefix; null counts as none."""
    sums = np.zeros(num_prefixes, dtype=np.int64)
    np.add.at(sums, owner, pc.fill_null(column, 0).to_numpy().astype(np.int64) * times)
    return sums


def _samples(
    pages: pa.Table, owner: npt.NDArray[np.int64], is_new: npt.NDArray[np.bool_]
) -> dict[int, list[str]]:
    """Return some URLs of each prefix: not collected ones first, then by hash."""
    keys = sample_keys(pages["id"], seed=0, purpose="evidence")
    order = np.lexsort((keys, ~is_new, owner))
    found: dict[int, list[int]] = {}
    for row, prefix in zip(order.tolist(), owner[order].tolist(), strict=True):
        rows = found.setdefault(prefix, [])
        if len(rows) < NUM_SAMPLES:
            rows.append(row)
    return {prefix: pages["url"].take(pa.array(rows)).to_pylist() for prefix, rows in found.items()}


def automatic_decisions(proposals: pa.Table, *, target: str, iteration: int) -> list[Decision]:
    """Return the decisions that intervals make alone; rows for review are not among them."""
    return [
        Decision(
            target=target,
            host=row["host"],
            prefix=row["prefix"],
            scope=row["scope"],
            verdict=row["proposal"],
            who=AUTO,
            date="",  # or the same run would write another file on another day
            iteration=iteration,
            pages=row["num_pages"],
            collected=row["num_collected"],
            lower=row["lower"],
            upper=row["upper"],
            note="",
        )
        for row in proposals.to_pylist()
        if row["proposal"] != "review"
    ]
