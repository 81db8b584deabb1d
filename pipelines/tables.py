"""A build directory as DuckDB tables over its Parquet files, read where they lie.

`ledger` has one row per document ever seen, `token_rows` one per training document with its
`shard`. Values reach SQL as bound parameters only; paths are escaped, so that a folder called
`a[b]*c` is not a pattern.
"""

import glob
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import duckdb
import msgspec
import pyarrow as pa

from ..corpus.errors import GristmillError
from ..corpus.storage import file_sizes, is_local, join, local_path
from ..corpus.token_rows import HELD_OUT_ROW, TOKEN_ROW
from .artifact import open_parquet
from .published import BuildRecord, FileRecord, read_build
from .sql import MEMORY_MB, connect, read_files

Row = TypeVar("Row", bound=msgspec.Struct)


class BuildTables:
    """The tables of one build; `file_differences` says what is not as build.json has it."""

    def __init__(
        self, out: str, record: BuildRecord, connection: duckdb.DuckDBPyConnection
    ) -> None:
        self.out = out
        self.record = record
        self.connection = connection
        self.file_differences: list[str] = []

    def add_ledger(self) -> None:
        """Make the table `ledger` out of every ledger file that can be read."""
        paths = self._sound(self.record.ledger, join("ledger", "*.parquet"))
        if not paths:
            raise GristmillError(
                "; ".join(self.file_differences) or "the build has no ledger",
                where=self.out,
                todo="Build it again: its work folder may still hold the ledger.",
            )
        self._read(paths).create_view("ledger")

    def add_token_rows(self) -> list[str]:
        """Make the table `token_rows` of every shard that can be read; return their paths.

        Its columns are those of a token row, and `shard` and `component` from the path.
        """
        return self._add_rows("token", "tokens", self.record.tokens, TOKEN_ROW)

    def add_held_out_rows(self) -> list[str]:
        """Make the table `held_out_rows` alike, of what is held out; return its shards' paths."""
        return self._add_rows("held_out", "held_out", self.record.held_out, HELD_OUT_ROW)

    def _add_rows(
        self, name: str, folder: str, named: Mapping[str, FileRecord], schema: pa.Schema
    ) -> list[str]:
        paths = self._sound(named, join(folder, "*", "*", "*.parquet"))
        if paths:
            self._read(paths).create_view(f"{name}_files")
        else:
            filename = pa.nulls(0, pa.string())
            empty = schema.empty_table().append_column("filename", filename)
            self.connection.register(f"{name}_files", empty)
        self.connection.execute(
            f"""
            CREATE VIEW {name}_rows AS
            SELECT * EXCLUDE (filename),
                array_to_string(string_split(filename, '/')[-3:], '/') AS shard,
                string_split(filename, '/')[-3] AS component
            FROM {name}_files
            """  # noqa: S608  one of two names
        )
        return paths

    def add_view(self, name: str, urls: Sequence[str], *, is_empty: bool = False) -> None:
        """Make a table of Parquet files of any build; an empty one has their columns alone."""
        rows = read_files(self.connection, urls)
        (rows.limit(0) if is_empty else rows).create_view(name)

    def file_name(self, path: str) -> str:
        """Return what DuckDB calls a file of the build, once read."""
        url = join(self.out, path)
        return str(local_path(url)) if is_local(url) else url

    def patterns(self, paths: Iterable[str]) -> list[str]:
        """Return what DuckDB takes these files of the build by, and no others."""
        return [glob.escape(self.file_name(path)) for path in paths]

    def fetch(self, row: type[Row], query: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Return the rows of a query as structs, column by name."""
        return msgspec.convert(self.fetch_mappings(query, parameters), list[row])  # type: ignore[valid-type]

    def fetch_mappings(
        self, query: str, parameters: Sequence[object] = ()
    ) -> list[dict[str, object]]:
        """Return the rows of a query as column name -> value."""
        with self._explained():
            cursor = self.connection.execute(query, parameters)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]

    def run(self, statement: str, parameters: Sequence[object] = ()) -> None:
        """Execute a statement that returns nothing."""
        with self._explained():
            self.connection.execute(statement, parameters)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            raise GristmillError(
                f"a Parquet file of the build cannot be read: {str(error).splitlines()[0]}",
                where=self.out,
                todo="Build it again with --verify, which digests every artifact first.",
            ) from error

    def _read(self, paths: Iterable[str]) -> duckdb.DuckDBPyRelation:
        return read_files(self.connection, [join(self.out, path) for path in sorted(paths)])

    def _sound(self, named: Mapping[str, FileRecord], pattern: str) -> list[str]:
        """Return the named files that are there and are Parquet; note every other difference."""
        found = file_sizes(join(glob.escape(self.out), pattern))
        depth = pattern.count("/") + 1
        present = {"/".join(url.rsplit("/", depth)[1:]): url for url in found}
        note = self.file_differences.append
        for path in sorted(present.keys() - named.keys()):
            note(f"{path} is not a file of this build")
        sound = []
        for path, shard in sorted(named.items()):
            if path not in present:
                note(f"{path} is missing")
            elif (num_bytes := found[present[path]]) == shard.num_bytes:
                sound.append(path)  # a query opens it anyway
            else:
                note(f"{path} has {num_bytes:,} bytes, build.json says {shard.num_bytes:,}")
                if self._is_parquet(path):
                    sound.append(path)
        return sound

    def _is_parquet(self, path: str) -> bool:
        try:
            with open_parquet(join(self.out, path)):
                return True
        except pa.ArrowInvalid as error:
            self.file_differences.append(
                f"{path} is not a Parquet file: {str(error).splitlines()[0]}"
            )
            return False


@contextmanager
def open_tables(out: str, *, memory_mb: int = MEMORY_MB) -> Iterator[BuildTables]:
    """Open a build directory, local or remote; large queries spill to a folder that is removed.

    Raises:
        GristmillError: there is no build in it, or another version's.
    """
    record = read_build(out)
    if record is None:
        raise GristmillError(
            "there is no build in this directory: it has no build.json",
            where=out,
            todo="Name the --out of a build that has finished.",
        )
    with connect(out, memory_mb=memory_mb) as connection:
        yield BuildTables(out, record, connection)
