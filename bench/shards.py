"""Token shards: bytes a token, and millions of tokens written and read a second, by encoding.

The tokens are those of real code: the sources of installed packages, in documents of their own
lengths, as many rows a row group as hold about 2^20 tokens. Peers are the same rows as their tools
write them: datatrove's and Megatron's flat file of ids (.bin), and Parquet as pyarrow writes it
when asked for nothing. Reading ends with one flat int32 array of a row group; page cache is warm,
and one thread does it.
"""

import argparse
import itertools
import json
import platform
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.corpus.tokenizer import EOS, load_tokenizer

IdArray = npt.NDArray[np.int32]
NUM_TOKENS = 8 << 20
BLOCK_TOKENS = 1 << 20
OURS = "list plain zstd3"
ZSTD = ("zstd1", "zstd3", "zstd9")


class Rows(NamedTuple):
    """Documents back to back, and where each starts and the last ends."""

    tokens: IdArray
    offsets: npt.NDArray[np.int32]


class Encoding(NamedTuple):
    """How a row group is written, and how its ids are had again from the column."""

    column: Callable[[Rows], pa.Array]
    ids: Callable[[pa.Array], IdArray]
    options: dict[str, object]


class Result(NamedTuple):
    """Bytes a token; millions of tokens a second of CPU time."""

    num_bytes: float
    write: float
    read: float


def main() -> None:
    """Print a line an encoding, or one JSON object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one object per line")
    parser.add_argument("--tokens", type=int, default=NUM_TOKENS)
    options = parser.parse_args()
    blocks = list(real_blocks(options.tokens))
    found = {name: measure(encoding, blocks) for name, encoding in encodings().items()}
    found["flat file (.bin)"] = measure_flat(blocks)
    if options.json:
        print_json(found)
        return
    num_tokens = sum(len(block.tokens) for block in blocks)
    num_rows = sum(len(block.offsets) - 1 for block in blocks)
    print(f"{num_tokens:,} tokens in {num_rows:,} rows; pyarrow {version('pyarrow')}, ", end="")
    print(f"{platform.machine()}, Python {platform.python_version()}")
    print(f"{'encoding':<28}{'B/token':>9}{'write Mtok/s':>14}{'read Mtok/s':>13}")
    for name, result in found.items():
        print(f"{name:<28}{result.num_bytes:>9.3f}{result.write:>14.0f}{result.read:>13.0f}")


def encodings() -> dict[str, Encoding]:
    """Return the candidates: an encoding of ids, then what compresses the pages."""
    found = {}
    for level in ("none", *ZSTD, "lz4"):
        page: dict[str, object] = {"compression": level[:4] if level in ZSTD else level}
        if level in ZSTD:
            page["compression_level"] = int(level[4:])
        plain = {**page, "use_dictionary": False}
        found[f"list plain {level}"] = Encoding(as_list, from_list, plain)
        found[f"list dictionary {level}"] = Encoding(
            as_list, from_list, {**page, "use_dictionary": True}
        )
        for encoding in ("BYTE_STREAM_SPLIT", "DELTA_BINARY_PACKED"):
            column = {"column_encoding": {"tokens.list.element": encoding}}
            name = f"list {encoding.split('_')[0].lower()} {level}"
            found[name] = Encoding(as_list, from_list, {**plain, **column})
        found[f"binary int32 {level}"] = Encoding(as_int32, from_int32, plain)
        found[f"binary uint24 {level}"] = Encoding(as_uint24, from_uint24, plain)
        found[f"binary 17 bits {level}"] = Encoding(as_17_bits, from_17_bits, plain)
    found["pyarrow's defaults"] = Encoding(as_list, from_list, {})
    return found


def measure(encoding: Encoding, blocks: list[Rows]) -> Result:
    """Write and read a file of row groups; the better of two runs each."""
    num_tokens = sum(len(block.tokens) for block in blocks)
    schema = pa.schema([pa.field("tokens", encoding.column(blocks[0]).type)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shard.parquet"
        write = min(cpu(lambda: write_file(path, schema, encoding, blocks)) for _ in range(2))
        num_bytes = path.stat().st_size
        read = min(cpu(lambda: read_file(path, encoding, blocks)) for _ in range(2))
    return Result(num_bytes / num_tokens, num_tokens / write / 1e6, num_tokens / read / 1e6)


def write_file(path: Path, schema: pa.Schema, encoding: Encoding, blocks: list[Rows]) -> None:
    """Write each block as a row group."""
    with pq.ParquetWriter(
        path, schema, write_statistics=False, write_page_checksum=True, **encoding.options
    ) as writer:
        for block in blocks:
            column = encoding.column(block)
            writer.write_table(pa.table([column], schema=schema), row_group_size=len(column))


def read_file(path: Path, encoding: Encoding, blocks: list[Rows]) -> None:
    """Read all row groups and check the ids."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        for number, block in enumerate(blocks):
            table = file.read_row_group(number, use_threads=False)
            ids = encoding.ids(table["tokens"].combine_chunks())
            assert ids[-1] == EOS
            assert len(ids) == len(block.tokens)


def measure_flat(blocks: list[Rows]) -> Result:
    """Write and read ids as bytes: what a .bin holds beside its index."""
    num_tokens = sum(len(block.tokens) for block in blocks)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shard.bin"

        def write() -> None:
            with path.open("wb") as file:
                for block in blocks:
                    file.write(block.tokens.tobytes())

        def read() -> None:
            assert len(np.fromfile(path, dtype=np.int32)) == num_tokens

        wrote, took = (min(cpu(step) for _ in range(2)) for step in (write, read))
        num_bytes = path.stat().st_size
    return Result(num_bytes / num_tokens, num_tokens / wrote / 1e6, num_tokens / took / 1e6)


def cpu(step: Callable[[], object]) -> float:
    """Return the seconds of CPU time that a step takes in this process."""
    start = time.process_time()
    step()
    return time.process_time() - start


def real_blocks(num_tokens: int) -> Iterator[Rows]:
    """Yield blocks of the tokens of installed Python sources, one document a file."""
    files = sorted(Path(sysconfig.get_paths()["purelib"]).rglob("*.py"))
    tokenizer, total, held = load_tokenizer(), 0, list[IdArray]()
    for path in files[:: max(len(files) // 6000, 1)]:
        text = path.read_text(encoding="utf-8", errors="ignore")
        held.append(np.append(tokenizer.encode(text), np.int32(EOS)))
        if sum(map(len, held)) >= BLOCK_TOKENS:
            yield as_rows(held)
            total, held = total + sum(map(len, held)), []
        if total >= num_tokens:
            return
    if held:
        yield as_rows(held)


def as_rows(documents: list[IdArray]) -> Rows:
    """Return documents back to back."""
    offsets = np.cumsum([0, *map(len, documents)], dtype=np.int32)
    return Rows(np.concatenate(documents), offsets)


def as_list(rows: Rows) -> pa.Array:
    """Return a list of int32 a row."""
    return pa.ListArray.from_arrays(pa.array(rows.offsets), pa.array(rows.tokens))


def from_list(column: pa.Array) -> IdArray:
    """Return all ids of a column of lists."""
    ids: IdArray = column.flatten().to_numpy()
    return ids


def as_int32(rows: Rows) -> pa.Array:
    """Return four bytes an id, little end first."""
    return as_binary(rows.offsets * 4, rows.tokens.view(np.uint8))


def from_int32(column: pa.Array) -> IdArray:
    """Return the ids of a column of bytes."""
    return data_of(column).view(np.int32)


def as_uint24(rows: Rows) -> pa.Array:
    """Return three bytes an id, little end first."""
    data = rows.tokens.view(np.uint8).reshape(-1, 4)[:, :3]
    return as_binary(rows.offsets * 3, np.ascontiguousarray(data).ravel())


def from_uint24(column: pa.Array) -> IdArray:
    """Return the ids of three bytes each."""
    data = data_of(column).reshape(-1, 3)
    wide = np.zeros((len(data), 4), dtype=np.uint8)
    wide[:, :3] = data
    return wide.view(np.int32).ravel()


def as_17_bits(rows: Rows) -> pa.Array:
    """Return each row's ids at 17 bits, and its number of ids in four bytes before them."""
    parts = []
    for start, stop in itertools.pairwise(rows.offsets.tolist()):
        bits = np.unpackbits(rows.tokens[start:stop].view(np.uint8), bitorder="little")
        packed = np.packbits(bits.reshape(-1, 32)[:, :17].ravel(), bitorder="little")
        parts.append(np.concatenate([np.array([stop - start], np.int32).view(np.uint8), packed]))
    return as_binary(np.cumsum([0, *map(len, parts)], dtype=np.int32), np.concatenate(parts))


def from_17_bits(column: pa.Array) -> IdArray:
    """Return the ids of rows of 17 bits an id."""
    data, rows = data_of(column), list[IdArray]()
    offsets = np.frombuffer(column.buffers()[1], np.int32)[: len(column) + 1]
    for start, stop in itertools.pairwise((offsets - offsets[0]).tolist()):
        count = int(data[start : start + 4].view(np.int32)[0])
        bits = np.unpackbits(data[start + 4 : stop], count=17 * count, bitorder="little")
        wide = np.zeros((count, 32), dtype=np.uint8)
        wide[:, :17] = bits.reshape(-1, 17)
        rows.append(np.packbits(wide, axis=1, bitorder="little").view(np.int32).ravel())
    return np.concatenate(rows)


def as_binary(offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8]) -> pa.Array:
    """Return one run of bytes a row."""
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)


def data_of(column: pa.Array) -> npt.NDArray[np.uint8]:
    """Return the bytes of all rows of a column."""
    offsets = np.frombuffer(column.buffers()[1], np.int32)[: len(column) + 1]
    return np.frombuffer(column.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]


def print_json(found: dict[str, Result]) -> None:
    """Print an object a peer and figure; a ratio above 1 is in our favour."""
    ours = found[OURS]
    for name, peer in found.items():
        if name == OURS:
            continue
        for figure, mine, theirs, ratio in (
            ("bytes/token", ours.num_bytes, peer.num_bytes, peer.num_bytes / ours.num_bytes),
            ("write Mtok/s", ours.write, peer.write, ours.write / peer.write),
            ("read Mtok/s", ours.read, peer.read, ours.read / peer.read),
        ):
            record = {"name": f"{figure}, {name}", "ours": mine, "peer": theirs, "ratio": ratio}
            json.dump(record, sys.stdout)
            print()


if __name__ == "__main__":
    main()
