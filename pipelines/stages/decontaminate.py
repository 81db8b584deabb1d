"""Decontaminate: what each document holds of the benchmarks that a recipe names."""

from collections import Counter
from typing import ClassVar

import pyarrow as pa

from ...dedup.contamination import HITS
from ..decontamination import HITS_COLUMN, IndexFile, open_index
from ..output import Output
from ..stage import Inputs, Stage
from .features import row_groups


class Decontaminate(Stage, frozen=True, kw_only=True):
    """Looks for the passages of benchmarks in every text; part of a graph only with an index."""

    name: ClassVar[str] = "decontaminate"
    version: ClassVar[int] = 1
    reads_text: ClassVar[bool] = True

    index: tuple[IndexFile, ...]
    near: bool
    is_wanted: bool  # the shard's component is one of those that the recipe names

    def key_settings(self) -> dict[str, object]:
        """Return what decides the hits; where an index lies does not."""
        found: dict[str, object] = {"is_wanted": self.is_wanted}
        return found | {"near": self.near} if self.is_wanted else found

    def assets(self) -> dict[str, str]:
        """Return the digests of the index files."""
        digests = [file.digest for file in self.index] if self.is_wanted else []
        return {"benchmark": " ".join(digests)} if digests else {}

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write doc_id and the hits of every text; null where none was looked at."""
        columns = ["doc_id", "text"] if self.is_wanted else ["doc_id"]
        for rows in row_groups(inputs.one("read"), columns):
            if self.is_wanted:
                hits = open_index(self.index, near=self.near).find(rows["text"])
                output.count("contaminated", _documents(hits))
            else:
                hits = pa.nulls(rows.num_rows, HITS)
            output.write(pa.table({"doc_id": rows["doc_id"], HITS_COLUMN: hits}))


def _documents(hits: pa.Array) -> dict[str, int]:
    """Return how many documents hold something of each benchmark."""
    return Counter(
        name
        for found in hits.drop_null().to_pylist()
        for name in {hit["benchmark"] for hit in found}
    )
