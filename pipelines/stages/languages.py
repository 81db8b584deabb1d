"""Languages: what each path claims, then what each text says within its claims.

Paths are judged in a stage of their own, which reads no text. A new extension re-runs that, and
texts are read again only in shards where a path's claims changed.
"""

from typing import ClassVar

import msgspec
import pyarrow as pa

from ...corpus.record import ID
from ...filters.claims import NameOverrides, PathJudge, claims_column, claims_digest
from ...filters.language_columns import LanguageColumns
from ...filters.language_settings import ContentSettings, content_assets
from ..output import Output
from ..stage import Inputs, Stage
from .features import row_groups


class JudgePaths(Stage, frozen=True, kw_only=True):
    """Says what each file's path claims."""

    name: ClassVar[str] = "paths"
    version: ClassVar[int] = 1

    overrides: NameOverrides = NameOverrides()

    def assets(self) -> dict[str, str]:
        """Return the digest of the names in the language table."""
        return {"names": claims_digest()}

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write doc_id and the claims."""
        rows = inputs.table("read", ["doc_id", "path", "kind"])
        claims = claims_column(rows["path"], rows["kind"], PathJudge(self.overrides))
        output.write(claims.add_column(0, "doc_id", rows["doc_id"]))


class DetectLanguage(Stage, frozen=True, kw_only=True):
    """Names the language of every document; what stays unclear follows its repository."""

    name: ClassVar[str] = "language"
    version: ClassVar[int] = 2
    reads_text: ClassVar[bool] = True

    settings: ContentSettings = ContentSettings()

    def key_settings(self) -> dict[str, object]:
        """Return the settings; a model is keyed by what it holds, not by where it lies."""
        settings: dict[str, object] = msgspec.to_builtins(self.settings)
        del settings["content_model"]
        return settings

    def assets(self) -> dict[str, str]:
        """Return the digests of every table and model that reads a text."""
        return content_assets(self.settings)

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write doc_id and the language columns."""
        claims = inputs.table("paths")
        columns = LanguageColumns(self.settings)
        doc_ids: list[pa.Array] = []
        start = 0
        for rows in row_groups(
            inputs.one("read"), ["doc_id", "collection", "kind", "language_hint", "text"]
        ):
            columns.add(rows, claims.slice(start, rows.num_rows))
            doc_ids += rows["doc_id"].chunks
            start += rows.num_rows
        output.write(columns.table().add_column(0, "doc_id", pa.chunked_array(doc_ids, ID)))
