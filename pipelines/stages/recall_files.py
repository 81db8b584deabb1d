"""Recall over files: what differs from pages in their names, their pool, and what describes them.

A file is named by its repository and path; copies of one text are one file, as pages are. Its
language is the one that the build detects, so a model's negatives are of the languages of its
seeds.
"""

from collections.abc import Iterator
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.ids import digest_parts
from ...filters.languages import language_table
from ...filters.recall.described import DESCRIBED, measure_described
from ...filters.recall.files import file_places, file_url
from ..output import Output
from ..stage import Inputs, Stage
from .features import row_groups
from .recall import READ_COLUMNS, PageNames, Pool
from .recall_near import PoolCopies, PoolItems

NO_LANGUAGE: Final = "none"  # of a file whose language nothing tells


class FileNames(PageNames, frozen=True, kw_only=True):
    """Names every readable file by its repository and path, and by its text."""

    def keys(self, table: pa.Table) -> list[bytes | None]:
        """Return what names each row: a file of two revisions or sources is one file."""
        names = zip(table["collection"].to_pylist(), table["path"].to_pylist(), strict=True)
        return [digest_parts("file url", (file_url(*name),)) for name in names]


class FilePool(Pool, frozen=True, kw_only=True):
    """Makes the words of the files that stay; needs the build's stage `language`."""

    def key_settings(self) -> dict[str, object]:
        """Return the settings but for what names the language of pages."""
        settings = super().key_settings()
        del settings["natural"]
        return settings

    def assets(self) -> dict[str, str]:
        """Return the digest of the vocabulary."""
        return {"words": self.words.digest()}

    def rows(self, inputs: Inputs) -> Iterator[pa.Table]:
        """Yield what is read of the files, with their languages."""
        languages, first = inputs.table("language", ["language"])["language"], 0
        for rows in row_groups(inputs.one("read"), [*READ_COLUMNS, "collection"]):
            yield rows.append_column("language", languages.slice(first, rows.num_rows))
            first += rows.num_rows

    def has_place(self, rows: pa.Table) -> pa.Array:
        """Return that each row has one."""
        return pa.array(np.ones(rows.num_rows, np.bool_))

    def places(self, rows: pa.Table) -> pa.Table:
        """Return url, host, path and has_query of files."""
        return file_places(rows["collection"], rows["path"])

    def languages(self, rows: pa.Table) -> pa.ChunkedArray:
        """Return the programming language of each row, without nulls."""
        return pc.fill_null(rows["language"], NO_LANGUAGE)


class FileItems(PoolItems, frozen=True, kw_only=True):
    """Lists the files that stay of one path and of one text, as items of dedup."""

    def has_place(self, table: pa.Table) -> pa.Array:
        """Return that each row has one."""
        return pa.array(np.ones(table.num_rows, np.bool_))


class FileCopies(PoolCopies, frozen=True, kw_only=True):
    """Lists the files of a shard that give way to a longer one, by their places."""

    def places(self, rows: pa.Table) -> pa.Table:
        """Return url, host, path and has_query of files."""
        return file_places(rows["collection"], rows["path"])


class Describe(Stage, frozen=True, kw_only=True):
    """Measures how much prose explains the code of a pool's files, row for row."""

    name: ClassVar[str] = "recall_described"
    version: ClassVar[int] = 1
    reads_text: ClassVar[bool] = True

    def assets(self) -> dict[str, str]:
        """Return the digest of how languages write comments."""
        return {"comments": language_table().comments_digest}

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write DESCRIBED, a row group for each of the input's."""
        output.write(DESCRIBED.empty_table())
        pool = inputs.table("pool", ["doc_id", "language"])
        ids, first = pool["doc_id"].combine_chunks(), 0
        for rows in row_groups(inputs.one("read"), ["doc_id", "text"]):
            kept = rows.filter(pc.is_in(rows["doc_id"], value_set=ids))
            languages = pool["language"].slice(first, kept.num_rows)
            output.write(measure_described(kept["text"], languages))
            first += kept.num_rows
        assert first == pool.num_rows, "a pool keeps the order of what was read"
