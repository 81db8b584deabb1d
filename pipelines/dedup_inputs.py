"""The files of a dedup: found by globs, each with the columns that dedup needs."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from ..corpus.errors import GristmillError, StorageError
from ..corpus.storage import list_files, open_read, size
from .artifact import open_parquet

DEFAULT_ID_FIELD = "id"
PARTITION_BYTES = 256 << 20  # of Parquet: about a GB of text
MAX_PARTITIONS = 4096
MAGIC = b"PAR1"  # with which a Parquet file begins


def named_files(patterns: Sequence[str]) -> dict[str, str]:
    """Return file name -> URL of all files that globs name.

    Raises:
        GristmillError: a glob names none, or two files have one name.
    """
    found: dict[str, str] = {}
    for pattern in patterns:
        urls = list_files(pattern)
        if not urls:
            raise GristmillError("no file matches", where=pattern, todo="Name Parquet files.")
        for url in urls:
            name = url.rpartition("/")[2]
            if found.setdefault(name, url) != url:
                raise GristmillError(
                    f"two files are called {name}",
                    where=f"{found[name]} and {url}",
                    todo="Rename one: the output has one folder.",
                )
    return found


def default_partitions(patterns: Sequence[str]) -> int:
    """Return a power of two: a partition for each PARTITION_BYTES that the files have.

    As a power of two it changes seldom when files are added; another one compares everything anew.
    """
    num_bytes = sum(size(url) for url in named_files(patterns).values())
    needed = max(1, -(-num_bytes // PARTITION_BYTES))
    return int(min(MAX_PARTITIONS, 1 << (needed - 1).bit_length()))


def checked_columns(urls: Mapping[str, str], text_field: str, id_field: str | None) -> str | None:
    """Return the column that names rows, having looked for both columns in every file.

    Raises:
        GristmillError: a column is missing or of a wrong type, or a file is no Parquet file.
        StorageError: a Parquet file is damaged.
    """
    schemas = {url: _read_schema(url) for url in urls.values()}
    if id_field is None and all(DEFAULT_ID_FIELD in s.names for s in schemas.values()):
        id_field = DEFAULT_ID_FIELD
    for url, schema in schemas.items():
        texts = _text_columns(schema)
        names = [field.name for field in schema if _can_name(field.type)]
        _check_column(url, schema, text_field, f"Columns of text: {', '.join(texts)}.", texts)
        if id_field is not None:
            todo = f"Columns that can name rows: {', '.join(names)}."
            _check_column(url, schema, id_field, todo, names)
    return id_field


def _check_column(
    url: str, schema: pa.Schema, field: str, todo: str, usable: Sequence[str]
) -> None:
    if field not in schema.names:
        raise GristmillError(
            f"there is no column `{field}`",
            where=url,
            todo=f"It has: {', '.join(schema.names)}.",
        )
    if field not in usable:
        kind = schema.field(field).type
        raise GristmillError(f"column `{field}` holds {kind}", where=url, todo=todo)


def _text_columns(schema: pa.Schema) -> list[str]:
    """Return the columns of a Parquet file that hold text."""
    return [
        field.name
        for field in schema
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
    ]


def _can_name(kind: pa.DataType) -> bool:
    """Whether values of a type can be written as strings, and so name rows."""
    try:
        pa.nulls(0, kind).cast(pa.string())
    except pa.ArrowNotImplementedError:
        return False
    return True


def _read_schema(url: str) -> pa.Schema:
    """Return the schema of a Parquet file, or say whether it is none or damaged."""
    try:
        with open_parquet(url) as parquet:
            assert isinstance(parquet, pq.ParquetFile)
            return parquet.schema_arrow
    except pa.ArrowInvalid as error:
        with open_read(url) as stream:
            is_parquet = stream.read(len(MAGIC)) == MAGIC
        if is_parquet:
            raise StorageError(
                f"the Parquet file is damaged or cut off: {error}",
                where=url,
                todo="Fetch or write it again.",
            ) from None
        raise GristmillError(
            f"not a Parquet file: {error}",
            where=url,
            todo="Name Parquet files; `gristmill build` reads other formats.",
        ) from None
