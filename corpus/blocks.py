"""Decoded packing blocks: one row group of a token shard in memory, and a bounded cache of them.

A later epoch's variant of a block is its rows with that epoch's edits applied.
"""

import itertools
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from . import storage
from .errors import GristmillError
from .fim_epochs import apply_edits
from .groups import Rows
from .mixture import MixtureShard
from .shards import footer_info


class Block(NamedTuple):
    """The tokens of a row group back to back; row i is tokens[row_starts[i]:row_starts[i + 1]]."""

    tokens: npt.NDArray[np.int32]
    row_starts: npt.NDArray[np.int64]
    doc_ids: pa.FixedSizeBinaryArray
    numbers: npt.NDArray[np.int64]  # of its rows in the row group

    def rows_between(self, start: int, stop: int) -> range:
        """Return the rows that have a token in tokens[start:stop]."""
        first = int(np.searchsorted(self.row_starts, start, side="right")) - 1
        return range(first, int(np.searchsorted(self.row_starts, stop, side="left")))

    def doc_id(self, row: int) -> bytes:
        """Return the training document's id of a row."""
        identity: bytes = self.doc_ids[row].as_py()
        return identity

    def number(self, row: int) -> int:
        """Return the place of a row in its row group."""
        return int(self.numbers[row])

    def select(self, is_kept: npt.NDArray[np.bool_]) -> "Block":
        """Return only some of the rows."""
        lengths = np.diff(self.row_starts)
        starts = np.zeros(int(is_kept.sum()) + 1, dtype=np.int64)
        np.cumsum(lengths[is_kept], out=starts[1:])
        tokens = self.tokens[np.repeat(is_kept, lengths)]
        doc_ids = self.doc_ids.filter(pa.array(is_kept))
        return Block(tokens, starts, doc_ids, self.numbers[is_kept])


class BlockCache:
    """The blocks read last, at most `max_tokens` of them in all, but always the last one."""

    def __init__(
        self, root: str, *, tokenizer: str, max_tokens: int, long_min_tokens: int = 0
    ) -> None:
        self._root = root
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._long_min_tokens = long_min_tokens
        self._blocks = OrderedDict[tuple[str, int, int, Rows], Block]()
        self._checked = set[str]()
        self.num_tokens = 0  # held now
        self.num_reads = 0  # row groups decoded so far

    def read(
        self, shard: MixtureShard, row_group: int, variant: int = 0, rows: Rows = "all"
    ) -> Block:
        """Return a row group of a shard, decoding it if it is not held; variant 0 is as stored.

        A shard whose footer is not the one that the mixture describes raises GristmillError, as
        does one that is damaged.
        """
        key = shard.path, row_group, variant, rows
        if key in self._blocks:
            self._blocks.move_to_end(key)
            return self._blocks[key]
        block = self._decode(shard, row_group, variant)
        if rows != "all":
            block = block.select(self._are(rows, shard, row_group))
        self.num_reads += 1
        self._blocks[key] = block
        self.num_tokens += len(block.tokens)
        while self.num_tokens > self._max_tokens and len(self._blocks) > 1:
            _, oldest = self._blocks.popitem(last=False)
            self.num_tokens -= len(oldest.tokens)
        return block

    def row_lengths(
        self, shard: MixtureShard, row_group: int, variant: int, rows: Rows = "all"
    ) -> npt.NDArray[np.int64]:
        """Return the tokens of each row of a row group, reading no token."""
        lengths = self._row_lengths(shard, row_group, variant)
        return lengths if rows == "all" else lengths[self._are(rows, shard, row_group)]

    def _are(self, rows: Rows, shard: MixtureShard, row_group: int) -> npt.NDArray[np.bool_]:
        """Return which rows are long, or which are short; the row as stored decides."""
        lengths = self._row_lengths(shard, row_group, 0)
        is_long: npt.NDArray[np.bool_] = lengths >= self._long_min_tokens
        return is_long if rows == "long" else ~is_long

    def _row_lengths(
        self, shard: MixtureShard, row_group: int, variant: int
    ) -> npt.NDArray[np.int64]:
        if variant == 0:
            counts = self._table(shard, row_group, ["num_tokens"])["num_tokens"]
        else:
            leaf = "later_epochs.list.element.num_tokens"
            table = self._table(shard, row_group, [leaf])
            epochs = epoch_entries(table, len(shard.later_block_tokens), variant)
            counts = pc.struct_field(epochs, "num_tokens")
        lengths: npt.NDArray[np.int64] = counts.to_numpy().astype(np.int64)
        return lengths

    def _decode(self, shard: MixtureShard, row_group: int, variant: int) -> Block:
        later = ["later_epochs"] if variant else []
        table = self._table(shard, row_group, ["doc_id", "tokens", *later]).combine_chunks()
        rows = table["tokens"].chunk(0)
        starts = rows.offsets.to_numpy().astype(np.int64)
        tokens, starts = rows.flatten().to_numpy(), starts - starts[0]
        if variant:
            entries = epoch_entries(table, len(shard.later_block_tokens), variant)
            tokens, starts = rearrange_rows(tokens, starts, entries)
        return Block(tokens, starts, table["doc_id"].chunk(0), np.arange(len(table)))

    def _table(self, shard: MixtureShard, row_group: int, columns: list[str]) -> pa.Table:
        path = storage.join(self._root, shard.path)
        with (
            storage.open_read(path) as stream,
            pq.ParquetFile(stream, page_checksum_verification=True) as file,
        ):
            if shard.path not in self._checked:
                self._check(shard, file.metadata, path)
                self._checked.add(shard.path)
            try:
                return file.read_row_group(row_group, columns=columns, use_threads=False)
            except OSError as error:
                raise GristmillError(
                    f"row group {row_group} cannot be read ({error})",
                    where=path,
                    todo="Fetch the shard again, or rebuild it.",
                ) from error

    def _check(self, shard: MixtureShard, footer: pq.FileMetaData, path: str) -> None:
        info = footer_info(footer, path)
        found = info.block_tokens, info.later_block_tokens
        if found != (shard.block_tokens, shard.later_block_tokens):
            raise GristmillError(
                "the shard is not the one that the mixture describes",
                where=path,
                todo="Read the mixture.json of the build that wrote the shard.",
            )
        if info.metadata.tokenizer != self._tokenizer:
            raise GristmillError(
                "the shard was written with another vocabulary than the mixture",
                where=path,
                todo="Rebuild the shard, or read the mixture that it belongs to.",
            )


def epoch_entries(table: pa.Table, num_later: int, variant: int) -> pa.StructArray:
    """Return each row's entry for one later epoch, 1 the first; every row has `num_later`."""
    entries = pc.list_flatten(table["later_epochs"]).combine_chunks()
    places = np.arange(len(table)) * num_later + variant - 1
    return entries.take(pa.array(places))


def rearrange_rows(
    tokens: npt.NDArray[np.int32], starts: npt.NDArray[np.int64], epochs: pa.StructArray
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Return the tokens of all rows with their edits applied, and where each row starts."""
    lists = epochs.field("edits")
    edits, bounds = lists.values.to_numpy(), lists.offsets.to_numpy()
    rows = [
        apply_edits(tokens[start:stop], edits[first:last])
        for (start, stop), (first, last) in zip(
            itertools.pairwise(starts), itertools.pairwise(bounds), strict=True
        )
    ]
    return np.concatenate(rows), np.cumsum([0, *map(len, rows)], dtype=np.int64)
