"""What a loop has cost, and what one over a whole crawl would, by the CPU time of its tasks.

CPU time, since the clock counts what other programs do on the same machine: one run was seen to
take 2.6 times its CPU time. The sum over all stages is divided by the pages that were read. The
text of a page costs more the larger its HTML is, so its size is shown beside that of a crawl's.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from ..artifact import Manifest

CRAWL_PAGES: Final = 3_000_000_000  # of one crawl of Common Crawl, in CRAWL_WARCS files
CRAWL_WARCS: Final = 90_000
MANY_FILES: Final = 1_000_000  # of repositories, of which nobody knows how many there are
CRAWL_PAGE_BYTES: Final = 98_000  # of HTML: 295 TB (CC-MAIN-2026-08)
BUSY: Final = 1.2  # times the CPU time, from which the clock is worth a word
COSTS_FILE: Final = "costs.json"
TRAIN_COST_FILE: Final = "cost.json"  # in the folder of an iteration
NAMES: Final[Mapping[str, str]] = {
    "read": "text",
    "recall_names": "names",
    "recall_same": "same pages",
    "paths": "paths",
    "language": "languages",
    "recall_described": "descriptions",
    "recall_pool": "words",
    "recall_score": "scores",
    "near": "near-duplicates",
    "train": "training",
}
# Stages that find near-duplicates together are one line.
NEAR_STAGES: Final = frozenset(
    ("sign", "items", "exact", "bands", "candidates", "pairs", "near", "forest", "large_star")
) | frozenset(("small_star", "label", "cluster", "fates", "recall_copies"))


class StageCost(msgspec.Struct, frozen=True, kw_only=True):
    """What the tasks of a stage took, whenever they ran."""

    tasks: int
    rows: int  # that they wrote
    num_bytes: int
    cpu_seconds: float
    seconds: float  # on the clock


class TrainCost(msgspec.Struct, frozen=True, kw_only=True):
    """cost.json of an iteration: what its model took to draw, train and compare."""

    cpu_seconds: float
    seconds: float


class LoopCosts(msgspec.Struct, frozen=True, kw_only=True):
    """costs.json: what a loop took in all its runs. Times differ from one machine to the next."""

    pages: int  # that were read, those that the pool leaves out included
    page_bytes: int  # of all of them, as servers sent them
    models: int
    stages: dict[str, StageCost]  # `train` is that of all models, on the pages drawn
    unmeasured: int  # tasks whose manifests do not say what CPU time they took
    has_files: bool = False  # the pool is of repositories


def stage_costs(
    stages: Mapping[str, Mapping[str, Manifest]],
    training: Mapping[int, TrainCost],
    *,
    has_files: bool = False,
) -> LoopCosts:
    """Return what the tasks of a loop took, and its models."""
    costs, unmeasured = {}, 0
    groups: dict[str, list[Manifest]] = {name: [] for name in NAMES}
    for stage, shards in sorted(stages.items()):
        name = "near" if stage in NEAR_STAGES else stage
        groups.setdefault(name, []).extend(shards.values())
    for name, found in groups.items():
        known = [one for one in found if one.cpu_seconds is not None]
        unmeasured += len(found) - len(known)
        if known:
            costs[name] = _sum(known)
    if training:
        costs["train"] = StageCost(
            tasks=len(training),
            rows=0,
            num_bytes=0,
            cpu_seconds=round(sum(one.cpu_seconds for one in training.values()), 3),
            seconds=round(sum(one.seconds for one in training.values()), 3),
        )
    names = stages.get("recall_names", {}).values()
    return LoopCosts(
        pages=costs["read"].rows if "read" in costs else 0,
        page_bytes=sum(one.counts.get("pages", {}).get("bytes", 0) for one in names),
        models=len(training),
        stages=costs,
        unmeasured=unmeasured,
        has_files=has_files,
    )


def _sum(manifests: list[Manifest]) -> StageCost:
    return StageCost(
        tasks=len(manifests),
        rows=sum(one.rows for one in manifests),
        num_bytes=sum(one.num_bytes for one in manifests),
        cpu_seconds=round(sum(one.cpu_seconds or 0.0 for one in manifests), 3),
        seconds=round(sum(one.seconds for one in manifests), 3),
    )


def crawl_hours(costs: LoopCosts) -> dict[str, float]:
    """Return the core-hours of each stage for a crawl, or MANY_FILES; training does not grow."""
    if not costs.pages:
        return {}
    num_things = MANY_FILES if costs.has_files else CRAWL_PAGES
    times = num_things / costs.pages / 3600
    return {
        stage: cost.cpu_seconds * times for stage, cost in costs.stages.items() if stage != "train"
    }


def cost_lines(costs: LoopCosts) -> list[str]:
    """Return what a whole crawl, or so many files, would cost at a loop's rates, in sentences."""
    hours = crawl_hours(costs)
    if not hours:
        return ["what a crawl would cost is not known: no task said what CPU time it took"]
    digits = 2 if costs.has_files else 0
    names = {stage: NAMES.get(stage, stage) for stage in hours}
    parts = ", ".join(f"{names[stage]} {one:,.{digits}f}" for stage, one in hours.items())
    models = "1 model" if costs.models == 1 else f"{costs.models} models"
    what = f"a crawl of {CRAWL_PAGES / 1e9:g} G pages in {CRAWL_WARCS:,} WARCs"
    what = f"{MANY_FILES:,} files" if costs.has_files else what
    total = f"{sum(hours.values()):,.{digits}f} core-hours"
    lines = [f"{what}, by the CPU time taken here: {total} with {models} ({parts}), training aside"]
    if costs.page_bytes and "read" in hours and not costs.has_files:
        size = costs.page_bytes / costs.pages
        by_size = hours["read"] * CRAWL_PAGE_BYTES / size
        lines.append(
            f"pages were {size / 1000:,.0f} kB of HTML here and are {CRAWL_PAGE_BYTES / 1000:,.0f}"
            f" kB in a crawl: by their size, text would take {by_size:,.0f}"
        )
    taken, clock = (
        sum(getattr(cost, name) for cost in costs.stages.values())
        for name in ("cpu_seconds", "seconds")
    )
    if clock > BUSY * taken:
        lines.append(
            f"the clock showed {clock:,.0f} s for {taken:,.0f} s of CPU time:"
            " other programs ran on this machine, or a disk was slow"
        )
    if costs.unmeasured:
        lines.append(f"{costs.unmeasured:,} tasks without a measured CPU time are left out")
    return lines
