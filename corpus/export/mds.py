"""MosaicML Streaming's MDS: samples behind a table of offsets, and an index of all shards.

A shard is a count, the offsets, the columns' encodings as JSON, and the samples; every integer is
32 bits and little-endian. The bytes are those that MDSWriter writes for the same samples.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from ..errors import GristmillError

SIZE_LIMIT: Final = 1 << 26  # what MDSWriter states unless told otherwise; readers ignore it
_MAX_BYTES: Final = (1 << 32) - 1
_INT_BYTES: Final = 8
_COUNT_TYPES = ((1 << 8, 0, "<u1"), (1 << 16, 1, "<u2"), (1 << 32, 2, "<u4"))


def write_mds(path: Path, tables: Iterable[pa.Table], *, schema: pa.Schema) -> None:
    """Write one shard; it is held in memory, as its offsets stand in front of the samples.

    A text that is null becomes an empty one, a number that is null becomes -1.
    """
    encodings = _encodings(schema)
    samples = [
        _sample(row, encodings)
        for table in tables
        for batch in table.to_batches(max_chunksize=256)
        for row in _rows(batch)
    ]
    config = json.dumps(_config(encodings), sort_keys=True).encode()
    offsets = np.cumsum([0, *map(len, samples)], dtype=np.uint64)
    offsets += np.uint64(4 + 4 * len(offsets) + len(config))
    if int(offsets[-1]) > _MAX_BYTES:
        raise GristmillError(
            f"a shard of {int(offsets[-1]):,} bytes is more than MDS can address",
            where=path.name,
            todo="Ask for fewer tokens in a file.",
        )
    with path.open("wb") as file:
        file.write(len(samples).to_bytes(4, "little") + offsets.astype("<u4").tobytes() + config)
        file.writelines(samples)


def mds_index(shards: Sequence[tuple[str, int, int]], *, schema: pa.Schema) -> bytes:
    """Return index.json of shards, each given as base name, samples and bytes."""
    config = _config(_encodings(schema))
    entries = [
        {
            **config,
            "samples": samples,
            "raw_data": {"basename": name, "bytes": num_bytes, "hashes": {}},
            "zip_data": None,
        }
        for name, samples, num_bytes in shards
    ]
    return json.dumps({"version": 2, "shards": entries}, sort_keys=True).encode()


def _encodings(schema: pa.Schema) -> dict[str, str]:
    """Return the MDS encoding of each column, in the order of the names."""
    return {name: _encoding(schema.field(name).type) for name in sorted(schema.names)}


def _encoding(kind: pa.DataType) -> str:
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "str"
    if pa.types.is_integer(kind):
        return "int"
    assert pa.types.is_list(kind), kind
    return "ndarray:int32" if pa.types.is_int32(kind.value_type) else "json"


def _config(encodings: Mapping[str, str]) -> dict[str, object]:
    return {
        "version": 2,
        "format": "mds",
        "compression": None,
        "hashes": [],
        "size_limit": SIZE_LIMIT,
        "column_names": list(encodings),
        "column_encodings": list(encodings.values()),
        "column_sizes": [_INT_BYTES if name == "int" else None for name in encodings.values()],
    }


def _rows(batch: pa.RecordBatch) -> Iterable[dict[str, object]]:
    """Return the rows; lists of ids stay arrays."""
    names = [field.name for field in batch.schema if _encoding(field.type) == "ndarray:int32"]
    rows: list[dict[str, object]] = batch.drop_columns(names).to_pylist()
    for name in names:
        for row, value in zip(rows, batch[name], strict=True):
            row[name] = value.values.to_numpy()
    return rows


def _sample(row: Mapping[str, object], encodings: Mapping[str, str]) -> bytes:
    data = [_encoded(row[name], encoding) for name, encoding in encodings.items()]
    sizes = [
        len(part).to_bytes(4, "little")
        for part, encoding in zip(data, encodings.values(), strict=True)
        if encoding != "int"
    ]
    return b"".join([*sizes, *data])


def _encoded(value: object, encoding: str) -> bytes:
    if encoding == "str":
        assert value is None or isinstance(value, str)
        return (value or "").encode()
    if encoding == "int":
        assert value is None or isinstance(value, int)
        return (-1 if value is None else value).to_bytes(_INT_BYTES, "little", signed=True)
    if encoding == "json":
        return json.dumps(value).encode()
    assert isinstance(value, np.ndarray)
    code, count = _count(len(value))
    return bytes([1 << 2 | code]) + count + value.astype("<i4", copy=False).tobytes()


def _count(length: int) -> tuple[int, bytes]:
    """Return the code of the smallest type that holds a length, and the length in it."""
    code, kind = next((code, kind) for limit, code, kind in _COUNT_TYPES if length < limit)
    return code, np.array([length], kind).tobytes()
