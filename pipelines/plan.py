"""Plan: what a build would redo, why, and what each language would gain or lose, before it does.

A plan runs the columnar stages for real, into the work folder, where a later build finds them.
Where no text has to be read again, the token counts are exact, because the few documents that
change are tokenized; where it has to be (a new source, another detector), the plan names the
tasks and says that their effect is not known yet.
"""

from collections.abc import Callable, Iterable

import msgspec

from ..corpus.record import Component
from .artifact import Manifest
from .build import artifacts_of, open_recipe
from .engine import Engine, Node, Outcome
from .executors import Executor
from .expect import expected_tokens
from .graph import Graph
from .plan_mixtures import MixtureChange, mixture_changes
from .published import BuildRecord, mixtures_of, read_build, token_path
from .reasons import Before, PlannedTask
from .removals import load_take_down
from .stage import Failure, Stage, Task
from .stages.tokens import Pack, split_slice_name
from .store import Store, open_store


class ShardChange(msgspec.Struct, frozen=True, kw_only=True):
    """A token shard that would be written, rewritten or removed."""

    path: str
    change: str  # write, rewrite, remove


class LanguageChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a language of a component gains or loses."""

    component: Component
    language: str
    tokens_before: int
    tokens_after: int
    documents_before: int
    documents_after: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The answer; `is_exact` says whether shards and tokens are known or wait for texts."""

    is_exact: bool
    tasks: tuple[PlannedTask, ...]  # still to run
    done: tuple[PlannedTask, ...]  # redone since the published build, and kept for the next
    shards: tuple[ShardChange, ...]
    languages: tuple[LanguageChange, ...]
    seconds: float  # expected for the tasks still to run, on one core
    unknown: tuple[str, ...]  # inputs whose effect waits for their text
    failures: tuple[Failure, ...] = ()
    mixtures: tuple[MixtureChange, ...] = ()  # known where no shard has to be packed
    expected_tokens: dict[str, int] = {}  # by source, before the first build, as the recipe expects


class _Silent:
    """An observer that shows nothing: a plan is told when it is whole."""

    def begin(self, num_nodes: int) -> None:
        """Nothing is shown."""

    def start(self, task: Task, key: str) -> None:
        """Nothing is shown."""

    def finish(self, node: Node, manifest: Manifest, *, is_cached: bool) -> None:
        """Nothing is shown."""

    def fail(self, node: Node, failure: Failure, *, attempts_left: int) -> None:
        """Failures are in the outcome."""


def plan(recipe_path: str, *, out: str, executor: Executor) -> Plan:
    """Return what `build` would do now; nothing that readers see is changed."""
    recipe = open_recipe(recipe_path)
    with open_store(out) as store:
        try:
            previous = read_build(out)
            graph = Graph(recipe, store, load_take_down(out), artifacts_of(previous))
            engine = Engine(store, executor, _Silent(), may_run=_is_cheap(previous))
            outcome = engine.run_phases(graph.phases(engine.outcome.done))
            return _plan(graph, store, previous, outcome)
        finally:
            executor.close()
            store.save()


def _is_cheap(previous: BuildRecord | None) -> Callable[[Stage], bool]:
    """Columnar stages may run; tokenizing too, once a build exists from which most is copied."""

    def may_run(stage: Stage) -> bool:
        return not stage.reads_text or (
            stage.name in ("tokenize", "held_out_tokens") and previous is not None
        )

    return may_run


def _plan(graph: Graph, store: Store, previous: BuildRecord | None, outcome: Outcome) -> Plan:
    before = Before(store, previous)
    pending = [before.planned(task) for task in outcome.pending.values()]
    done = tuple(before.changed(outcome.done.values()))
    failures = tuple(outcome.failed.values())
    raw = graph.recipe.raw
    if pending or failures:
        return Plan(
            is_exact=False,
            tasks=tuple(pending),
            done=done,
            shards=(),
            languages=(),
            seconds=sum(task.seconds or 0.0 for task in pending),
            unknown=tuple(sorted({task.shard for task in pending})),
            failures=failures,
            expected_tokens={} if previous else expected_tokens(raw.expect, raw.source),
        )
    nodes = graph.outputs(outcome.done, graph.layout(outcome.done))
    made = [node.task(store, outcome.done) for node in nodes]
    outputs = [(task.key, task) for task in made]
    found = [(task, store.find(task, key)) for key, task in outputs]
    missing = [task for task, manifest in found if manifest is None]
    packed = [m for _, m in found if m is not None and m.stage == "pack"]
    mixtures: tuple[MixtureChange, ...] = ()
    if not missing:
        mixtures = mixture_changes(store.out, mixtures_of(store, graph.recipe, packed))
    tasks = tuple(before.planned(task) for task in missing)
    return Plan(
        is_exact=True,
        tasks=tasks,
        done=done,
        shards=tuple(_shard_changes(outputs, previous)),
        languages=tuple(_language_changes(graph, previous, outcome)),
        seconds=sum(task.seconds or 0.0 for task in tasks),
        unknown=(),
        mixtures=mixtures,
    )


def _shard_changes(
    outputs: Iterable[tuple[str, Task]], previous: BuildRecord | None
) -> Iterable[ShardChange]:
    """Yield what becomes of each token shard; `outputs` holds the tasks with their keys."""
    shards = {} if previous is None else {**previous.tokens, **previous.held_out}
    old = {path: shard.key for path, shard in shards.items()}
    new = {}
    for key, task in outputs:
        stage = task.stage
        if isinstance(stage, Pack):
            path = token_path(stage.component, stage.language, task.shard, stage=stage.name)
            new[path] = key
    for path in sorted(old.keys() | new.keys()):
        if path not in new:
            yield ShardChange(path=path, change="remove")
        elif path not in old:
            yield ShardChange(path=path, change="write")
        elif old[path] != new[path]:
            yield ShardChange(path=path, change="rewrite")


def _language_changes(
    graph: Graph, previous: BuildRecord | None, outcome: Outcome
) -> Iterable[LanguageChange]:
    before: dict[tuple[Component, str], tuple[int, int]] = {}
    for old in previous.tokens.values() if previous is not None else ():
        tokens, rows = before.get((old.component, old.language), (0, 0))
        before[old.component, old.language] = (tokens + old.tokens, rows + old.rows)
    after: dict[tuple[Component, str], tuple[int, int]] = {}
    for shard in graph.shards:
        for name, part in outcome.done["tokenize", shard.name].slices.items():
            component, language = split_slice_name(name)
            tokens, rows = after.get((component, language), (0, 0))
            after[component, language] = (tokens + part.tokens, rows + part.rows)
    for component, language in sorted(before.keys() | after.keys()):
        was, now = (counts.get((component, language), (0, 0)) for counts in (before, after))
        if was != now:
            yield LanguageChange(
                component=component,
                language=language,
                tokens_before=was[0],
                tokens_after=now[0],
                documents_before=was[1],
                documents_after=now[1],
            )
