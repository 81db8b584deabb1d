"""Cluster plan: what a recipe's expected volumes cost step by step, and where the bottleneck lies.

Every figure is volume over rate. A step's hours on the clock are those of its scarcest resource:
cores, disks or network. Volumes are the recipe's own `[expect]`, rates those of `gristmill bench`;
what neither of them says is named and left out of the sums, never guessed.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

from ..corpus.budgets import exact
from ..corpus.errors import GristmillError
from ..corpus.mixture import ComponentPlan, plan_epochs
from ..corpus.record import Component
from ..corpus.sources.unit import SourceSpec
from .expect import SourceRate, Volume, expected_rate, expected_volume
from .machine_rates import POOL, STEPS, Kind, MachineRates, Rate, Step
from .recipe import Recipe

HOUR: Final = 3600
GIGA: Final = 10**9
TASK_GIGABYTES: Final = (2 << 30) / GIGA  # of the largest tasks: language, tokenize and pack

Resource = Literal["cores", "disk", "network"]
_Positive = Annotated[float, msgspec.Meta(gt=0)]


class Cluster(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Equal machines; rates are of one node in gigabytes (10^9) a second, both ways together.

    Args:
        memory: of a node in gigabytes; it may leave some cores without a task.
        internet: of all nodes together, for what is fetched.
    """

    nodes: Annotated[int, msgspec.Meta(ge=1)]
    cores: Annotated[int, msgspec.Meta(ge=1)]
    memory: _Positive | None = None
    disk: _Positive = 2.0
    network: _Positive = 1.25
    internet: _Positive = 1.25

    @property
    def used_cores(self) -> int:
        """Cores of a node that have the memory for a task of the largest stages."""
        if self.memory is None:
            return self.cores
        return max(1, min(self.cores, int(self.memory // TASK_GIGABYTES)))


class PlannedStep(msgspec.Struct, frozen=True, kw_only=True):
    """A row: the work that goes through a step, and what it takes of the cluster."""

    step: str
    documents: int
    text_bytes: int
    tokens: int
    cpu_hours: float
    written_bytes: int
    disk_bytes: int  # read and written
    network_bytes: int
    wall_hours: float
    limited_by: Resource


class ClusterPlan(msgspec.Struct, frozen=True, kw_only=True):
    """All steps in their order, the figures they rest on, and what is left out."""

    recipe: str
    cluster: Cluster
    rates: str  # where they are from
    token_rates: tuple[SourceRate, ...]
    mixture: tuple[ComponentPlan, ...]
    steps: tuple[PlannedStep, ...]
    bottleneck: str
    unknown: tuple[str, ...]


class _Load(NamedTuple):
    """What one source has a step do; a pool has no tokens."""

    kind: Kind
    documents: int
    text_bytes: int
    tokens: int
    amount: int  # of the step's basis


def plan_cluster(
    recipe: Recipe, cluster: Cluster, rates: MachineRates, *, rates_from: str
) -> ClusterPlan:
    """Return what a recipe costs on a cluster; nothing is read, fetched or run.

    A source without an expectation raises GristmillError.
    """
    volumes = _volumes(recipe)
    unknown = list[str]()
    fetched = _fetch(volumes, cluster)
    steps = [fetched] if fetched is not None else []
    written: dict[str, int] = {}
    for step in (POOL, *STEPS):
        if step.name == "decontaminate" and not recipe.raw.decontamination.index:
            continue
        found = _plan_step(step, volumes, cluster, rates, written, unknown)
        if found is not None:
            written[step.name] = found.written_bytes
            steps.append(found)
    if any(volume.pool_documents for _, volume in volumes):
        unknown.append("what recall does with a pool once it is read, which bench does not measure")
    if recipe.raw.redaction.is_asked:
        unknown.append("the reading of texts for redaction, which bench does not measure")
    if recipe.tokenizer.file is not None:
        unknown.append("how far the recipe's vocabulary is from DeepSeek-V2's in bytes a token")
    return ClusterPlan(
        recipe=recipe.raw.name,
        cluster=cluster,
        rates=rates_from,
        token_rates=tuple(
            expected_rate(recipe.raw.expect[source.name], source) for source, _ in volumes
        ),
        steps=tuple(steps),
        mixture=_mixture(recipe, volumes),
        bottleneck=max(steps, key=lambda step: step.wall_hours).step,
        unknown=tuple(unknown),
    )


def _mixture(
    recipe: Recipe, volumes: Sequence[tuple[SourceSpec, Volume]]
) -> tuple[ComponentPlan, ...]:
    """Return how often the expected tokens would be seen; more than the ceiling is an error."""
    settings = recipe.raw.mixture
    tokens: dict[Component, int] = {}
    for source, volume in volumes:
        tokens[source.component] = tokens.get(source.component, 0) + volume.tokens
    ceilings = {name: settings.ceiling(name) for name in tokens}
    limits = {name: tokens[name] * exact(most) for name, most in ceilings.items() if most}
    is_error = settings.when_over == "error"
    plans = plan_epochs(
        tokens,
        weights=settings.weights,
        total_tokens=settings.total_tokens,
        limits={} if is_error else limits,
    )
    for plan in plans:
        if is_error and plan.target_tokens > limits.get(plan.name, plan.target_tokens):
            raise GristmillError(
                f"{plan.name} would be seen {plan.epochs:.2f} times, and its ceiling is "
                f"{ceilings[plan.name]}",
                where=f"{recipe.path}: mixture",
                todo="Expect more tokens, lower its weight or total_tokens, or raise max_epochs.",
            )
    return plans


def _volumes(recipe: Recipe) -> list[tuple[SourceSpec, Volume]]:
    found = []
    for source in recipe.raw.source:
        expectation = recipe.raw.expect.get(source.name)
        if expectation is None:
            raise GristmillError(
                f"the recipe does not say what source `{source.name}` is expected to hold",
                where=f"{recipe.path}: expect",
                todo=f"Add [expect.{source.name}] with `documents` and `text_bytes` or `tokens`.",
            )
        rate = expected_rate(expectation, source).bytes_per_token
        found.append((source, expected_volume(expectation, rate)))
    return found


def _fetch(volumes: Sequence[tuple[SourceSpec, Volume]], cluster: Cluster) -> PlannedStep | None:
    """Return the step that fetches: it takes no core worth naming, and the internet's rate."""
    asked = [volume for _, volume in volumes if volume.download_bytes]
    if not asked:
        return None
    num_bytes = sum(volume.download_bytes for volume in asked)
    return PlannedStep(
        step="fetch",
        documents=sum(volume.pool_documents or volume.documents for volume in asked),
        text_bytes=sum(volume.pool_bytes or volume.text_bytes for volume in asked),
        tokens=0,
        cpu_hours=0.0,
        written_bytes=num_bytes,
        disk_bytes=num_bytes,
        network_bytes=num_bytes,
        wall_hours=num_bytes / (cluster.internet * GIGA) / HOUR,
        limited_by="network",
    )


def _plan_step(
    step: Step,
    volumes: Sequence[tuple[SourceSpec, Volume]],
    cluster: Cluster,
    rates: MachineRates,
    written: dict[str, int],
    unknown: list[str],
) -> PlannedStep | None:
    seconds, output = 0.0, 0
    done = list[_Load]()
    for source, volume in volumes:
        for load in _loads(step, source, volume):
            rate = rates.find(STEPS[0] if step is POOL else step, load.kind)
            if rate is None or not rate.cpu_seconds or not rate.amount:
                unknown.append(f"{step.name} of {load.kind}: the rates do not have it")
                continue
            seconds += load.amount / rate.per_second
            output += _written(rate, load.amount)
            done.append(load)
    if not done:
        return None
    # Dedup reads signatures and, on its way, what it has itself written.
    read = sum(output if name == step.name else written.get(name, 0) for name in step.reads)
    moved = read * (cluster.nodes - 1) // cluster.nodes if step.moves else 0
    hours = {
        "cores": seconds / (cluster.nodes * cluster.used_cores) / HOUR,
        "disk": (read + output) / (cluster.nodes * cluster.disk * GIGA) / HOUR,
        "network": moved / (cluster.nodes * cluster.network * GIGA) / HOUR,
    }
    scarcest: Resource = max(("cores", "disk", "network"), key=lambda name: hours[name])
    return PlannedStep(
        step=step.name,
        documents=sum(load.documents for load in done),
        text_bytes=sum(load.text_bytes for load in done),
        tokens=sum(load.tokens for load in done),
        cpu_hours=seconds / HOUR,
        written_bytes=output,
        disk_bytes=read + output,
        network_bytes=moved,
        wall_hours=hours[scarcest],
        limited_by=scarcest,
    )


def _written(rate: Rate, amount: int) -> int:
    return round(rate.written_bytes * amount / rate.amount)


def _loads(step: Step, source: SourceSpec, volume: Volume) -> Iterator[_Load]:
    """Yield what a source gives a step: its own documents, and the pool that recall reads."""
    kind = _kind(source)
    if step is POOL:
        if volume.pool_documents:
            pool: Kind = "page" if source.kind == "warc" else kind
            yield _Load(pool, volume.pool_documents, volume.pool_bytes, 0, volume.pool_bytes)
        return
    documents, num_bytes = {
        "text_bytes": (volume.documents, volume.text_bytes),
        "documents": (volume.documents, volume.text_bytes),
        "passed_documents": (volume.passed_documents, volume.passed_bytes),
        "kept_bytes": (volume.kept_documents, volume.kept_bytes),
        "tokens": (volume.kept_documents, volume.kept_bytes),
    }[step.basis]
    tokens = volume.tokens if step.basis in ("kept_bytes", "tokens") else 0
    amount: int = getattr(volume, step.basis)
    if amount:
        yield _Load(kind, documents, num_bytes, tokens, amount)


def _kind(source: SourceSpec) -> Kind:
    """Return what the source's readers do, as bench tells them apart."""
    if source.kind == "warc":
        return "page_fine" if source.extract == "fine" else "page"
    return "repository" if source.kind == "repository" else "document"
