"""WARC files streamed from memory, record by record, ours beside warcio and FastWARC.

Ours cuts the bytes into gzip members as they arrive in chunks, checks each member's CRC, parses the
WARC headers and recomputes every payload digest; it keeps the member as it lies and knows where to
restart. warcio checks digests in one line and not in the other; neither it nor FastWARC can tell
damage from the end. All run in one thread. Speeds are megabytes of WARC, packed, per second of CPU
time; the fastest of five runs counts, in turns.
"""

import argparse
import io
import json
import platform
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

from fastwarc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator

from gristmill.corpus.crawl.commoncrawl.inflate import IS_FAST
from gristmill.corpus.crawl.commoncrawl.records import RecordSettings, check_record
from gristmill.corpus.crawl.commoncrawl.splitter import MemberSplitter

FILES = sorted((Path(__file__).parents[1] / "fixtures/web").glob("*/*.warc.gz"))
CHUNK_BYTES = 1 << 16
NUM_RUNS = 5

Row = dict[str, str | int | float]
Reader = Callable[[Sequence[bytes]], int]


def main() -> None:
    """Measure, then print a table or, with --json, one object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("files", nargs="*", type=Path, default=FILES, help=".warc.gz files")
    options = parser.parse_args()
    rows = measure([path.read_bytes() for path in options.files])
    if options.json:
        print("\n".join(json.dumps(row) for row in rows))
        return
    stamp = f"warcio {version('warcio')}, FastWARC {version('fastwarc')}"
    print(f"Python {platform.python_version()}, {platform.machine()}, {stamp}")
    print(f"{'':32}{'records':>9}{'MB/s':>9}{'records/s':>11}{'ours/it':>9}")
    for row in rows:
        speeds = f"{row['mb_per_second']:9.1f}{row['records_per_second']:11.0f}{row['ratio']:9.2f}"
        print(f"{row['name']:32}{row['records']:9}{speeds}")


def measure(files: Sequence[bytes]) -> list[Row]:
    """Return name, records, speeds and ours relative to it of every reader."""
    readers: dict[str, Reader] = {
        f"ours, verified ({'ISA-L' if IS_FAST else 'zlib'})": read_ours,
        "warcio, digests checked": partial(read_warcio, check_digests=True),
        "warcio, not checked": partial(read_warcio, check_digests=False),
        "FastWARC, not checked": read_fastwarc,
    }
    seconds = dict.fromkeys(readers, float("inf"))
    records = {}
    for _ in range(NUM_RUNS):
        for name, reader in readers.items():
            started = time.process_time()
            records[name] = reader(files)
            seconds[name] = min(seconds[name], time.process_time() - started)
    assert len(set(records.values())) == 1, records
    ours = next(iter(seconds.values()))
    num_bytes = sum(map(len, files))
    return [
        {
            "name": name,
            "records": records[name],
            "mb_per_second": num_bytes / taken / 1e6,
            "records_per_second": records[name] / taken,
            "ratio": taken / ours,
        }
        for name, taken in seconds.items()
    ]


def read_ours(files: Sequence[bytes]) -> int:
    """Return the number of sound records."""
    settings = RecordSettings(
        kinds=frozenset(("warcinfo", "request", "response", "metadata", "resource", "conversion"))
    )
    num_records = 0
    for data in files:
        splitter = MemberSplitter(settings)
        for start in range(0, len(data), CHUNK_BYTES):
            for member in splitter.feed(data[start : start + CHUNK_BYTES]):
                assert check_record(member.plain, settings).outcome == "ok"
                num_records += 1
        assert not list(splitter.finish())
    return num_records


def read_warcio(files: Sequence[bytes], *, check_digests: bool) -> int:
    """Return the number of records, each read to its end."""
    num_records = 0
    for data in files:
        for record in ArchiveIterator(io.BytesIO(data), check_digests=check_digests):
            record.raw_stream.read()
            num_records += 1
    return num_records


def read_fastwarc(files: Sequence[bytes]) -> int:
    """Return the number of records, each read to its end."""
    num_records = 0
    for data in files:
        for record in FastIterator(io.BytesIO(data), parse_http=False):
            record.reader.read()
            num_records += 1
    return num_records


if __name__ == "__main__":
    main()
