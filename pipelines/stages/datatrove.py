"""Datatrove: what filters of datatrove say of each document, where the recipe names some."""

from collections import Counter
from typing import ClassVar, Final

import pyarrow as pa

from ...filters.datatrove.judge import judge
from ...filters.datatrove.settings import DatatroveStep, step_assets
from ...filters.datatrove.steps import LoadedStep
from ..output import Output
from ..stage import Inputs, Stage
from .features import row_groups

STEP_HITS: Final = "step_hits"  # STEP:REASON of every step that would drop the document


class Datatrove(Stage, frozen=True, kw_only=True):
    """Judges a shard; `decide` drops by what it finds, and no other component's shards run it."""

    name: ClassVar[str] = "datatrove"
    version: ClassVar[int] = 1
    reads_text: ClassVar[bool] = True

    steps: tuple[DatatroveStep, ...]

    def key_settings(self) -> dict[str, object]:
        """Return what decides the reasons; which components have them does not."""
        return {"steps": [step.key_settings() for step in self.steps]}

    def assets(self) -> dict[str, str]:
        """Return the versions of datatrove and of what splits its words."""
        return step_assets(self.steps)

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write doc_id and the reasons, row group by row group."""
        steps = [LoadedStep(step) for step in self.steps]
        languages = inputs.table("language", ["language"])["language"]
        start = 0
        columns = ["doc_id", "source", "collection", "path", "kind", "text"]
        for rows in row_groups(inputs.one("read"), columns):
            known = rows.drop_columns(["doc_id", "text"])
            known = known.append_column("language", languages.slice(start, rows.num_rows))
            ids = [doc_id.hex() for doc_id in rows["doc_id"].to_pylist()]
            named = known.append_column("id", pa.array(ids, pa.string()))
            hits = judge(rows["text"], named.to_pylist(), steps)
            start += rows.num_rows
            output.write(pa.table({"doc_id": rows["doc_id"], STEP_HITS: hits}))
            output.count("hits", Counter(hits.flatten().to_pylist()))
            output.count("documents", {"judged": len(hits) - hits.null_count})
