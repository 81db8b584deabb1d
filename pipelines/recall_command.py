"""Recall: run a recipe's loops over its pages or files, and leave what each iteration came to.

OUT/recall/TARGET/collected.parquet lists the pages found. Tasks and their results lie in OUT/work,
as those of a build do: what is done is not done again.
"""

from pathlib import Path

import msgspec
import numpy as np

from ..corpus.errors import GristmillError
from ..corpus.storage import escape_glob, exists, join, list_files, read_bytes, write_bytes
from ..filters.recall.lint import lint_decisions
from .build import open_recipe
from .dedup_graph import Previous
from .engine import Engine, Node, Observer, by_stage
from .executors import Executor
from .recall.asked import Asked, Known, apply_asked, read_asked
from .recall.costs import TRAIN_COST_FILE, LoopCosts, TrainCost, stage_costs
from .recall.iterate import Iteration, Logits, Loop
from .recall.languages import language_notes
from .recall.metrics import IterationMetrics
from .recall.output import (
    write_audit_sample,
    write_collected,
    write_iteration,
    write_report,
)
from .recall.pool import PoolGraph
from .recall.state import State
from .recall_pages import FOLDER, RECORD
from .recall_settings import RecallTarget
from .recipe import Recipe
from .removals import load_take_down
from .stage import Failure
from .store import Store, open_store


class RecallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """recall.json: how a target stands, and the artifacts behind it."""

    target: str
    pages: int  # of the pool
    left_out: dict[str, int]  # of what was read, by reason
    iterations: int
    collected_pages: int
    collected_tokens: int
    artifacts: dict[str, dict[str, str]]  # stage -> shard -> key
    has_files: bool = False  # the pool is of repositories, not of pages


class TargetResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to for one target."""

    record: RecallRecord
    iterations: tuple[IterationMetrics, ...]
    notes: tuple[str, ...]  # what is odd about decisions and labels
    costs: LoopCosts


class RecallResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to; with failures, for the targets before them."""

    out: str
    targets: tuple[TargetResult, ...]
    num_ran: int
    num_cached: int
    failures: tuple[Failure, ...]


class _TasksFailedError(Exception):
    """Tasks of an engine failed, so nothing that needs them is made."""


def recall(
    recipe_path: str,
    *,
    out: str,
    executor: Executor,
    observer: Observer,
    names: tuple[str, ...] = (),
    retrain: int | None = None,
) -> RecallResult:
    """Run the loops of a recipe into a directory.

    Args:
        names: of the targets; empty means all.
        retrain: the first iteration whose model is trained again.

    Raises:
        GristmillError: the recipe or a file that it names is wrong, or nothing is a seed.
    """
    recipe = open_recipe(recipe_path)
    targets = _chosen(recipe, names)
    found: list[TargetResult] = []
    num_ran = num_cached = 0
    failures: tuple[Failure, ...] = ()
    with open_store(out) as store:
        try:
            for target in targets:
                run = _Run(recipe, target, store, executor, observer)
                try:
                    found.append(run.result(retrain))
                except _TasksFailedError:
                    failures = tuple(run.engine.outcome.failed.values())
                num_ran += len(run.engine.outcome.ran)
                num_cached += len(run.engine.outcome.cached)
                if failures:
                    break
        finally:
            executor.close()
            store.save()
        if not failures:
            store.release_quarantine()
    return RecallResult(
        out=out,
        targets=tuple(found),
        num_ran=num_ran,
        num_cached=num_cached,
        failures=failures,
    )


def _chosen(recipe: Recipe, names: tuple[str, ...]) -> list[RecallTarget]:
    targets = recipe.raw.recall.target
    known = [target.name for target in targets]
    if not targets:
        raise GristmillError(
            "the recipe looks for no topic",
            where=recipe.path,
            todo="Add a [[recall.target]] table; docs/recall.md lists its keys.",
        )
    for name in names:
        if name not in known:
            raise GristmillError(
                f"there is no target `{name}`",
                where=recipe.path,
                todo=f"Known: {', '.join(known)}.",
            )
    return [target for target in targets if not names or target.name in names]


class _Run:
    """One target in one run."""

    def __init__(
        self,
        recipe: Recipe,
        target: RecallTarget,
        store: Store,
        executor: Executor,
        observer: Observer,
    ) -> None:
        self._target, self._store = target, store
        self._state = State(store.out, target.name)
        record = str(self._state.folder / RECORD)
        previous = _artifacts(record) if exists(record) else {}
        self._graph = PoolGraph(recipe, target, store, load_take_down(store.out), previous)
        self._asked: Asked = read_asked(target, recipe.base, has_files=self._graph.has_files)
        self.engine = Engine(store, executor, observer)

    def result(self, retrain: int | None) -> TargetResult:
        """Run the loop and write what it finds."""
        if retrain is not None:
            self._state.drop_from(retrain)
        if self.engine.run_phases(self._graph.phases(self.engine.outcome.done)).failed:
            raise _TasksFailedError
        pages = self._graph.pages(self.engine.outcome.done)
        done = self.engine.outcome.done
        known = apply_asked(
            self._asked, pages, self._graph.copies(done), self._graph.described(done)
        )
        loop = Loop(self._target, self._state, pages, self._asked, known)
        iterations: list[Iteration] = []
        for iteration in loop.run(self._score):
            write_iteration(self._state, self._target, pages, iteration)
            if not iterations:
                first = np.zeros(len(pages), dtype=np.int64)
                barred = known.is_seed | known.is_negative
                write_audit_sample(
                    self._state, pages, iteration.logits, self._target.sample, barred=barred
                )
            first[iteration.is_collected & (first == 0)] = iteration.metrics.iteration
            iterations.append(iteration)
        last = iterations[-1]
        write_collected(self._state, pages, last, first)
        record = self._record(len(pages), last.metrics)
        _write_record(self._state.folder / RECORD, record)
        metrics = tuple(one.metrics for one in iterations)
        costs = self._costs(len(metrics))
        write_report(self._state, self._target.name, metrics, costs)
        return TargetResult(
            record=record,
            iterations=metrics,
            notes=(
                *self._notes(pages.table["host"].unique().to_pylist(), known),
                *language_notes(last.metrics.languages, self._target),
            ),
            costs=costs,
        )

    def _tasks(self, nodes: list[Node]) -> None:
        if self.engine.run(nodes).failed:
            raise _TasksFailedError

    def _score(self, iteration: int, table: Path, digest: str) -> Logits:
        self._tasks(self._graph.scores(iteration, table, digest))
        return self._graph.logits(self.engine.outcome.done, iteration)

    def _record(self, num_pages: int, last: IterationMetrics) -> RecallRecord:
        artifacts = by_stage(self.engine.outcome.done)
        left_out: dict[str, int] = {}
        for manifest in artifacts["recall_pool"].values():
            for reason, count in manifest.counts.get("left_out", {}).items():
                left_out[reason] = left_out.get(reason, 0) + count
        return RecallRecord(
            target=self._target.name,
            pages=num_pages,
            left_out=left_out,
            iterations=last.iteration,
            collected_pages=last.collected_pages,
            collected_tokens=last.collected_tokens,
            has_files=self._graph.has_files,
            artifacts={
                stage: {shard: manifest.key for shard, manifest in sorted(shards.items())}
                for stage, shards in sorted(artifacts.items())
                if shards
            },
        )

    def _notes(self, hosts: list[str], known: Known) -> list[str]:
        found = [
            f"decision on {finding.decision.host}{finding.decision.prefix}: {finding.message}"
            for finding in lint_decisions(self._asked.decisions, hosts)
        ]
        for what, count in (
            ("labelled", known.num_labels_missing),
            ("audited", known.num_audit_missing),
        ):
            if count:
                found.append(f"{count} {what} pages are not in the pool")
        return found

    def _costs(self, num_iterations: int) -> LoopCosts:
        """Return what the loop took, in this run and in those before."""
        found = {
            i: self._state.read(i, TRAIN_COST_FILE, TrainCost) for i in range(1, num_iterations + 1)
        }
        training = {i: cost for i, cost in found.items() if cost is not None}
        return stage_costs(
            by_stage(self.engine.outcome.done), training, has_files=self._graph.has_files
        )


def _write_record(path: Path, record: RecallRecord) -> None:
    data = msgspec.json.format(msgspec.json.encode(record, order="deterministic"))
    write_bytes(str(path), data + b"\n")


def recall_artifacts(out: str) -> list[Previous]:
    """Return stage -> shard -> key of what each target of a directory stands on.

    Raises:
        GristmillError: a recall.json is not what this version writes.
    """
    return [_artifacts(url) for url in list_files(join(escape_glob(out), FOLDER, "*", RECORD))]


def _artifacts(url: str) -> Previous:
    try:
        return msgspec.json.decode(read_bytes(url), type=RecallRecord).artifacts
    except msgspec.DecodeError as error:
        raise GristmillError(
            f"cannot be read: {error}",
            where=url,
            todo="Remove it and run `gristmill recall` again: it is written anew.",
        ) from None
