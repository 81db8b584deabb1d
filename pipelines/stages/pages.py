"""Pages: of the captures whose URLs have one normal form, one is kept before contents are compared.

`pages` and `same_page` choose it. What is chosen may later be a duplicate of something else, so
`page_fates` and `page_keepers` carry that news from the chosen page's shard to the shards of the
others: a dropped page names a keeper that is kept.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.record import ID
from ...dedup.exact import exact_duplicates
from ...dedup.preference import PREFERENCE_KEY, preference_keys
from ...dedup.urls import UrlRules, url_key
from ..stage import Inputs, Output, Stage
from .items import partition_name, partition_of

SAME_PAGE = "same_page"

PAGE = pa.schema(
    [
        ("item_id", ID),  # the document's id
        ("url_key", ID),  # digest of the URL's normal form
        ("preference_key", PREFERENCE_KEY),  # smaller is kept first
    ]
)
CAPTURE = pa.schema([("item_id", ID), ("shard", pa.string()), ("keeper", ID)])
MOVED = pa.schema([("item_id", ID), ("url_key", ID), ("cluster", ID), ("keeper", ID)])
FATE = pa.schema(
    [
        ("item_id", ID),
        ("reason", pa.string()),
        ("cluster", ID),
        ("keeper", ID),  # an item that is itself kept
        ("similarity", pa.float32()),  # null: texts of one URL are not compared
    ]
)


class Pages(Stage, frozen=True, kw_only=True):
    """Names every kept page by its URL, in one slice a partition of the names."""

    name: ClassVar[str] = "pages"
    version: ClassVar[int] = 1

    rules: UrlRules
    partitions: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write PAGE of the rows that the rules keep and that have a web address."""
        table = inputs.table("read", ["doc_id", "kind", "path"])
        measured = inputs.table("measure", ["licence", "num_chars"])
        dropped = inputs.table("decide", ["dropped_by"])["dropped_by"]
        is_page = pc.and_(pc.is_null(dropped), pc.equal(table["kind"], "page"))
        table, measured = table.filter(is_page), measured.filter(is_page)
        keys = pa.array([url_key(url, rules=self.rules) for url in table["path"].to_pylist()], ID)
        captures = pa.table(
            {
                "item_id": table["doc_id"],
                "licence_known": pc.is_valid(measured["licence"]),
                "stars": measured["num_chars"],  # of two captures, the one with more text
                "path": pa.repeat(pa.scalar(""), table.num_rows),  # their URLs are alike
            }
        )
        pages = pa.table([table["doc_id"], keys, preference_keys(captures)], schema=PAGE)
        pages = pages.filter(pc.is_valid(pages["url_key"]))
        order = pc.sort_indices(pages, [("url_key", "ascending"), ("item_id", "ascending")])
        _write_partitions(pages.take(order), "url_key", self.partitions, output)


class SamePage(Stage, frozen=True, kw_only=True):
    """Chooses one page of every URL of one partition: the most preferred."""

    name: ClassVar[str] = "same_page"
    version: ClassVar[int] = 1
    names_shards: ClassVar[bool] = True

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write CAPTURE of every page that is not chosen, in one slice a shard."""
        parts = [PAGE.empty_table().append_column("shard", pa.array([], pa.string()))]
        for file in inputs.all("slices"):
            rows = file.read(PAGE.names)
            shard = pa.repeat(pa.scalar(file.shard), rows.num_rows)
            parts.append(rows.append_column("shard", shard))
        pages = pa.concat_tables(parts)
        found = exact_duplicates(pages.rename_columns({"url_key": "content_id"}))
        rows = pc.index_in(found["item_id"], value_set=pages["item_id"].combine_chunks())
        shards = pages["shard"].take(rows)
        captures = pa.table([found["item_id"], shards, found["keeper_id"]], schema=CAPTURE)
        _write_shards(captures, captures["shard"], output)
        output.count("items", {SAME_PAGE: captures.num_rows})


class PageFates(Stage, frozen=True, kw_only=True):
    """Lists the pages of a shard that were dropped as duplicates, by the partition of their URL."""

    name: ClassVar[str] = "page_fates"
    version: ClassVar[int] = 1

    partitions: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write MOVED: each page and what is kept in its place."""
        pages = inputs.table("pages", ["item_id", "url_key"])
        columns = ["item_id", "cluster", "keeper"]
        empty = MOVED.empty_table().select(columns)
        fates = pa.concat_tables([empty, *(file.read(columns) for file in inputs.all("fates"))])
        rows = pc.index_in(pages["item_id"], value_set=fates["item_id"].combine_chunks())
        is_dropped = pc.is_valid(rows)
        pages, fates = pages.filter(is_dropped), fates.take(rows.filter(is_dropped))
        moved = pa.table(
            [pages["item_id"], pages["url_key"], fates["cluster"], fates["keeper"]], schema=MOVED
        )
        _write_partitions(moved, "url_key", self.partitions, output)


class PageKeepers(Stage, frozen=True, kw_only=True):
    """Follows the chosen pages of one partition to what is kept of them."""

    name: ClassVar[str] = "page_keepers"
    version: ClassVar[int] = 1

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write FATE of every page that was not chosen, in one slice a shard."""
        captures = inputs.table("same_page")
        parts = [MOVED.empty_table(), *(file.read(MOVED.names) for file in inputs.all("moved"))]
        moved = pa.concat_tables(parts)
        chosen = captures["keeper"]
        rows = pc.index_in(chosen, value_set=moved["item_id"].combine_chunks())
        clusters, keepers = (
            pc.coalesce(moved[name].take(rows), chosen) for name in ("cluster", "keeper")
        )
        reasons = pa.repeat(pa.scalar(SAME_PAGE), captures.num_rows)
        similarities = pa.nulls(captures.num_rows, pa.float32())
        fates = pa.table(
            [captures["item_id"], reasons, clusters, keepers, similarities], schema=FATE
        )
        _write_shards(fates, captures["shard"], output)


def _write_partitions(table: pa.Table, column: str, partitions: int, output: Output) -> None:
    """Write one slice a partition of an id column."""
    names = [partition_name(i) for i in range(partitions)]
    _write_slices(table, partition_of(table[column], partitions), names, output)


def _write_shards(table: pa.Table, shards: pa.ChunkedArray, output: Output) -> None:
    """Write one slice a shard, its rows in the order of the table."""
    names = sorted(shards.unique().to_pylist())
    numbers = pc.index_in(shards, value_set=pa.array(names, pa.string())).to_numpy()
    _write_slices(table, numbers.astype(np.int64), names, output)


def _write_slices(
    table: pa.Table, numbers: npt.NDArray[np.int64], names: Sequence[str], output: Output
) -> None:
    """Write the rows with number i as the slice that names[i] calls, in their order."""
    output.write(table.slice(0, 0))
    order = np.argsort(numbers, kind="stable")
    found, starts = np.unique(numbers[order], return_index=True)
    for number, rows in zip(found, np.split(order, starts)[1:], strict=True):
        output.write(table.take(pa.array(rows)), slice_name=names[number])
