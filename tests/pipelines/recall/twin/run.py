"""Runs the loop of a recipe with all pages of the pool in memory: slow to grow, plain to read."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from gristmill.filters.recall.described import is_described
from gristmill.pipelines.build import open_recipe
from gristmill.pipelines.engine import Engine
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.recall.asked import Asked, read_asked
from gristmill.pipelines.recall.graph import at
from gristmill.pipelines.recall.pool import PoolGraph
from gristmill.pipelines.recall.state import State
from gristmill.pipelines.recall.work import Work
from gristmill.pipelines.recall_settings import RecallTarget
from gristmill.pipelines.removals import TakeDown
from gristmill.pipelines.stages.recall_near import COPY
from gristmill.pipelines.store import open_store

from .iterate import Iteration, Logits, Loop
from .output import write_audit_sample, write_collected, write_iteration
from .pages import Known, Pages, apply_asked


def run_in_memory(recipe_path: Path, out: Path) -> None:
    """Leave what a run of the recipe's only target leaves in OUT/recall, but for recall.json."""
    recipe = open_recipe(str(recipe_path))
    (target,) = recipe.raw.recall.target
    with open_store(str(out)) as store:
        work = Work(Engine(store, LocalExecutor(), JsonLines(io.StringIO())))
        graph = PoolGraph(recipe, target, store, TakeDown())
        work.run_phases(graph.phases(work.done))
        asked = read_asked(target, recipe.base, has_files=graph.has_files)
        loop_in_memory(target, asked, graph, work, State(str(out), target.name))
        store.save()


def loop_in_memory(
    target: RecallTarget, asked: Asked, graph: PoolGraph, work: Work, state: State
) -> None:
    """Run the loop over a pool that is made."""
    pages = Pages(work.files(("recall_pool", name) for name in graph.names))
    copied = [("recall_copies", name) for name in graph.names] if target.near.threshold else []
    copies = pa.concat_tables([COPY.empty_table(), *work.tables(copied)]).sort_by("url")
    described = None
    if target.seeds_rule is not None:
        tables = work.tables(("recall_described", name) for name in graph.names)
        described = is_described(pa.concat_tables(tables), target.described)
    known = apply_asked(asked, pages, copies, described)

    def score(number: int, table: Path, digest: str) -> Logits:
        work.run(graph.scores(number, table, digest))
        nodes = [("recall_score", at(name, number)) for name in graph.names]
        parts = [table["logit"].to_numpy() for table in work.tables(nodes)]
        return np.concatenate([np.zeros(0, np.float32), *parts])

    write_all(state, pages, known, target, Loop(target, state, pages, asked, known).run(score))


def write_all(
    state: State, pages: Pages, known: Known, target: RecallTarget, iterations: Iterator[Iteration]
) -> None:
    """Write what follows from the iterations."""
    first = np.zeros(len(pages), dtype=np.int64)
    for iteration in iterations:
        write_iteration(state, target, pages, iteration)
        barred = known.is_seed | known.is_negative
        write_audit_sample(state, pages, iteration.logits, target.sample, barred=barred)
        first[iteration.is_collected & (first == 0)] = iteration.metrics.iteration
        last = iteration
    write_collected(state, pages, last, first)
