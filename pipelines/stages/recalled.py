"""Recalled: which pages of a shard's files a recall target collected.

The list of all of them changes with every decision. What concerns a shard is taken out here, so
that its files are read again only if other pages of them were collected.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...corpus.errors import GristmillError
from ...corpus.ids import origin_id
from ...corpus.record import ID, Record
from ...corpus.sources.unit import Unit
from ..artifact import InputFile, open_parquet
from ..output import Output
from ..stage import Inputs, Stage

NOT_RECALLED: Final = "not_recalled"
ORIGIN_COLUMNS: Final = ("origin_file", "origin_offset", "revision")  # and the path
RECALLED: Final = pa.schema([("origin_file", pa.string()), ("origin_id", ID)])


class Recalled(Stage, frozen=True, kw_only=True):
    """Finds the collected pages of some files in the list, which is sorted by file."""

    name: ClassVar[str] = "recalled"
    version: ClassVar[int] = 1

    files: tuple[str, ...]  # the `origin_file` of the shard's units

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write RECALLED, in order; no more than a row group of the list is in memory."""
        files = sorted(self.files)
        wanted = pa.array(files, pa.string())
        tables = [
            rows.filter(pc.is_in(rows["origin_file"], value_set=wanted))
            for rows in _near(inputs.one("collected"), files)
        ]
        found = pa.concat_tables([RECALLED.empty_table(), *tables])
        found = found.sort_by([(name, "ascending") for name in RECALLED.names])
        output.write(found)
        output.count("pages", {"recalled": found.num_rows})


def _near(collected: InputFile, files: Sequence[str]) -> Iterator[pa.Table]:
    """Yield the row groups that may hold one of some sorted files."""
    with open_parquet(collected.url) as file:
        names = file.schema_arrow.names
        if not set(RECALLED.names) <= set(names):
            raise GristmillError(
                "it does not say which records its pages are",
                where=collected.url,
                todo="Run `gristmill recall` again: it is written anew.",
            )
        column = names.index("origin_file")
        for index in range(file.num_row_groups):
            statistics = file.metadata.row_group(index).column(column).statistics
            if _may_hold(statistics, files):
                yield file.read_row_group(index, columns=RECALLED.names).select(RECALLED.names)


def _may_hold(statistics: pq.Statistics | None, files: Sequence[str]) -> bool:
    if statistics is None or not statistics.has_min_max:  # such as for very long names
        return True
    first = bisect_left(files, statistics.min)
    return first < len(files) and files[first] <= statistics.max


class RecalledPages:
    """The pages of a shard that are to have a text, by the file that holds them."""

    def __init__(self, table: pa.Table) -> None:
        self._files: dict[str, set[bytes]] = {}
        for file, identity in zip(
            *(table[name].to_pylist() for name in RECALLED.names), strict=True
        ):
            self._files.setdefault(file, set()).add(identity)

    @classmethod
    def of(cls, inputs: Inputs) -> "RecalledPages | None":
        """Return what a task was given, or None where every page is wanted."""
        return cls(inputs.table("recalled")) if inputs.all("recalled") else None

    def of_file(self, file: str) -> frozenset[bytes]:
        """Return the `origin_id` of the pages of one file."""
        return frozenset(self._files.get(file, ()))

    def checked(self, records: Iterator[Record], unit: Unit) -> Iterator[Record]:
        """Yield the records of a unit.

        Raises:
            GristmillError: a page that was collected is not among them.
        """
        missing = self._files.get(unit.relative, set())
        for record in records:
            if record.read_drop != NOT_RECALLED:
                missing.discard(origin_id(record.origin_offset, record.revision, record.path))
            yield record
        if missing:
            raise GristmillError(
                f"{len(missing)} pages that were collected are not in it",
                where=unit.url,
                todo="The file is another one now: run `gristmill recall` again, then build.",
            )


def origin_ids(rows: pa.Table) -> pa.Array:
    """Return the `origin_id` of rows that have ORIGIN_COLUMNS and the path."""
    columns = (rows[name].to_pylist() for name in ("origin_offset", "revision", "path"))
    return pa.array([origin_id(*row) for row in zip(*columns, strict=True)], ID)
