"""Reads documents from Parquet, a page in memory; a damaged row group loses only itself."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import GristmillError
from ..record import Record
from .document_fields import DocumentFields, field_names
from .document_rows import document_row, dropped_row
from .parquet import DAMAGE, parquet_damage
from .unit import ReadLimits, ReadOptions, Unit

BATCH_ROWS = 256
# Without a buffer, a row group's whole column lies in memory, and some writers make one row group.
BUFFER_BYTES = 1 << 16


def read_parquet(
    unit: Unit, stream: BinaryIO, limits: ReadLimits, options: ReadOptions
) -> Iterator[Record]:
    """Yield a row for every row of a file, in its order."""
    try:
        file = pq.ParquetFile(
            stream, buffer_size=BUFFER_BYTES, pre_buffer=False, page_checksum_verification=True
        )
        schema = file.schema_arrow
        num_groups = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    except DAMAGE as error:
        yield dropped_row(unit, 0, "corrupt", parquet_damage(unit, error), unit.size_bytes)
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
            yield dropped_row(unit, row, "corrupt", f"{lost}: {parquet_damage(unit, error)}", 0)
        first_row += num_rows


def _columns(unit: Unit, schema: pa.Schema, options: ReadOptions) -> list[str]:
    """Return which of the fields there are; a text that is not there or no string is an error."""
    kind = _type_of(schema, options.text_field)
    if kind is None:
        raise GristmillError(
            f"there is no column {options.text_field!r}, only {', '.join(_all_names(schema))}",
            where=unit.url,
            todo="Set text_field of the source to one of them.",
        )
    if not _is_string(kind.value_type if pa.types.is_dictionary(kind) else kind):
        raise GristmillError(
            f"the column {options.text_field!r} is {kind}, not a string",
            where=unit.url,
            todo="Set text_field of the source to a column of strings.",
        )
    wanted = (options.text_field, *field_names(options))
    return [name for name in dict.fromkeys(wanted) if _type_of(schema, name) is not None]


def _all_names(fields: Iterable[pa.Field], prefix: str = "") -> Iterator[str]:
    """Yield the names of the columns, those of the fields of structs with dots."""
    for field in fields:
        if pa.types.is_struct(field.type):
            yield from _all_names(field.type, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}"


def _type_of(fields: Iterable[pa.Field], name: str) -> pa.DataType | None:
    """Return the type of a column, or of `meta.url`, the field `url` of the column `meta`."""
    found = {field.name: field.type for field in fields}
    head, dot, rest = name.partition(".")
    if name in found or not dot:
        return found.get(name)
    kind = found.get(head)
    return _type_of(kind, rest) if kind is not None and pa.types.is_struct(kind) else None


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    if name in batch.schema.names:
        return batch.column(name)
    head, _, rest = name.partition(".")
    return _field(batch.column(head), rest)


def _field(column: pa.StructArray, name: str) -> pa.Array:
    names = [field.name for field in column.type]
    head, dot, rest = (name, "", "") if name in names else name.partition(".")
    found = pc.struct_field(column, [names.index(head)])  # null where the struct is
    return _field(found, rest) if dot else found


def _batch_records(
    unit: Unit, batch: pa.RecordBatch, row: int, limits: ReadLimits, options: ReadOptions
) -> Iterator[Record]:
    empty: list[object] = [None] * batch.num_rows

    def values(name: str) -> list[object]:
        return empty if _type_of(batch.schema, name) is None else _values(_column(batch, name))

    columns = (options.text_field, *field_names(options))
    for text, *fields in zip(*map(values, columns), strict=True):
        if isinstance(text, str):
            data = text.encode("utf-8", "surrogateescape")
            yield document_row(unit, row, data, text, DocumentFields(*fields), limits)
        else:
            yield dropped_row(unit, row, "corrupt", f"row {row} has a null text", 0)
        row += 1


def _values(column: pa.Array) -> list[object]:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_timestamp(column.type):  # of nanoseconds, which Python's times lack
        column = column.cast(pa.timestamp("s", column.type.tz), safe=False)
    if not _is_string(column.type):
        return list(column.to_pylist())
    # Parquet does not hold strings to UTF-8, and one bad value would take its batch along.
    binary = pa.binary_view() if pa.types.is_string_view(column.type) else pa.large_binary()
    values: list[bytes | None] = column.cast(binary).to_pylist()
    return [None if value is None else value.decode("utf-8", "surrogateescape") for value in values]


def _is_string(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )
