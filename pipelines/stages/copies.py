"""Exact copies, and the final fate of every duplicate, which may have to follow a copy's keeper."""

from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from ...dedup.cluster import FATE, follow_copies, subject_prefixes
from ...dedup.exact import CONTENT, exact_copies
from ..output import Output
from ..stage import Inputs, value_counts
from .exchange import Exchange, key_of_id, key_of_number, placed_run, write_partitions, write_shards


class Exact(Exchange, frozen=True, kw_only=True):
    """Finds the items of one content partition that hold the same content."""

    name: ClassVar[str] = "exact"
    version: ClassVar[int] = 2
    names_shards: ClassVar[bool] = True

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the FATE of every lesser copy, once by its keeper's id and once by its shard."""
        columns = ["item_id", "item_content", "rank"]
        runs = [placed_run(file, columns) for file in inputs.all("slices")]
        content = key_of_id("item_content")
        by_keeper = self.sorter(subject_prefixes, output, _in_order)
        by_shard = self.sorter(key_of_number("shard"), output, _in_order_of_shards)
        with by_keeper, by_shard:
            for block in self.merged_runs(runs, content, output):
                copies = exact_copies(block.table.select(CONTENT.names))
                by_keeper.add(copies)
                by_shard.add(copies)
            write_partitions(by_keeper.blocks(), subject_prefixes, self.partitions, output, FATE)
            write_shards(by_shard.blocks(), output)


class Fates(Exchange, frozen=True, kw_only=True):
    """Gives each dropped item of one id partition its final keeper."""

    name: ClassVar[str] = "fates"

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write one slice a shard: item_id, reason, cluster, keeper, similarity."""
        files = [*inputs.all("exact"), *inputs.all("cluster")]
        reasons = self.sorter(key_of_number("shard"), output, _in_order_of_shards)
        with reasons:
            for block in self.merged(files, FATE.names, subject_prefixes, output):
                reasons.add(follow_copies(block.table))
            output.write(_with_reason(FATE.empty_table()))
            for table in reasons.blocks():
                named = _with_reason(table)
                output.count("items", value_counts(named["reason"]))
                write_shards([named], output)


def _in_order(fates: pa.Table) -> pa.Table:
    return fates.sort_by([("subject", "ascending"), ("item_id", "ascending")])


def _in_order_of_shards(fates: pa.Table) -> pa.Table:
    return fates.sort_by([("shard", "ascending"), ("item_id", "ascending")])


def _with_reason(fates: pa.Table) -> pa.Table:
    """A cluster is a kept item with all that was dropped for it, and has the kept item's id."""
    reason = pc.if_else(fates["is_copy"], "exact_duplicate", "near_duplicate")
    return pa.table(
        {
            "item_id": fates["item_id"],
            "reason": reason,
            "cluster": fates["keeper"],
            "keeper": fates["keeper"],
            "similarity": fates["similarity"].cast(pa.float32()),
            "shard": fates["shard"],
        }
    )
