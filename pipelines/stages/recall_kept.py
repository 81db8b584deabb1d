"""What people have said of pages that gave way to a longer one: it holds for that one.

said -> kept: shards that hold such pages send what is said of them to the partition of the id of
the page that stays, which knows the shard of that page.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.record import ID
from ...filters.recall.seeds import PageLabel
from ..output import Output
from ..stage import Inputs, Stage
from .exchange import key_of_id, shard_slice, write_partitions
from .recall_known import AUDITED, LABELLED, asked_labels, asked_seeds

IDS: Final = pa.schema([("doc_id", ID)])
SAID: Final = pa.schema(
    [
        ("keeper", ID),  # the page that stays
        ("url", pa.string()),  # of the page that gave way
        ("is_seed", pa.bool_()),  # by its site
        ("label", pa.bool_()),  # null where it has none
        ("audit", pa.bool_()),
        ("weight", pa.float64()),  # of the audit
    ]
)


class PoolIds(Stage, frozen=True, kw_only=True):
    """Tells the partitions of ids which pages a shard has."""

    name: ClassVar[str] = "recall_ids"
    version: ClassVar[int] = 1

    partitions: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the ids, one slice a partition."""
        ids = inputs.table("pool", ["doc_id"]).sort_by("doc_id")
        write_partitions([ids], key_of_id("doc_id"), self.partitions, output, IDS)


class Said(Stage, frozen=True, kw_only=True):
    """Lists what is said of the pages of a shard that gave way."""

    name: ClassVar[str] = "recall_said"
    version: ClassVar[int] = 1

    partitions: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write SAID, one slice a partition of the ids of those that stay."""
        copies, asked = inputs.table("copies"), inputs.table("asked")
        labels, audit = asked_labels(asked, LABELLED), asked_labels(asked, AUDITED)
        urls = copies["url"].to_pylist()
        is_seed = pa.array(asked_seeds(asked, copies))
        columns = [
            *(copies["keeper"], copies["url"], is_seed),
            _answers(labels, urls),
            _answers(audit, urls),
            pa.array([audit[url].weight if url in audit else None for url in urls], pa.float64()),
        ]
        table = pa.table(columns, schema=SAID)
        is_said = pc.or_(table["is_seed"], pc.is_valid(table["label"]))
        table = table.filter(pc.or_(is_said, pc.is_valid(table["audit"])))
        table = table.sort_by([("keeper", "ascending"), ("url", "ascending")])
        write_partitions([table], key_of_id("keeper"), self.partitions, output, SAID)


def _answers(labels: Mapping[str, PageLabel], urls: list[str]) -> pa.Array:
    return pa.array(
        [labels[url].is_positive if url in labels else None for url in urls], pa.bool_()
    )


class Kept(Stage, frozen=True, kw_only=True):
    """Gives what is said to the shards of the pages that stay; it lies in memory."""

    name: ClassVar[str] = "recall_kept"
    version: ClassVar[int] = 1
    names_shards: ClassVar[bool] = True

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write SAID, one slice a shard."""
        output.write(SAID.empty_table())
        parts = [SAID.empty_table(), *(file.read() for file in inputs.all("said"))]
        said = pa.concat_tables(parts).sort_by([("keeper", "ascending"), ("url", "ascending")])
        if not said.num_rows:
            return
        for file in inputs.all("ids"):
            ids = file.read(["doc_id"])["doc_id"].combine_chunks()
            own = said.filter(pc.is_in(said["keeper"], value_set=ids))
            if own.num_rows:
                output.append(own, slice_name=shard_slice(file.shard))
