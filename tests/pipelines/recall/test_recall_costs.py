"""What a loop costs: CPU time by stage, and what follows for a whole crawl."""

from pathlib import Path

import msgspec

from gristmill.pipelines.artifact import Manifest
from gristmill.pipelines.recall.costs import (
    LoopCosts,
    StageCost,
    TrainCost,
    cost_lines,
    crawl_hours,
    stage_costs,
)


def cost(cpu_seconds: float, seconds: float = 0.0) -> StageCost:
    return StageCost(
        tasks=1, rows=0, num_bytes=0, cpu_seconds=cpu_seconds, seconds=seconds or cpu_seconds
    )


def costs(page_bytes: int = 0, unmeasured: int = 0, **stages: StageCost) -> LoopCosts:
    return LoopCosts(
        pages=1000, page_bytes=page_bytes, models=3, stages=stages, unmeasured=unmeasured
    )


def manifest(rows: int, cpu_seconds: float | None, page_bytes: int = 0) -> Manifest:
    return Manifest(
        key="",
        stage="",
        version=1,
        shard="",
        settings={},
        assets={},
        inputs=(),
        rows=rows,
        num_bytes=5,
        digest="",
        slices={},
        counts={"pages": {"bytes": page_bytes}},
        seconds=9.0,
        peak_memory_bytes=0,
        tools={},
        cpu_seconds=cpu_seconds,
    )


def test_the_cost_of_a_crawl_is_that_of_its_pages_and_leaves_out_training() -> None:
    found = costs(read=cost(2.4), recall_score=cost(0.6), train=cost(100))
    assert {stage: round(hours) for stage, hours in crawl_hours(found).items()} == {
        "read": 2000,
        "recall_score": 500,
    }
    assert "2,500 core-hours with 3 models (text 2,000, scores 500)" in cost_lines(found)[0]


def test_cpu_time_counts_and_the_clock_is_shown_where_it_differs() -> None:
    (first, second) = cost_lines(costs(read=cost(2.4, seconds=24)))
    assert "2,000 core-hours" in first
    assert "the clock showed 24 s for 2 s of CPU time" in second
    assert len(cost_lines(costs(read=cost(2.4, seconds=2.5)))) == 1


def test_text_is_scaled_by_the_size_of_pages_too() -> None:
    (_, second) = cost_lines(costs(page_bytes=49_000_000, read=cost(2.4)))
    assert "49 kB of HTML here and are 98 kB in a crawl" in second
    assert "text would take 4,000" in second


def test_tasks_without_a_measured_time_are_left_out_and_counted() -> None:
    stages = {
        "read": {"a": manifest(10, 1.5), "b": manifest(20, None)},
        "recall_names": {"a": manifest(10, 0.5, page_bytes=700)},
        "pack": {},
    }
    found = stage_costs(stages, {1: TrainCost(cpu_seconds=3.0, seconds=4.0)})
    assert (found.pages, found.page_bytes, found.models, found.unmeasured) == (10, 700, 1, 1)
    assert set(found.stages) == {"read", "recall_names", "train"}
    assert found.stages["read"].cpu_seconds == 1.5
    assert cost_lines(found)[-1] == "1 tasks without a measured CPU time are left out"


def test_stages_that_find_near_duplicates_are_one_line() -> None:
    stages = {
        "read": {"a": manifest(1000, 2.4)},
        "sign": {"a": manifest(9, 0.5)},
        "small_star": {"a": manifest(9, 0.7)},
    }
    found = stage_costs(stages, {})
    assert list(found.stages) == ["read", "near"]
    assert found.stages["near"].cpu_seconds == 1.2
    assert "near-duplicates 1,000" in cost_lines(found)[0]


def test_nothing_is_claimed_where_nothing_was_measured() -> None:
    found = stage_costs({"read": {"a": manifest(10, None)}}, {})
    assert crawl_hours(found) == {}
    assert "not known" in cost_lines(found)[0]


def test_a_run_leaves_the_cost_of_every_stage_and_of_its_models(found: Path) -> None:
    path = found / "out/recall/math/costs.json"
    read = msgspec.json.decode(path.read_bytes(), type=LoopCosts)
    stages = ("read", "recall_names", "recall_same", "recall_pool", "recall_score", "train")
    assert set(stages) <= set(read.stages)
    assert (read.pages, read.models, read.unmeasured) == (228, 3, 0)
    assert read.page_bytes > 228 * 1000
