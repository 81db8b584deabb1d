"""Reads documents from JSON lines, Parquet and plain text, a batch in memory."""

import json
from collections.abc import Iterator
from typing import BinaryIO

from .. import storage
from ..ids import bytes_digest
from ..record import Record
from .document_fields import DocumentFields, field_names
from .document_parquet import read_parquet
from .document_rows import TEXTS, document_row, dropped_row, field_of, over
from .inflate import CorruptInputError, InflatedReader
from .rows import text_or_reason
from .unit import ReadLimits, ReadOptions, Unit

JSON_LINES = (".jsonl", ".ndjson")
COMPRESSIONS = (".gz", ".zst", ".xz", ".bz2")
PACKED = (*JSON_LINES, ".json")  # C4 and Dolma write .json.gz; a plain .json is seldom lines
SUFFIXES = (".parquet", *TEXTS, *JSON_LINES, *(a + b for a in PACKED for b in COMPRESSIONS))
READ_BYTES = 1 << 16
MAX_ESCAPE = 6  # a character of one byte may be written as six
MAX_OTHER_BYTES = 1 << 20  # of the fields beside the text


def is_documents_file(name: str) -> bool:
    """Tell whether a file name is one that this reader knows."""
    return name.endswith(SUFFIXES)


def read_documents(unit: Unit, limits: ReadLimits, options: ReadOptions) -> Iterator[Record]:
    """Yield a row for every document; one that cannot be read is a row with its line number."""
    with storage.open_read(unit.url) as stream:
        if unit.url.endswith(".parquet"):
            yield from read_parquet(unit, stream, limits, options)
        elif unit.url.endswith(TEXTS):
            yield _read_text(unit, stream, limits)
        else:
            yield from _read_json_lines(unit, stream, limits, options)


def _read_text(unit: Unit, stream: BinaryIO, limits: ReadLimits) -> Record:
    data = stream.read(limits.max_file_bytes + 1)
    if len(data) > limits.max_file_bytes:
        return dropped_row(unit, 0, "huge", over(unit.size_bytes, limits), unit.size_bytes)
    outcome = text_or_reason(data)
    if isinstance(outcome, str):
        return dropped_row(unit, 0, outcome, None, len(data), data=data)
    text, encoding = outcome
    return Record(
        collection=unit.source,
        path=unit.name,
        origin_file=unit.relative,
        origin_offset=0,
        num_bytes=len(data),
        bytes_digest=bytes_digest(data),
        encoding=encoding,
        text=text,
    )


def _read_json_lines(
    unit: Unit, stream: BinaryIO, limits: ReadLimits, options: ReadOptions
) -> Iterator[Record]:
    max_line_bytes = MAX_ESCAPE * limits.max_file_bytes + MAX_OTHER_BYTES
    row = 0
    try:
        for line, num_bytes in _lines(InflatedReader(stream), max_line_bytes):
            if line is None:
                what = f"line {row + 1} has {num_bytes} bytes, the limit is {max_line_bytes}"
                yield dropped_row(unit, row, "huge", what, num_bytes)
            elif line.strip():
                yield _json_record(unit, row, line, limits, options)
            row += 1
    except CorruptInputError as error:
        yield dropped_row(unit, row, "corrupt", f"after line {row}: {error}", 0)


def _lines(stream: InflatedReader, max_bytes: int) -> Iterator[tuple[bytes | None, int]]:
    """Yield each line and its length; None for a line over the limit, which is never held."""
    pending = bytearray()
    num_bytes = 0
    while piece := stream.read(READ_BYTES):
        *ended, rest = piece.split(b"\n")
        for part in ended:
            num_bytes += len(part)
            yield (bytes(pending) + part if num_bytes <= max_bytes else None), num_bytes
            pending.clear()
            num_bytes = 0
        num_bytes += len(rest)
        if num_bytes <= max_bytes:
            pending += rest
        else:
            pending.clear()
    if num_bytes:
        yield (bytes(pending) if num_bytes <= max_bytes else None), num_bytes


def _json_record(
    unit: Unit, row: int, line: bytes, limits: ReadLimits, options: ReadOptions
) -> Record:
    try:
        # The standard library's parser takes NaN, which its own writer puts into score fields.
        value = json.loads(line.decode("utf-8-sig" if row == 0 else "utf-8"))
    except (ValueError, RecursionError) as error:
        what = f"line {row + 1} is not JSON: {error}"
        return dropped_row(unit, row, "corrupt", what, len(line), data=line)
    if not isinstance(value, dict):
        what = f"line {row + 1} is not an object"
        return dropped_row(unit, row, "corrupt", what, len(line), data=line)
    text = field_of(value, options.text_field)
    if not isinstance(text, str):
        what = f"line {row + 1} has no string named {options.text_field!r}"
        return dropped_row(unit, row, "corrupt", what, len(line), data=line)
    fields = DocumentFields(*(field_of(value, name) for name in field_names(options)))
    return document_row(unit, row, line, text, fields, limits)
