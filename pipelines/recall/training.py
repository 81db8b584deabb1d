"""A model of an iteration: the draw of its pages over all shards, their words, and the training.

What is drawn passes through this process as hashes, and as words one partition at a time.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ...filters.recall.collapse import collapse, table_digest, write_table
from ...filters.recall.drift import count_unigrams
from ...filters.recall.equality import check_equality
from ...filters.recall.fasttext_file import read_fasttext
from ...filters.recall.model import TrainedModel, train_tables
from ..stages.recall_draw import COMPARED, POSITIVE
from ..stages.recall_lines import LINES
from .draw import Drawn, draw_pages
from .draw_graph import DrawGraph
from .work import Work

LINE_ROWS = 1 << 10  # of a table that is written for fastText
TOPIC = "topic"
OTHER = "other"


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """A model, and what it was trained on."""

    model: TrainedModel
    table_digest: str
    drawn: Drawn
    largest_difference: float
    num_compared: int
    unigrams: pa.Table  # of the positives


def train_model(work: Work, graph: DrawGraph, folder: Path) -> Trained:
    """Write model.bin and table.bin of a draw into a folder."""
    drawn = draw_pages(work, graph)
    work.run(graph.lines(drawn.bounds))
    compared: list[pa.ChunkedArray] = []
    settings = graph.target.train
    model = train_tables(_lines(work, graph, compared), settings, folder / "model.bin")
    collapsed = collapse(read_fasttext(folder / "model.bin"), OTHER)
    words = pa.chunked_array(
        [chunk for one in compared for chunk in one.chunks], LINES.field("words").type
    )
    equality = check_equality(collapsed, folder / "model.bin", words)
    (folder / "table.bin").write_bytes(write_table(collapsed))
    return Trained(
        model=model,
        table_digest=table_digest(collapsed),
        drawn=drawn,
        largest_difference=equality.largest_difference,
        num_compared=equality.num_pages,
        unigrams=count_unigrams(_positives(work, graph)),
    )


def _positives(work: Work, graph: DrawGraph) -> Iterator[pa.ChunkedArray]:
    """Yield the words of the pages on the topic."""
    for file in work.files(graph.ids_of_parts("recall_ordered")):
        for table in file.batches(["kind", "words"], LINE_ROWS):
            yield table["words"].filter(pc.equal(table["kind"], POSITIVE))


def _lines(work: Work, graph: DrawGraph, compared: list[pa.ChunkedArray]) -> Iterator[pa.Table]:
    """Yield the pages to train on in their order; put aside those to be compared."""
    for file in work.files(graph.ids_of_parts("recall_ordered")):
        for table in file.batches(["kind", "words"], LINE_ROWS):
            is_compared = pc.equal(table["kind"], COMPARED)
            compared.append(table["words"].filter(is_compared))
            rows = table.filter(pc.invert(is_compared))
            labels = pc.if_else(pc.equal(rows["kind"], POSITIVE), TOPIC, OTHER)
            yield pa.table({"label": labels, "words": rows["words"]})
