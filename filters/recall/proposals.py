"""Proposes a verdict for every prefix of the hosts in topic, with the evidence a person needs."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .decisions import AUTO, Decision
from .prefix_lookup import PrefixLookup, find_column
from .prefixes import PrefixSettings, host_prefixes
from .sampling import sample_keys

NUM_SAMPLES: Final = 5

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
        ("samples", pa.list_(pa.string())),  # URLs, of those first
    ]
)


def propose_prefixes(pages: pa.Table, hosts: list[str], settings: PrefixSettings) -> pa.Table:
    """Return the cut of each host, sorted by host and prefix; the order of pages is no matter.

    Args:
        pages: id, url, host, path, has_query, collected, num_tokens of the pool, or of the part
            of it that holds these hosts whole. Memory is that of the pages of these hosts.
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
        row["new_tokens"], row["samples"] = evidence
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _runs(hosts: pa.ChunkedArray) -> list[tuple[int, int]]:
    """Return where the pages of each host lie."""
    lengths = pc.run_end_encode(hosts.combine_chunks()).run_ends.to_pylist() if len(hosts) else []
    return list(zip([0, *lengths], lengths, strict=False))


def _evidence(pages: pa.Table, rows: list[dict[str, object]]) -> list[tuple[int, list[str]]]:
    """Return the tokens not collected yet and sample URLs of each prefix."""
    lookup = PrefixLookup(
        (str(row["host"]), str(row["prefix"]), "page" if row["scope"] == "page" else "prefix", i)
        for i, row in enumerate(rows)
    )
    owner = find_column(lookup, pages)
    is_new = ~np.asarray(pages["collected"]) if len(pages) else np.zeros(0, dtype=np.bool_)
    tokens = np.zeros(len(rows), dtype=np.int64)
    np.add.at(tokens, owner[is_new], np.asarray(pages["num_tokens"])[is_new])
    samples = _samples(pages, owner, is_new)
    return [(int(tokens[i]), samples.get(i, [])) for i in range(len(rows))]


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
