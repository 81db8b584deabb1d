"""The language of every row: batch-wise over Arrow columns, files with their repository.

A verdict per file is held until the last batch, because a header follows the other files of its
repository; texts are held for one batch only.
"""

from collections.abc import Iterator

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ..corpus.record import LANGUAGE
from .claims import PathClaims
from .language_settings import ContentSettings, load_detector
from .natural import natural_language_columns
from .verdict import NOTHING, Detection, Verdict, settle

COLUMNS = pa.schema([field for field in LANGUAGE if field.name != "doc_id"])
READ_ROWS = 256  # texts turned into Python strings at a time


class LanguageColumns:
    """Takes batches of rows in order, and gives the language columns of all of them."""

    def __init__(self, settings: ContentSettings) -> None:
        self._settings = settings
        self._detector = load_detector(settings)
        self._found: list[Detection] = []
        self._repositories: dict[str, list[tuple[int, Verdict]]] = {}

    def add(self, rows: pa.Table, claims: pa.Table) -> None:
        """Judge a batch.

        Args:
            rows: collection, kind, language_hint and text.
            claims: what each path claims (CLAIMS), row for row.
        """
        first = len(self._found)
        self._found += [NOTHING] * rows.num_rows
        is_file = pc.equal(rows["kind"], "file")
        numbered = rows.append_column("row", pa.array(range(first, first + rows.num_rows)))
        files = numbered.filter(is_file)
        for (row, collection, text), claim in zip(
            _texts(files), _claims(claims.filter(is_file)), strict=True
        ):
            verdict = self._detector.examine("", text, claims=claim)
            self._repositories.setdefault(collection, []).append((row, verdict))
        self._identify(numbered.filter(pc.invert(is_file)))

    def table(self) -> pa.Table:
        """Return language, language_evidence and language_confidence, in the order of the rows."""
        for members in self._repositories.values():
            detections = settle([verdict for _, verdict in members])
            for (row, _), detection in zip(members, detections, strict=True):
                self._found[row] = detection
        columns = [
            [detection.language for detection in self._found],
            [detection.evidence for detection in self._found],
            [detection.confidence for detection in self._found],
        ]
        arrays = [pa.array(c, type=f.type) for c, f in zip(columns, COLUMNS, strict=True)]
        return pa.table(arrays, schema=COLUMNS)

    def _identify(self, pages: pa.Table) -> None:
        found = natural_language_columns(
            pages["text"], pages["language_hint"], engine=self._settings.natural
        )
        columns = (pages["row"], *found)
        for row, language, evidence, confidence in zip(
            *(column.to_pylist() for column in columns), strict=True
        ):
            self._found[row] = Detection(language, evidence, confidence)


def _texts(files: pa.Table) -> Iterator[tuple[int, str, str | None]]:
    for batch in files.to_batches(max_chunksize=READ_ROWS):
        columns = [batch[name].to_pylist() for name in ("row", "collection", "text")]
        yield from zip(*columns, strict=True)


def _claims(claims: pa.Table) -> Iterator[PathClaims]:
    for row in claims.to_pylist():
        yield msgspec.convert(row, PathClaims)
