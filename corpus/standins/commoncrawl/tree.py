"""Builds a folder that looks like Common Crawl's bucket, from any WARC files.

Records are copied as they are, so offsets, lengths and digests in the index are true. The same
files give the same tree, byte for byte, under the same versions of zlib and pyarrow.
"""

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from ...crawl.commoncrawl.columns import INDEX_SCHEMA
from .captures import Capture, SourceFile, pack_member, read_captures
from .extracts import extract_record, extracts_warcinfo
from .index_row import Page, Value, describe, index_row

SUBSETS = ("warc", "crawldiagnostics", "robotstxt")
LISTINGS = {"warc": "warc", "crawldiagnostics": "non200responses", "robotstxt": "robotstxt"}
FIRST_SEGMENT = 1_700_000_000


class TreeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The shape of the tree.

    Attributes:
        crawl: its id.
        num_segments: how many segments the files are spread over.
        num_parts: how many files each subset's table has.
        rows_per_group: how many rows a row group of the table has.
    """

    crawl: str = "CC-MAIN-2025-51"
    num_segments: int = 2
    num_parts: int = 2
    rows_per_group: int = 64


class Tree(msgspec.Struct, frozen=True):
    """What was built; paths are relative to the folder."""

    crawl: str
    warc_paths: tuple[str, ...]
    wet_paths: tuple[str, ...]
    table_paths: tuple[str, ...]
    num_captures: int


class _Name(msgspec.Struct, frozen=True):
    """Where the files of one source lie."""

    crawl: str
    segment: str
    stem: str

    def path(self, subset: str) -> str:
        suffix = ".warc.wet.gz" if subset == "wet" else ".warc.gz"
        return f"crawl-data/{self.crawl}/segments/{self.segment}/{subset}/{self.stem}{suffix}"


def build_tree(sources: Sequence[Path], out: Path, settings: TreeSettings | None = None) -> Tree:
    """Build the tree of one crawl in `out`, which may hold other crawls.

    Raises:
        ValueError: a source is no sound WARC file that starts with a warcinfo record.
    """
    settings = settings or TreeSettings()
    read = [read_captures(source) for source in sources]
    rows: dict[str, list[dict[str, Value]]] = {subset: [] for subset in SUBSETS}
    written: dict[str, list[str]] = {subset: [] for subset in (*SUBSETS, "wet")}
    for name, source in zip(_names(read, settings), read, strict=True):
        pages = [(capture, describe(capture)) for capture in source.captures]
        for subset in SUBSETS:
            chosen = [(capture, page) for capture, page in pages if page.subset == subset]
            if chosen:
                rows[subset] += _write_captures(out, name.path(subset), source, chosen)
                written[subset].append(name.path(subset))
        if any(page.text is not None for _, page in pages):
            _write(out, name.path("wet"), b"".join(_extract_members(name, pages)))
            written["wet"].append(name.path("wet"))
    tables = [path for subset in SUBSETS for path in _write_table(out, subset, rows, settings)]
    _write_listings(out, settings, written, tables)
    return Tree(
        settings.crawl,
        tuple(sorted(written["warc"])),
        tuple(sorted(written["wet"])),
        tuple(tables),
        sum(map(len, rows.values())),
    )


def _names(sources: Sequence[SourceFile], settings: TreeSettings) -> Iterator[_Name]:
    dates = [c.page.headers["warc-date"] for source in sources for c in source.captures]
    first, last = (_digits(date) for date in (min(dates), max(dates)))
    for index in range(len(sources)):
        segment = f"{FIRST_SEGMENT + index % settings.num_segments}.{index % settings.num_segments}"
        yield _Name(settings.crawl, segment, f"CC-MAIN-{first}-{last}-{index:05}")


def _digits(date: str) -> str:
    return "".join(filter(str.isdecimal, date))[:14]


def _write_captures(
    out: Path, path: str, source: SourceFile, chosen: Sequence[tuple[Capture, Page]]
) -> list[dict[str, Value]]:
    data = bytearray(source.warcinfo)
    rows = []
    for capture, page in chosen:
        for record in capture.records:
            if record is capture.page:
                rows.append(index_row(capture, page, filename=path, offset=len(data)))
            data += record.member
    _write(out, path, bytes(data))
    return rows


def _extract_members(name: _Name, pages: Sequence[tuple[Capture, Page]]) -> Iterator[bytes]:
    first = pages[0][0].page.headers["warc-date"]
    yield pack_member(extracts_warcinfo(name.stem + ".warc.wet.gz", name.crawl, first))
    for capture, page in pages:
        if page.text is not None:
            yield pack_member(extract_record(capture.page, page.text, page.languages))


def _write_table(
    out: Path,
    subset: str,
    rows: dict[str, list[dict[str, Value]]],
    settings: TreeSettings,
) -> Iterator[str]:
    """Write a subset's parts; like the real ones they split the order of SURTs into spans."""
    ordered = sorted(
        rows[subset], key=lambda row: (str(row["url_surtkey"]), str(row["fetch_time"]))
    )
    folder = f"cc-index/table/cc-main/warc/crawl={settings.crawl}/subset={subset}"
    name = uuid.UUID(bytes=hashlib.sha256(folder.encode()).digest()[:16], version=4)
    num_rows = -(-len(ordered) // settings.num_parts)
    for part in range(settings.num_parts):
        chosen = ordered[part * num_rows : (part + 1) * num_rows]
        if not chosen:
            return
        path = f"{folder}/part-{part:05}-{name}.c000.gz.parquet"
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(
            pa.Table.from_pylist(chosen, schema=INDEX_SCHEMA),
            out / path,
            compression="gzip",
            row_group_size=settings.rows_per_group,
            store_schema=False,
        )
        yield path


def _write_listings(
    out: Path, settings: TreeSettings, written: dict[str, list[str]], tables: Sequence[str]
) -> None:
    listings = {name: written[subset] for subset, name in LISTINGS.items()}
    segments = {path.split("/")[3] for paths in written.values() for path in paths}
    root = f"crawl-data/{settings.crawl}"
    listings["segment"] = [f"{root}/segments/{segment}/" for segment in segments]
    listings["wet"] = written["wet"]
    listings["cc-index-table"] = list(tables)
    for name, paths in listings.items():
        text = "".join(f"{path}\n" for path in sorted(paths))
        _write(out, f"{root}/{name}.paths.gz", pack_member(text.encode()))


def _write(out: Path, path: str, data: bytes) -> None:
    (out / path).parent.mkdir(parents=True, exist_ok=True)
    (out / path).write_bytes(data)
