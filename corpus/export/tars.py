"""WebDataset: tar files in which the members that share a name are one sample.

A row becomes `KEY.json`, and beside it `KEY.bin` (its ids, int32 little-endian) or `KEY.txt` (its
text); the key is the row's id. Times, owners and modes are constants, so equal rows give equal
bytes.
"""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pyarrow as pa


def write_tar(path: Path, tables: Iterable[pa.Table]) -> None:
    """Write two members a row."""
    encoder = msgspec.json.Encoder()
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for table in tables:
            payload = "tokens" if "tokens" in table.column_names[-1:] else "text"
            for batch in table.to_batches(max_chunksize=256):
                rows = batch.drop_columns([payload]).to_pylist()
                for row, value in zip(rows, batch[payload], strict=True):
                    _add(archive, f"{row['id']}.json", encoder.encode(row))
                    if payload == "tokens":
                        ids = value.values.to_numpy().astype("<i4", copy=False)
                        _add(archive, f"{row['id']}.bin", ids.tobytes())
                    else:
                        _add(archive, f"{row['id']}.txt", value.as_py().encode())


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))
