"""The pages of a pool in memory, and what people have said of them."""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.filters.recall.sampling import Labels, Rows
from gristmill.filters.recall.seeds import PageLabel
from gristmill.pipelines.artifact import InputFile
from gristmill.pipelines.recall.asked import Asked
from gristmill.pipelines.stages.recall import POOL

Mask = npt.NDArray[np.bool_]
ORIGIN = ["origin_file", "origin_id"]
COLUMNS = [name for name in POOL.names if name not in (*ORIGIN, "words")]


class Pages:
    """The pages of a pool: what is asked of all of them as columns, and the words of some."""

    def __init__(self, files: Sequence[InputFile]) -> None:
        self._files = files
        empty = POOL.empty_table().select(COLUMNS)
        self.table = pa.concat_tables([empty, *(file.read(COLUMNS) for file in files)])
        self.num_tokens: Rows = self.table["num_tokens"].to_numpy()

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def labels(self, name: str) -> Labels:
        """Return a column of strings as numpy has them."""
        return np.asarray(self.table[name].to_pylist(), dtype=np.str_)

    def words(self, rows: Rows) -> pa.ChunkedArray:
        """Return the words of some pages, in their order."""
        return self._some(["words"], rows)["words"]

    def origins(self, rows: Rows) -> pa.Table:
        """Return where some pages were read from, in their order."""
        return self._some(ORIGIN, rows)

    def _some(self, names: list[str], rows: Rows) -> pa.Table:
        order = np.argsort(rows, kind="stable")
        ascending, start = rows[order], 0
        parts = [POOL.empty_table().select(names)]
        for file in self._files:
            first, last = np.searchsorted(ascending, [start, start + file.rows])
            if last > first:
                parts.append(file.read(names).take(pa.array(ascending[first:last] - start)))
            start += file.rows
        return pa.concat_tables(parts).take(pa.array(np.argsort(order, kind="stable")))


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What people have said of the pages of a pool, row for row."""

    is_seed: Mask  # of a site, or labelled yes
    is_negative: Mask  # labelled no
    audit_rows: Rows
    audit: list[PageLabel]
    num_labels_missing: int  # labelled pages that are not in the pool
    num_audit_missing: int

    def is_audited(self) -> Mask:
        """Return which pages are never trained on."""
        mask = np.zeros(len(self.is_seed), dtype=np.bool_)
        mask[self.audit_rows] = True
        return mask


def apply_asked(
    asked: Asked, pages: Pages, copies: pa.Table, described: Mask | None = None
) -> Known:
    """Return what the files say of the pages of a pool; an audited page is no seed.

    Args:
        copies: COPY of the pages that gave way to a longer one, sorted by URL. What is said of
            them holds for that one, or their texts would be negatives; its own labels go first.
        described: further seeds, which a rule names.
    """
    rows = pc.index_in(copies["keeper"], value_set=pages.table["doc_id"].combine_chunks())
    copies, kept = copies.filter(pc.is_valid(rows)), pc.drop_null(rows).to_numpy()
    label_rows, labels, labels_missing = _find(asked.labels, pages, copies, kept)
    audit_rows, audit, audit_missing = _find(asked.audit, pages, copies, kept)
    is_seed = asked.names_places(pages.table)
    is_seed[kept[asked.names_places(copies)]] = True
    if described is not None:
        is_seed |= described
    is_negative = np.zeros(len(pages), dtype=np.bool_)
    says_yes = np.array([label.is_positive for label in labels], dtype=np.bool_)
    is_seed[label_rows] = says_yes
    is_negative[label_rows] = ~says_yes
    is_seed[audit_rows] = False
    is_negative[audit_rows] = False
    return Known(
        is_seed=is_seed,
        is_negative=is_negative,
        audit_rows=audit_rows,
        audit=audit,
        num_labels_missing=labels_missing,
        num_audit_missing=audit_missing,
    )


def _find(
    labels: dict[str, PageLabel], pages: Pages, copies: pa.Table, kept: Rows
) -> tuple[Rows, list[PageLabel], int]:
    """Return the rows of labelled pages, ascending, their labels, and how many are not there."""
    of_copies = _places(labels, copies["url"])
    own = _places(labels, pages.table["url"])
    found: dict[int, PageLabel] = {}
    for place, label in of_copies:
        found.setdefault(int(kept[place]), label)
    found.update(own)
    rows = sorted(found)
    num_missing = len(labels) - len(own) - len(of_copies)
    return np.array(rows, dtype=np.int64), [found[row] for row in rows], num_missing


def _places(labels: dict[str, PageLabel], urls: pa.ChunkedArray) -> list[tuple[int, PageLabel]]:
    wanted = pc.is_in(urls, value_set=pa.array(sorted(labels), urls.type))
    places = np.flatnonzero(np.asarray(wanted))
    return [
        (place, labels[url])
        for place, url in zip(places.tolist(), urls.take(places).to_pylist(), strict=True)
    ]
