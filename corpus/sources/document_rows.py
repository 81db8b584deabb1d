"""The row of one document: its fields by name, and why a text cannot be kept."""

from collections.abc import Mapping

from ..ids import bytes_digest
from ..record import ReadDrop, Record
from .document_fields import DocumentFields
from .unit import ReadLimits, Unit

TEXTS = (".txt", ".md")


def field_of(value: Mapping[str, object], name: str) -> object:
    """Return a field of an object; `meta.url` is the field `url` of `meta`, unless it is a name."""
    if name in value:
        return value[name]
    head, dot, rest = name.partition(".")
    inner = value.get(head) if dot else None
    return field_of(inner, rest) if isinstance(inner, dict) else None


def document_row(
    unit: Unit, row: int, data: bytes, text: str, fields: DocumentFields, limits: ReadLimits
) -> Record:
    """Return the row of a text; `data` is the line or the value that it was read from."""
    path = fields.name or _locator(unit, row)
    try:
        num_bytes = len(text.encode())
    except UnicodeEncodeError:
        return dropped_row(unit, row, "undecodable", "not valid UTF-8", len(text), path, data)
    if num_bytes > limits.max_file_bytes:
        return dropped_row(unit, row, "huge", over(num_bytes, limits), num_bytes, path, data)
    if "\0" in text:
        return dropped_row(unit, row, "binary", "U+0000 in the text", num_bytes, path, data)
    if not text:
        return dropped_row(unit, row, "empty", None, 0, path, data)
    return Record(
        collection=unit.source,
        path=path,
        origin_file=unit.relative,
        origin_offset=row,
        num_bytes=num_bytes,
        bytes_digest=bytes_digest(data),
        encoding="utf-8",
        repository_created=fields.created,
        declared_licence=fields.declared_licence,
        language_hint=fields.language_hint,
        text=text,
    )


def dropped_row(
    unit: Unit,
    row: int,
    reason: ReadDrop,
    error: str | None,
    num_bytes: int,
    path: str = "",
    data: bytes | None = None,
) -> Record:
    """Return the row of a document without a text; `data` is what was read of it, if anything."""
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


def over(num_bytes: int, limits: ReadLimits) -> str:
    """Return what is said of a document that is too long."""
    return f"{num_bytes} bytes, the limit is {limits.max_file_bytes}"
