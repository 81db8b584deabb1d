"""Items of a pool: the pages of recall that are compared with one another, the longest first.

What is said of a page that gives way to a longer one holds for that one: `recall_copies` lists
such pages.
"""

from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.record import ID
from ..output import Output
from ..stage import Inputs, Stage
from .exchange import key_of_id, write_partitions
from .items import ITEM
from .recall import LONGEST, NEAR, given_way, have_keys, page_places

COPY = pa.schema(
    [
        ("url", pa.string()),  # in its normal form
        ("host", pa.string()),
        ("path", pa.string()),
        ("has_query", pa.bool_()),
        ("keeper", ID),  # the page that stays
    ]
)


class PoolItems(Stage, frozen=True, kw_only=True):
    """Lists the pages that stay of one URL and of one text, in one slice a partition of contents.

    A page of fewer bytes than a judged one has characters is left out: it is in no pool.
    """

    name: ClassVar[str] = "items"
    version: ClassVar[int] = 1

    least_characters: int
    partitions: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write ITEMs: of two that are alike the longer is preferred, then the smaller id."""
        table = inputs.table("read", ["doc_id", "content_id", "path", "num_bytes"])
        stays = pc.and_(
            pc.is_valid(table["content_id"]),
            pc.greater_equal(table["num_bytes"], self.least_characters),
        )
        for gone in given_way(inputs).values():
            stays = pc.and_not(stays, pc.is_in(table["doc_id"], value_set=gone))
        rows = np.flatnonzero(pc.and_(stays, self.has_place(table)).to_numpy())
        table = table.take(rows)
        num_bytes = table["num_bytes"].to_numpy()
        ranks = LONGEST - num_bytes.astype(np.uint64)
        items = pa.table(
            [table["doc_id"], table["content_id"], ranks, rows, num_bytes], schema=ITEM
        )
        items = items.sort_by([("item_content", "ascending"), ("row", "ascending")])
        write_partitions([items], key_of_id("item_content"), self.partitions, output, ITEM)

    def has_place(self, table: pa.Table) -> pa.Array:
        """Return which rows have a URL; `table` has the column path."""
        return have_keys(table["path"])


class PoolCopies(Stage, frozen=True, kw_only=True):
    """Lists the pages of a shard that give way to a longer one, by their URLs."""

    name: ClassVar[str] = "recall_copies"
    version: ClassVar[int] = 1

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write COPY, in the order of the ids."""
        fates = [file.read(["item_id", "keeper"]) for file in inputs.all(NEAR)]
        output.write(COPY.empty_table())
        if not fates:
            return
        lost = pa.concat_tables(fates).sort_by("item_id")
        pages = inputs.table("read", ["doc_id", "collection", "path"])
        rows = pc.index_in(lost["item_id"], value_set=pages["doc_id"].combine_chunks())
        places = self.places(pages.take(rows))
        output.write(pa.table([*places.columns, lost["keeper"]], schema=COPY))

    def places(self, rows: pa.Table) -> pa.Table:
        """Return url, host, path and has_query of pages."""
        return page_places(rows["path"])
