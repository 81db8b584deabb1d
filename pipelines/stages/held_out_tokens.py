"""Held-out documents as token shards: as training has them, without FIM, with the size of texts."""

from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...corpus.sample import Piece
from ...corpus.token_rows import HELD_OUT_ROW
from ...corpus.tokenizer import load_tokenizer
from ..output import Output
from ..stage import Inputs
from .compose import Assemble
from .held_out import HELD_OUT
from .tokens import WORK_ROW, Pack, Tokenize

NUM_BYTES = HELD_OUT_ROW.field("num_bytes")


class HeldOutSamples(Assemble, frozen=True, kw_only=True):
    """Lists what the held-out documents of a shard are evaluated as."""

    name: ClassVar[str] = "held_out_samples"
    version: ClassVar[int] = 1

    def _is_wanted(self, dropped_by: pa.ChunkedArray) -> pa.ChunkedArray:
        return pc.fill_null(pc.equal(dropped_by, HELD_OUT), fill_value=False)


class HeldOutTokens(Tokenize, frozen=True, kw_only=True):
    """Tokenizes the held-out documents of a shard, and counts the bytes of their texts."""

    name: ClassVar[str] = "held_out_tokens"
    version: ClassVar[int] = 1
    rows: ClassVar[pa.Schema] = WORK_ROW.append(NUM_BYTES)

    def _encode(self, batch: list[tuple[dict[str, Any], list[Piece]]]) -> pa.Table:
        table = super()._encode(batch)
        tokenizer = load_tokenizer(self.tokenizer)
        rows = (row.values.to_numpy() for row in table["tokens"])
        sizes = [len(tokenizer.decode_bytes(tokens[:-1])) for tokens in rows]  # EOS is no text
        return table.append_column(NUM_BYTES, pa.array(sizes, NUM_BYTES.type))


class HeldOutPack(Pack, frozen=True, kw_only=True):
    """Gathers one shard of held-out rows."""

    name: ClassVar[str] = "held_out_pack"
    version: ClassVar[int] = 1
    rows: ClassVar[pa.Schema] = HELD_OUT_ROW

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the shard in the order of the shuffle key."""
        super().run(inputs, output)
        texts = pq.read_table(output.path, columns=[NUM_BYTES.name])
        output.count("text_bytes", {self.language: pc.sum(texts[NUM_BYTES.name]).as_py()})
