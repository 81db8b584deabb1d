"""DuckDB over Parquet files, local or remote, with room on the disk for large queries."""

import glob
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import duckdb
import fsspec

from ..corpus.storage import configured, is_local, local_path

SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,  # an audit downloads nothing
    "autoload_known_extensions": False,
    "preserve_insertion_order": False,  # saves memory; every query that lists sorts
}


MEMORY_MB = 4096  # of the database; Python and its libraries come on top


@contextmanager
def connect(out: str, *, memory_mb: int = MEMORY_MB) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that can read a directory, local or remote, and spills."""
    limits: dict[str, str | bool | int | float | list[str]] = {"memory_limit": f"{memory_mb}MiB"}
    with (
        tempfile.TemporaryDirectory(prefix="gristmill-") as spill,
        duckdb.connect(config=SETTINGS | limits | {"temp_directory": spill}) as connection,
    ):
        if not is_local(out):
            protocol = out.partition("://")[0]
            options: Mapping[str, object] = configured().get(protocol, {})
            connection.register_filesystem(
                fsspec.filesystem(protocol, use_listings_cache=False, **options)
            )
        yield connection


def read_files(
    connection: duckdb.DuckDBPyConnection, urls: Sequence[str]
) -> duckdb.DuckDBPyRelation:
    """Return the rows of Parquet files, each with its `filename`."""
    patterns = [glob.escape(str(local_path(url)) if is_local(url) else url) for url in urls]
    return connection.read_parquet(
        patterns,
        filename=True,
        hive_partitioning=False,  # a folder called a=b is no column
    )
