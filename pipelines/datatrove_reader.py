"""A datatrove reader of a build: its documents, with what the ledger knows of them as metadata.

Import it where datatrove is installed, and let any pipeline begin with it. A task reads whole
shards of the ledger; texts come from the build's work folder, a batch in memory.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
import pyarrow.parquet as pq
from datatrove.data import Document
from datatrove.io import DataFolderLike
from datatrove.pipeline.readers.base import BaseDiskReader

from ..corpus.errors import GristmillError
from ..dedup.lines import cut
from .published import BuildRecord

BATCH_ROWS = 256
BUFFER_BYTES = 1 << 16

Row = dict[str, object]


class GristmillReader(BaseDiskReader):  # type: ignore[misc]  # the library is untyped
    """Yields the documents that a build keeps, in the order of its ledger.

    A document's id is its `doc_id` in hexadecimal; its text is as it was tokenized, but for
    fill-in-the-middle and the comment with its path.

    Args:
        data_folder: the build directory, on any storage that datatrove opens.
        components: only these; none: all.
        languages: only these; none: all.
        dropped: whether to yield, besides, what was dropped and has a text.
        metadata: the columns of the ledger that a document's metadata has; None: every one.
        limit: how many documents a task reads at most; -1: all.
        skip: how many a task leaves out first.
    """

    name = "Gristmill"
    _requires_dependencies = ["pyarrow"]  # noqa: RUF012  as the library reads it

    def __init__(
        self,
        data_folder: DataFolderLike,
        *,
        components: Sequence[str] = (),
        languages: Sequence[str] = (),
        dropped: bool = False,
        metadata: Sequence[str] | None = None,
        limit: int = -1,
        skip: int = 0,
    ) -> None:
        super().__init__(data_folder, limit=limit, skip=skip, glob_pattern="ledger/*.parquet")
        self.components = frozenset(components)
        self.languages = frozenset(languages)
        self.dropped = dropped
        self.metadata = metadata

    def read_file(self, filepath: str) -> Iterator[Document]:
        """Yield the documents of one shard of the ledger."""
        texts = self._texts(filepath.rpartition("/")[2].removesuffix(".parquet"))
        for number, row in enumerate(self._rows(filepath, None)):
            found = next(texts, None)
            if found is None or found["doc_id"] != row["doc_id"]:
                raise GristmillError(
                    f"row {number} is not the row of its text",
                    where=f"{self.data_folder.path}/{filepath}",
                    todo="Build again: the ledger and the work folder are of two builds.",
                )
            if found["text"] is None or not self._is_wanted(row):
                continue
            spans = row.get("cut_spans")
            text = cut(str(found["text"]), spans) if isinstance(spans, list) else found["text"]
            data = {"text": text, "id": _plain(row["doc_id"]), "metadata": self._metadata(row)}
            document = self.get_document_from_dict(data, filepath, number)
            if document is not None:
                yield document

    def _is_wanted(self, row: Row) -> bool:
        return (
            (self.dropped or row["dropped_by"] is None)
            and (not self.components or row["component"] in self.components)
            and (not self.languages or row["language"] in self.languages)
        )

    def _metadata(self, row: Row) -> Row:
        names = row.keys() - {"doc_id"} if self.metadata is None else self.metadata
        return {name: _plain(row[name]) for name in row if name in names}

    def _texts(self, shard: str) -> Iterator[Row]:
        with self.data_folder.open("build.json", "rb") as stream:
            record = msgspec.json.decode(stream.read(), type=BuildRecord)
        path = f"work/read/{shard}/{record.artifacts['read'][shard]}.parquet"
        if not self.data_folder.exists(path):
            raise GristmillError(
                "the texts of this build are gone from its work folder",
                where=f"{self.data_folder.path}/{path}",
                todo="Build it again.",
            )
        return self._rows(path, ["doc_id", "text"])

    def _rows(self, path: str, columns: list[str] | None) -> Iterator[Row]:
        with (
            self.data_folder.open(path, "rb") as stream,
            pq.ParquetFile(stream, buffer_size=BUFFER_BYTES) as file,
        ):
            for batch in file.iter_batches(BATCH_ROWS, columns=columns):
                yield from batch.to_pylist()


def _plain(value: object) -> object:
    """Return a value that any writer of datatrove can spell."""
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, datetime) else value
