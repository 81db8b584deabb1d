"""The files that a run of a loop writes anew, each by rename and only if its bytes change.

Tables and decisions stream from the partitions; open questions, which people read, are held.
"""

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...filters.recall.decisions import Decision, format_decisions
from ...filters.recall.proposals import SCHEMA as PROPOSALS
from ..engine import NodeId
from ..recall_pages import COLLECTED_FILE
from ..stages.recall_prefixes import DECIDED, REVIEW, WRITTEN, decision_of
from ..stages.recall_shown import SHOWN, first_pages
from ..stages.recall_sites import DOMAINS, WHOLE
from ..stages.recall_verdicts import COLLECTED, IN_ORDER
from .costs import COSTS_FILE, LoopCosts
from .graph import LoopGraph
from .merging import merge_sorted
from .metrics import IterationMetrics, iterations_table
from .report import recall_page
from .samples import BELOW, NEW, SAMPLE_PAGES, SAMPLES, SAMPLES_FILE
from .standing import read_standing
from .state import State, as_lines, changed_file, write_changed
from .work import Work

ITERATIONS_FILE: Final = "iterations.parquet"
REPORT_FILE: Final = "report.html"
ROW_GROUP_ROWS: Final = 1 << 15  # what a reader of one file's pages has to look through
NOBODY = "?"  # who has not decided yet
_OF_PREFIX = ("host", "prefix", "scope")


def write_iteration(state: State, work: Work, graph: LoopGraph, iteration: int) -> None:
    """Write the tables, questions, decisions and samples of an iteration."""
    writer = _Writer(work, graph)
    domains = graph.of_parts("recall_domains", iteration)
    prefixes = graph.of_parts("recall_prefixes", iteration)
    decisions = graph.of_parts("recall_decisions", iteration)
    path = state.path(iteration)
    writer.table(str(path / "domains.parquet"), domains, WHOLE, DOMAINS, ("host",))
    writer.table(str(path / "prefixes.parquet"), prefixes, None, PROPOSALS, _OF_PREFIX)
    rows = writer.rows(decisions, WHOLE, WRITTEN, _OF_PREFIX)
    with changed_file(str(path / "decisions.tsv")) as partial, partial.open("wb") as out:
        out.writelines(_decision_lines(rows))
    review = review_text(
        open_questions(work, graph, iteration), target=graph.target.name, iteration=iteration
    )
    write_changed(str(path / "review.tsv"), review.encode())
    write_changed(str(path / SAMPLES_FILE), _parquet(sample_pages(work, graph, iteration)))


def write_collected(state: State, work: Work, graph: LoopGraph, last: int) -> None:
    """Write COLLECTED, sorted by file and URL, so that a reader of one file finds its pages."""
    work.run(graph.collected(last))
    writer = _Writer(work, graph)
    nodes, url = graph.of_parts("recall_collected"), str(state.folder / COLLECTED_FILE)
    writer.table(url, nodes, None, COLLECTED, IN_ORDER)


def sample_pages(work: Work, graph: LoopGraph, iteration: int) -> pa.Table:
    """Return SAMPLES, those of one kind from the highest score on."""
    work.run(graph.shown(iteration))
    nodes = graph.of_parts("recall_shown_of", iteration)
    table = first_pages(pa.concat_tables([SHOWN.empty_table(), *work.tables(nodes)]))
    below = table.filter(pc.equal(table["kind"], BELOW)).sort_by("sample").slice(0, SAMPLE_PAGES)
    table = pa.concat_tables([table.filter(pc.equal(table["kind"], NEW)), below])
    scores = 1 / (1 + np.exp(-table["logit"].to_numpy().astype(np.float64)))
    table = table.append_column("score", pa.array(scores.astype(np.float32)))
    order = [("kind", "descending"), ("score", "descending"), ("url", "ascending")]
    return table.select(SAMPLES.names).cast(SAMPLES).sort_by(order)


def write_report(
    state: State, target: str, iterations: Sequence[IterationMetrics], costs: LoopCosts
) -> None:
    """Write the iterations as a table, what they cost, and the report of all that is there."""
    table = iterations_table(target, iterations)
    write_changed(str(state.folder / ITERATIONS_FILE), _parquet(table))
    write_changed(str(state.folder / COSTS_FILE), as_lines(costs))
    standing = read_standing(state.out, target)
    assert standing is not None, "its record was written before"
    write_changed(str(state.folder / REPORT_FILE), recall_page(standing).encode())


def _parquet(table: pa.Table) -> bytes:
    stream = BytesIO()
    pq.write_table(
        table.combine_chunks(), stream, compression="zstd", row_group_size=ROW_GROUP_ROWS
    )
    return stream.getvalue()


class _Writer:
    """Writes what partitions hold in one order."""

    def __init__(self, work: Work, graph: LoopGraph) -> None:
        self._work = work
        self._memory_bytes = graph.target.memory_bytes // 2

    def rows(
        self,
        nodes: Sequence[NodeId],
        slice_name: str | None,
        schema: pa.Schema,
        order: Sequence[str],
    ) -> Iterator[pa.Table]:
        """Yield the rows of nodes in an order."""
        files = self._work.files(nodes, slice_name)
        return merge_sorted(files, schema.names, order, memory_bytes=self._memory_bytes)

    def table(
        self,
        url: str,
        nodes: Sequence[NodeId],
        slice_name: str | None,
        schema: pa.Schema,
        order: Sequence[str],
    ) -> None:
        """Write the rows of nodes as Parquet."""
        rows = self.rows(nodes, slice_name, schema, order)
        with (
            changed_file(url) as partial,
            pq.ParquetWriter(partial, schema, compression="zstd") as out,
        ):
            for group in row_groups_of(rows, schema):
                out.write_table(group, row_group_size=ROW_GROUP_ROWS)


def row_groups_of(tables: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield the rows of tables, ROW_GROUP_ROWS at a time; where there are none, an empty table."""
    waiting = schema.empty_table()
    num_yielded = 0
    for table in tables:
        waiting = pa.concat_tables([waiting, table])
        while waiting.num_rows >= ROW_GROUP_ROWS:
            yield waiting.slice(0, ROW_GROUP_ROWS).combine_chunks()
            waiting = waiting.slice(ROW_GROUP_ROWS)
            num_yielded += 1
    if waiting.num_rows or not num_yielded:
        yield waiting.combine_chunks()


def _decision_lines(tables: Iterable[pa.Table]) -> Iterator[bytes]:
    header = format_decisions([])
    yield header.encode()
    for table in tables:
        decisions = [decision_of(row) for row in table.to_pylist()]
        yield format_decisions(decisions).removeprefix(header).encode()


def open_questions(work: Work, graph: LoopGraph, iteration: int) -> pa.Table:
    """Return the prefixes that nobody has decided, most tokens first."""
    nodes = graph.of_parts("recall_decisions", iteration)
    table = pa.concat_tables([DECIDED.empty_table(), *work.tables(nodes, REVIEW)])
    order = [("new_tokens", "descending"), *((name, "ascending") for name in _OF_PREFIX)]
    return table.sort_by(order)


def review_text(review: pa.Table, *, target: str, iteration: int) -> str:
    """Return the open prefixes as lines for a decisions file: edit verdict and who, and copy them.

    Most tokens first; the last column holds sample URLs.
    """
    lines = [format_decisions([]).rstrip("\n")]
    for row in review.to_pylist():
        one = Decision(
            target=target,
            host=row["host"],
            prefix=row["prefix"],
            scope=row["scope"],
            verdict="hold",
            who=NOBODY,
            date="",
            iteration=iteration,
            pages=row["pages"],
            collected=row["collected"],
            lower=row["lower"],
            upper=row["upper"],
            note=_note(row["new_tokens"], row["formulas"], row["code_lines"], row["samples"]),
        )
        lines.append(format_decisions([one]).splitlines()[1])
    return "".join(f"{line}\n" for line in lines)


def _note(new_tokens: int, formulas: int, code_lines: int, samples: list[str]) -> str:
    counts = f"{new_tokens} new tokens, {formulas} formulas, {code_lines} lines of code"
    return " ".join([counts, *map(_one_word, samples)])


def _one_word(url: str) -> str:
    return "".join(char if char.isprintable() and char != " " else "%20" for char in url)
