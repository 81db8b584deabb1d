"""Pages: of the captures whose URLs have one normal form, one is kept before contents are compared.

`pages` and `same_page` choose it. What is chosen may later be a duplicate of something else, so
`page_fates` and `page_keepers` carry that news from the chosen page's shard to the shards of the
others: a dropped page names a keeper that is kept.
"""

from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.record import ID
from ...dedup.cluster import FATE
from ...dedup.exact import CONTENT, exact_copies
from ...dedup.preference import RANK, preference_ranks
from ...dedup.urls import UrlRules, url_key
from ..output import Output
from ..stage import Inputs, Stage
from .exchange import (
    Exchange,
    key_of_id,
    key_of_number,
    placed_run,
    write_partitions,
    write_shards,
)

SAME_PAGE = "same_page"

PAGE = pa.schema(
    [
        ("item_id", ID),  # the document's id
        ("url_key", ID),  # digest of the URL's normal form
        ("rank", RANK),  # smaller is kept first
    ]
)
MOVED = pa.schema([("item_id", ID), ("url_key", ID), ("cluster", ID), ("keeper", ID)])


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
                "licence_known": pc.is_valid(measured["licence"]),
                "stars": measured["num_chars"],  # of two captures, the one with more text
                "path": pa.repeat(pa.scalar(""), table.num_rows),  # their URLs are alike
            }
        )
        pages = pa.table([table["doc_id"], keys, preference_ranks(captures)], schema=PAGE)
        _write_partitions(pages.filter(pc.is_valid(pages["url_key"])), self.partitions, output)


class SamePage(Exchange, frozen=True, kw_only=True):
    """Chooses one page of every URL of one partition: the most preferred."""

    name: ClassVar[str] = "same_page"
    names_shards: ClassVar[bool] = True

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the FATE of every page that is not chosen, in one slice a shard."""
        runs = [placed_run(file, PAGE.names) for file in inputs.all("slices")]
        with self.sorter(key_of_number("shard"), output, _in_order) as sorter:
            for block in self.merged_runs(runs, key_of_id("url_key"), output):
                pages = block.table.rename_columns({"url_key": "item_content"})
                copies = exact_copies(pages.select(CONTENT.names))
                output.count("items", {SAME_PAGE: copies.num_rows})
                sorter.add(copies)
            output.write(FATE.empty_table())
            write_shards(sorter.blocks(), output)


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
        moved = [pages["item_id"], pages["url_key"], fates["cluster"], fates["keeper"]]
        _write_partitions(pa.table(moved, schema=MOVED), self.partitions, output)


class PageKeepers(Stage, frozen=True, kw_only=True):
    """Follows the chosen pages of one partition to what is kept of them.

    The pages of the partition that were not chosen lie in memory, about 120 bytes each.
    """

    name: ClassVar[str] = "page_keepers"
    version: ClassVar[int] = 1

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write item_id, reason, cluster, keeper and similarity, in one slice a shard."""
        captures = inputs.table("same_page")
        parts = [MOVED.empty_table(), *(file.read(MOVED.names) for file in inputs.all("moved"))]
        moved = pa.concat_tables(parts)
        chosen = captures["keeper"]
        rows = pc.index_in(chosen, value_set=moved["item_id"].combine_chunks())
        clusters, keepers = (
            pc.coalesce(moved[name].take(rows), chosen) for name in ("cluster", "keeper")
        )
        fates = pa.table(
            {
                "item_id": captures["item_id"],
                "reason": pa.repeat(pa.scalar(SAME_PAGE), captures.num_rows),
                "cluster": clusters,
                "keeper": keepers,
                # texts of one URL are not compared
                "similarity": pa.nulls(captures.num_rows, pa.float32()),
                "shard": captures["shard"],
            }
        )
        output.write(fates.slice(0, 0))
        write_shards([fates], output)


def _write_partitions(table: pa.Table, num_partitions: int, output: Output) -> None:
    """Write one slice a partition of the URLs, each sorted by them."""
    table = table.sort_by([("url_key", "ascending"), ("item_id", "ascending")])
    write_partitions([table], key_of_id("url_key"), num_partitions, output, table.schema)


def _in_order(fates: pa.Table) -> pa.Table:
    return fates.sort_by([("shard", "ascending"), ("item_id", "ascending")])
