"""The rows of token shards as an Arrow table: one training document each, no column ever null."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .record import ID
from .sample import SampleTokens, Segment


def _field(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


_FILE = pa.struct([_field("doc_id", ID), _field("offset", pa.int32())])
_EPOCH = pa.struct(
    [
        _field("fim", pa.int8()),
        _field("num_tokens", pa.int32()),
        # Ids, and runs of the row's tokens: -1 - start, stop. Empty where the row is as stored.
        _field("edits", pa.list_(_field("element", pa.int32()))),
    ]
)

TOKEN_ROW = pa.schema(
    [
        _field("doc_id", ID),  # the training document's id
        _field("tokens", pa.list_(_field("element", pa.int32()))),  # EOS last
        _field("num_tokens", pa.int32()),
        _field("language", pa.string()),
        _field("source", pa.string()),
        _field("fim", pa.int8()),  # fim.FimMode
        # The documents inside, in token order; empty where the row is one document with its id.
        _field("files", pa.list_(_field("element", _FILE))),
        _field("later_epochs", pa.list_(_field("element", _EPOCH))),
    ]
)

# Rows that a model is evaluated on: a loss in bits a byte needs the size of their text.
HELD_OUT_ROW = TOKEN_ROW.append(_field("num_bytes", pa.int64()))  # in UTF-8, without EOS


def token_table(
    samples: Sequence[SampleTokens], *, languages: Sequence[str], sources: Sequence[str]
) -> pa.Table:
    """Return rows of TOKEN_ROW in the order of the samples."""
    counts = [len(sample.tokens) for sample in samples]
    files = [_files_of(sample) for sample in samples]
    flat_files = [segment for segments in files for segment in segments]
    tokens = np.concatenate([np.empty(0, np.int32), *(sample.tokens for sample in samples)])
    file_columns = [
        pa.array([segment.doc_id for segment in flat_files], ID),
        pa.array([segment.offset for segment in flat_files], pa.int32()),
    ]
    types = {field.name: field.type for field in TOKEN_ROW}
    file_values = pa.StructArray.from_arrays(file_columns, fields=list(_FILE))
    columns = [
        pa.array([sample.sample_id for sample in samples], ID),
        pa.ListArray.from_arrays(_offsets(counts), pa.array(tokens), type=types["tokens"]),
        pa.array(counts, pa.int32()),
        pa.array(languages, pa.string()),
        pa.array(sources, pa.string()),
        pa.array([int(sample.fim) for sample in samples], pa.int8()),
        pa.ListArray.from_arrays(
            _offsets([len(segments) for segments in files]), file_values, type=types["files"]
        ),
        _later_epochs(samples, types["later_epochs"]),
    ]
    return pa.Table.from_arrays(columns, schema=TOKEN_ROW)


def cut_blocks(tables: Iterable[pa.Table], block_tokens: int) -> Iterator[pa.Table]:
    """Yield the rows of each row group: as many as hold `block_tokens`, but at least one."""
    pending, held = list[pa.Table](), 0
    for table in tables:
        lengths = pc.list_value_length(table["tokens"])
        assert lengths.equals(table["num_tokens"])
        assert not len(table) or pc.min(lengths).as_py() > 0
        start = 0
        for row, count in enumerate(lengths.to_pylist()):
            if held and held + count > block_tokens:
                yield pa.concat_tables([*pending, table.slice(start, row - start)]).combine_chunks()
                pending, held, start = [], 0, row
            held += count
        pending.append(table.slice(start))
    if held:
        yield pa.concat_tables(pending).combine_chunks()


def later_tokens(block: pa.Table) -> list[int]:
    """Return a block's tokens in each later epoch; all rows have as many of these."""
    counts = pc.struct_field(pc.list_flatten(block["later_epochs"]), "num_tokens")
    by_row = counts.to_numpy().astype(np.int64).reshape(len(block), -1)
    totals: list[int] = by_row.sum(axis=0).tolist()
    return totals


def _files_of(sample: SampleTokens) -> tuple[Segment, ...]:
    alone = sample.segments == (Segment(sample.sample_id, 0),)
    return () if alone else sample.segments


def _offsets(counts: Sequence[int]) -> pa.Array:
    return pa.array(np.cumsum([0, *counts]), pa.int32())


def _later_epochs(samples: Sequence[SampleTokens], kind: pa.DataType) -> pa.Array:
    epochs = [epoch for sample in samples for epoch in sample.later]
    edits = np.concatenate([np.empty(0, np.int32), *(epoch.edits for epoch in epochs)])
    fields = list(_EPOCH)
    columns = [
        pa.array([int(epoch.fim) for epoch in epochs], pa.int8()),
        pa.array([epoch.num_tokens for epoch in epochs], pa.int32()),
        pa.ListArray.from_arrays(
            _offsets([len(epoch.edits) for epoch in epochs]), pa.array(edits), type=fields[2].type
        ),
    ]
    values = pa.StructArray.from_arrays(columns, fields=fields)
    counts = [len(sample.later) for sample in samples]
    return pa.ListArray.from_arrays(_offsets(counts), values, type=kind)
