"""The true similarity of candidate pairs, measured on their texts; of known pairs, copied.

A pair's items lie in two shards. So the texts of the items of all pairs of a partition are first
gathered, each once, and then compared in one place. What an earlier build has measured is not
gathered. A threshold is applied later: another one measures nothing again.
"""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.record import ID
from ...dedup.cluster import EDGE
from ...dedup.columns import byte_strings
from ...dedup.merge import Block
from ...dedup.pairs import PAIR, SIDES, distinct_pairs, left_prefixes
from ...dedup.shingle_sets import ShingleSets, pair_chunks
from ..output import Output
from ..stage import Inputs
from .exchange import (
    Exchange,
    key_of_number,
    run_of,
    write_shards,
)
from .gather import gathered_run, text_run

WANTED = pa.schema([("item_id", ID), ("shard", pa.uint64())])


class Unknown(Exchange, frozen=True, kw_only=True):
    """Names the items of one partition whose texts are needed to measure its pairs."""

    name: ClassVar[str] = "unknown"
    is_temporary: ClassVar[bool] = True

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the WANTED items, one slice a shard."""
        with self.sorter(key_of_number("shard"), output, _distinct_items) as sorter:
            for pairs in joined_pairs(self, inputs, output):
                unknown = pairs.filter(pc.is_null(pairs["similarity"]))
                for side in SIDES:
                    columns = [unknown[side], unknown[f"{side}_shard"]]
                    sorter.add(pa.table(columns, schema=WANTED))
            output.write(WANTED.empty_table())
            write_shards(sorter.blocks(), output)


class Near(Exchange, frozen=True, kw_only=True):
    """Measures the Jaccard similarity of the pairs of one partition.

    The texts, gathered or not, and the `previous` artifact are hints: they cannot change the
    output. It reads the texts of candidates only, so it counts as columnar.
    """

    name: ClassVar[str] = "near"
    version: ClassVar[int] = 2

    ngram: int
    text_field: str

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write all EDGEs in the order of the pairs, also those of little similarity."""
        runs = [gathered_run(file) for file in inputs.all("gathered")]
        for file, members in zip(inputs.all("texts"), inputs.all("members"), strict=True):
            runs.append(text_run(file, members, self.text_field))
        sets = ShingleSets(runs, ngram=self.ngram)
        output.write(EDGE.empty_table())
        for pairs in joined_pairs(self, inputs, output):
            missing = np.flatnonzero(pc.is_null(pairs["similarity"]).to_numpy())
            values = pc.fill_null(pairs["similarity"], 0.0).to_numpy().copy()
            todo = pairs.take(missing)
            for first, last in pair_chunks(todo, sets, self.memory_bytes * 3 // 4):
                chunk = todo.slice(first, last - first)
                values[missing[first:last]] = sets.similarities(chunk)
            output.append(_with_similarity(pairs, pa.array(values)), slice_name="all")
            copied = pairs.num_rows - len(missing)
            output.count("pairs", {"measured": len(missing), "copied": copied})


def joined_pairs(stage: Exchange, inputs: Inputs, output: Output) -> Iterator[pa.Table]:
    """Yield the pairs in order, as EDGEs: with the similarity measured by an earlier build."""
    runs = [run_of(inputs.one("pairs"), PAIR.names, _without_similarity)]
    runs += [run_of(file, EDGE.names) for file in inputs.all("previous")]
    for block in stage.merged_runs(runs, left_prefixes, output):
        yield from _joined(block)


def _joined(block: Block) -> Iterator[pa.Table]:
    table = block.table
    is_new = pc.is_null(table["similarity"])
    pairs = distinct_pairs(table.filter(is_new))
    old = table.filter(pc.invert(is_new))
    if old.num_rows:
        rows = pc.index_in(_names(pairs), value_set=_names(old))
        pairs = _with_similarity(pairs, old["similarity"].take(rows))
    if pairs.num_rows:
        yield pairs


def _names(pairs: pa.Table) -> pa.Array:
    """Return both ids of each pair as one string of bytes."""
    sides = [np.frombuffer(byte_strings(pairs[side]).tobytes(), "V16") for side in SIDES]
    joined = np.stack(sides, axis=1).tobytes()
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(32), pairs.num_rows, [None, pa.py_buffer(joined)]
    )


def _without_similarity(pairs: pa.Table) -> pa.Table:
    return _with_similarity(pairs, pa.nulls(pairs.num_rows, pa.float64()))


def _with_similarity(pairs: pa.Table, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    return pairs.select(PAIR.names).append_column(EDGE.field("similarity"), values)


def _distinct_items(items: pa.Table) -> pa.Table:
    distinct = items.group_by(["item_id", "shard"], use_threads=False).aggregate([])
    return distinct.select(WANTED.names).sort_by([("shard", "ascending"), ("item_id", "ascending")])
