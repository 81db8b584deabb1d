"""Build: run the graph, publish what came out, or say exactly what is missing."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.storage import configure, exists, is_local, join, read_bytes, write_bytes
from .engine import Engine, Observer, by_stage
from .executors import Executor
from .graph import Graph
from .published import BuildRecord, Publication, publish, read_build
from .recipe import Recipe, load_recipe
from .removals import load_take_down
from .stage import Failure
from .store import Store, open_store


class BuildResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a build did."""

    out: str
    record: BuildRecord | None  # None when something failed and nothing was published
    published: Publication
    num_ran: int
    num_cached: int
    failures: tuple[Failure, ...]


def build(
    recipe_path: str,
    *,
    out: str,
    executor: Executor,
    observer: Observer,
    verify: bool = False,
) -> BuildResult:
    """Build a recipe into a directory; what an earlier build did is not done again.

    Args:
        recipe_path: the TOML file.
        out: the build directory, local or on any fsspec storage.
        executor: runs the tasks; closed before returning.
        observer: is told the progress.
        verify: digest every artifact again instead of trusting size and modification time.

    Raises:
        GristmillError: the recipe is wrong, an input is missing or `out` cannot be written.
    """
    recipe = open_recipe(recipe_path)
    with open_store(out) as store:
        if verify:
            store.forget()
        try:
            return _build(recipe, store, executor, observer)
        finally:
            executor.close()
            store.save()


def open_recipe(path: str) -> Recipe:
    """Load a recipe and give its storage options to the storage layer."""
    recipe = load_recipe(path)
    for protocol, options in recipe.raw.storage.items():
        configure(protocol, options)
    return recipe


def _build(recipe: Recipe, store: Store, executor: Executor, observer: Observer) -> BuildResult:
    previous = read_build(store.out)
    graph = Graph(recipe, store, load_take_down(store.out), artifacts_of(previous))
    engine = Engine(store, executor, observer)
    outcome = engine.run_phases(graph.phases(engine.outcome.done))
    if not outcome.failed:
        shards = graph.layout(outcome.done)
        outcome = engine.run(graph.outputs(outcome.done, shards))
    nothing = Publication(written=(), removed=())
    record = None
    if not outcome.failed:
        record, nothing = publish(store, recipe, by_stage(outcome.done), previous)
        if record != previous or not exists(join(store.out, "report.html")):
            from .report import write_report  # duckdb: a build with nothing to do needs none

            write_report(store.out)
        store.release_quarantine()
        remember_recipe(store.out, recipe.path)
    return BuildResult(
        out=store.out,
        record=record,
        published=nothing,
        num_ran=len(outcome.ran),
        num_cached=len(outcome.cached),
        failures=tuple(outcome.failed.values()),
    )


def artifacts_of(previous: BuildRecord | None) -> Mapping[str, Mapping[str, str]]:
    """Return stage -> shard -> key of the artifacts of a published build."""
    return previous.artifacts if previous is not None else {}


def remember_recipe(out: str, path: str) -> None:
    """Write down which recipe a directory was built from, for `remove`."""
    where = str(Path(path).resolve()) if is_local(path) else path
    write_bytes(join(out, "work", "recipe.json"), msgspec.json.encode({"path": where}))


def remembered_recipe(out: str) -> str:
    """Return the recipe that a directory was last built from."""
    url = join(out, "work", "recipe.json")
    if not exists(url):
        raise GristmillError(
            "it is not known which recipe built this", where=out, todo="Name it with --recipe."
        )
    return str(msgspec.json.decode(read_bytes(url))["path"])
