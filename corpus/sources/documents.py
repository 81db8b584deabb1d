"""Reads documents from JSON lines, Parquet and plain text, a batch at a time."""

import json
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from .. import storage
from ..errors import GristmillError
from ..ids import bytes_digest
from ..record import ReadDrop, Record
from .inflate import CorruptInputError, InflatedReader
from .parquet import DAMAGE, parquet_damage
from .rows import text_or_reason
from .unit import ReadLimits, ReadOptions, Unit

JSON_LINES = (".jsonl", ".ndjson")
TEXTS = (".txt", ".md")
COMPRESSIONS = (".gz", ".zst", ".xz", ".bz2")
SUFFIXES = (".parquet", *TEXTS, *JSON_LINES, *(a + b for a in JSON_LINES for b in COMPRESSIONS))
BATCH_ROWS = 256
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
            yield from _read_parquet(unit, stream, limits, options)
        elif unit.url.endswith(TEXTS):
            yield _read_text(unit, stream, limits)
        else:
            yield from _read_json_lines(unit, stream, limits, options)


def _read_text(unit: Unit, stream: BinaryIO, limits: ReadLimits) -> Record:
    data = stream.read(limits.max_file_bytes + 1)
    if len(data) > limits.max_file_bytes:
        return _dropped(unit, 0, "huge", _over(unit.size_bytes, limits), unit.size_bytes)
    outcome = text_or_reason(data)
    if isinstance(outcome, str):
        return _dropped(unit, 0, outcome, None, len(data), data=data)
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
                yield _dropped(unit, row, "huge", what, num_bytes)
            elif line.strip():
                yield _json_record(unit, row, line, limits, options)
            row += 1
    except CorruptInputError as error:
        yield _dropped(unit, row, "corrupt", f"after line {row}: {error}", 0)


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
        return _dropped(unit, row, "corrupt", what, len(line), data=line)
    if not isinstance(value, dict):
        what = f"line {row + 1} is not an object"
        return _dropped(unit, row, "corrupt", what, len(line), data=line)
    text = value.get(options.text_field)
    if not isinstance(text, str):
        what = f"line {row + 1} has no string named {options.text_field!r}"
        return _dropped(unit, row, "corrupt", what, len(line), data=line)
    fields = (value.get(name) for name in (options.id_field, options.url_field))
    names = [str(field) for field in fields if isinstance(field, str | int) and str(field)]
    language = value.get(options.language_field)
    return _document(unit, row, line, text, names, language, limits)


def _read_parquet(
    unit: Unit, stream: BinaryIO, limits: ReadLimits, options: ReadOptions
) -> Iterator[Record]:
    try:
        file = pq.ParquetFile(stream)
        schema = file.schema_arrow
        num_groups = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    except DAMAGE as error:
        yield _dropped(unit, 0, "corrupt", parquet_damage(unit, error), unit.size_bytes)
        return
    columns = _columns(unit, schema, options)
    first_row = 0
    for group, num_rows in enumerate(num_groups):
        row = first_row
        try:
            for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=columns):
                for record in _batch_records(unit, batch, row, limits, options):
                    yield record
                    row += 1
        except DAMAGE as error:
            lost = f"rows {row} to {first_row + num_rows - 1} are lost"
            yield _dropped(unit, row, "corrupt", f"{lost}: {parquet_damage(unit, error)}", 0)
        first_row += num_rows


def _columns(unit: Unit, schema: pa.Schema, options: ReadOptions) -> list[str]:
    if options.text_field not in schema.names:
        raise GristmillError(
            f"there is no column {options.text_field!r}, only {', '.join(schema.names)}",
            where=unit.url,
            todo="Set text_field of the source to one of them.",
        )
    kind = schema.field(options.text_field).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise GristmillError(
            f"the column {options.text_field!r} is {kind}, not a string",
            where=unit.url,
            todo="Set text_field of the source to a column of strings.",
        )
    wanted = (options.text_field, options.id_field, options.url_field, options.language_field)
    return [name for name in dict.fromkeys(wanted) if name in schema.names]


def _batch_records(
    unit: Unit, batch: pa.RecordBatch, row: int, limits: ReadLimits, options: ReadOptions
) -> Iterator[Record]:
    values: dict[str, list[object]] = {
        name: _values(batch.column(name)) for name in batch.schema.names
    }
    empty: list[object] = [None] * batch.num_rows
    texts = values[options.text_field]
    columns = (values.get(name, empty) for name in (options.id_field, options.url_field))
    languages = values.get(options.language_field, empty)
    for text, *fields, language in zip(texts, *columns, languages, strict=True):
        names = [str(field) for field in fields if isinstance(field, str | int) and str(field)]
        if isinstance(text, str):
            data = text.encode("utf-8", "surrogateescape")
            yield _document(unit, row, data, text, names, language, limits)
        else:
            yield _dropped(unit, row, "corrupt", f"row {row} has a null text", 0)
        row += 1


def _values(column: pa.Array) -> list[object]:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return list(column.to_pylist())
    # Parquet does not hold strings to UTF-8, and one bad value would take its batch along.
    values: list[bytes | None] = column.cast(pa.large_binary()).to_pylist()
    return [None if value is None else value.decode("utf-8", "surrogateescape") for value in values]


def _document(
    unit: Unit,
    row: int,
    data: bytes,
    text: str,
    names: list[str],
    language: object,
    limits: ReadLimits,
) -> Record:
    """Return the row of a text; `data` is the line or the value that it was read from."""
    path = _encodable(names[0]) if names else _locator(unit, row)
    try:
        num_bytes = len(text.encode())
    except UnicodeEncodeError:
        return _dropped(unit, row, "undecodable", "not valid UTF-8", len(text), path, data)
    if num_bytes > limits.max_file_bytes:
        return _dropped(unit, row, "huge", _over(num_bytes, limits), num_bytes, path, data)
    if "\0" in text:
        return _dropped(unit, row, "binary", "U+0000 in the text", num_bytes, path, data)
    if not text:
        return _dropped(unit, row, "empty", None, 0, path, data)
    return Record(
        collection=unit.source,
        path=path,
        origin_file=unit.relative,
        origin_offset=row,
        num_bytes=num_bytes,
        bytes_digest=bytes_digest(data),
        encoding="utf-8",
        language_hint=_encodable(language) if isinstance(language, str) and language else None,
        text=text,
    )


def _dropped(
    unit: Unit,
    row: int,
    reason: ReadDrop,
    error: str | None,
    num_bytes: int,
    path: str = "",
    data: bytes | None = None,
) -> Record:
    return Record(
        collection=unit.source,
        path=path or _locator(unit, row),
        origin_file=unit.relative,
        origin_offset=row,
        num_bytes=num_bytes,
        bytes_digest=None if data is None else bytes_digest(data),
        read_drop=reason,
        read_error=error,
    )


def _locator(unit: Unit, row: int) -> str:
    return unit.name if unit.name.endswith(TEXTS) else f"{unit.name}#{row}"


def _encodable(value: str) -> str:
    return value.encode("utf-8", "backslashreplace").decode()


def _over(num_bytes: int, limits: ReadLimits) -> str:
    return f"{num_bytes} bytes, the limit is {limits.max_file_bytes}"
