"""Decoded packing blocks: one row group of a token shard in memory, and a bounded cache of them."""

from collections import OrderedDict
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from . import storage
from .errors import GristmillError
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

    def select(self, *, is_long: bool, min_tokens: int) -> "Block":
        """Return only the rows that have at least so many tokens, or only the others."""
        lengths = np.diff(self.row_starts)
        is_kept = (lengths >= min_tokens) == is_long
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
        self._long_min_tokens = long_min_tokens
        self._root = root
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._blocks = OrderedDict[tuple[str, int, Rows], Block]()
        self._checked = set[str]()
        self.num_tokens = 0  # held now
        self.num_reads = 0  # row groups decoded so far

    def read(self, shard: MixtureShard, row_group: int, rows: Rows = "all") -> Block:
        """Return a row group of a shard, or its long or short rows, decoding it if it is not held.

        A shard whose footer is not the one that the mixture describes raises GristmillError.
        """
        key = shard.path, row_group, rows
        if key in self._blocks:
            self._blocks.move_to_end(key)
            return self._blocks[key]
        block = self._decode(shard, row_group)
        if rows != "all":
            block = block.select(is_long=rows == "long", min_tokens=self._long_min_tokens)
        self.num_reads += 1
        self._blocks[key] = block
        self.num_tokens += len(block.tokens)
        while self.num_tokens > self._max_tokens and len(self._blocks) > 1:
            _, oldest = self._blocks.popitem(last=False)
            self.num_tokens -= len(oldest.tokens)
        return block

    def _decode(self, shard: MixtureShard, row_group: int) -> Block:
        path = storage.join(self._root, shard.path)
        with storage.open_read(path) as stream, pq.ParquetFile(stream) as file:
            if shard.path not in self._checked:
                self._check(shard, file.metadata, path)
                self._checked.add(shard.path)
            table = file.read_row_group(
                row_group, columns=["doc_id", "tokens"], use_threads=False
            ).combine_chunks()
        rows = table["tokens"].chunk(0)
        starts = rows.offsets.to_numpy().astype(np.int64)
        tokens, numbers = rows.flatten().to_numpy(), np.arange(len(rows))
        return Block(tokens, starts - starts[0], table["doc_id"].chunk(0), numbers)

    def _check(self, shard: MixtureShard, footer: pq.FileMetaData, path: str) -> None:
        info = footer_info(footer, path)
        if info.block_tokens != shard.block_tokens:
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
