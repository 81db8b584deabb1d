"""The schedule: what a step reads and how fast it learns follow from the recipe alone."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.trainer.recipe import ScheduleSettings, StageSettings, TrainRecipe
from gristmill.trainer.schedule import (
    data_sources,
    first_steps,
    learning_rate,
    samples_of,
    stage_of,
    tokens_of,
)


def stage(name: str, *, length: int = 64, batch: int = 4, **more: object) -> StageSettings:
    settings = {"steps": 10, **more} if "tokens" not in more else more
    return StageSettings(
        name=name,
        sequence_length=length,
        batch_sequences=batch,
        **settings,  # type: ignore[arg-type]
    )


def recipe(*stages: StageSettings, **schedule: object) -> TrainRecipe:
    settings = {"warmup_steps": 4, **schedule}
    return TrainRecipe(
        build="build", out="run", shape="tiny", seed=5, stage=stages,
        schedule=ScheduleSettings(**settings),  # type: ignore[arg-type]
    )  # fmt: skip


def test_the_rate_rises_to_its_height_and_falls_to_a_tenth() -> None:
    rates = [learning_rate(recipe(stage("a", steps=100)), step) for step in range(100)]
    assert rates[:4] == pytest.approx([4.2e-4 * part for part in (0.25, 0.5, 0.75, 1.0)])
    assert rates[51] == pytest.approx(4.2e-4 * 0.55)  # half way down
    assert rates[99] == pytest.approx(4.2e-5)
    assert rates[4:] == sorted(rates[4:], reverse=True)


def test_the_cosine_is_the_published_formula() -> None:
    rate = learning_rate(recipe(stage("a", steps=104)), 28)
    assert rate == pytest.approx(4.2e-4 * (0.1 + 0.9 * (1 + math.cos(math.pi / 4)) / 2))


def test_a_linear_schedule_falls_by_the_same_amount_each_step() -> None:
    line = recipe(stage("a", steps=104), kind="linear", final_fraction=0.0)
    falls = [learning_rate(line, step) - learning_rate(line, step + 1) for step in range(4, 103)]
    assert falls == pytest.approx([4.2e-6] * 99)


def test_stages_without_a_rate_share_one_schedule() -> None:
    one, two = recipe(stage("a", steps=20)), recipe(stage("a"), stage("b"))
    assert [learning_rate(one, i) for i in range(20)] == [learning_rate(two, i) for i in range(20)]


def test_a_stage_with_a_rate_starts_a_schedule_of_its_own() -> None:
    both = recipe(stage("a"), stage("b", lr=1e-5, warmup_steps=2, final_fraction=1.0))
    assert learning_rate(both, 9) == pytest.approx(4.2e-5)
    assert [learning_rate(both, i) for i in range(10, 20)] == pytest.approx([5e-6] + [1e-5] * 9)


def test_a_later_schedule_has_no_warm_up_unless_it_says_so() -> None:
    assert learning_rate(recipe(stage("a"), stage("b", lr=1e-5)), 10) > 0.97e-5


def test_a_stage_of_tokens_has_the_steps_that_reach_them() -> None:
    assert stage("a", tokens=64 * 4 * 3).num_steps == 3
    assert stage("a", tokens=64 * 4 * 3 + 1).num_steps == 4


def test_each_step_is_of_one_stage() -> None:
    both = recipe(stage("a"), stage("b", steps=3))
    assert first_steps(both) == [0, 10]
    assert [stage_of(both, step) for step in (0, 9, 10, 12)] == [0, 0, 1, 1]


def test_tokens_add_up_over_stages() -> None:
    both = recipe(stage("a"), stage("b", length=128, batch=8))
    assert [tokens_of(both, steps) for steps in (0, 3, 10, 12, 20)] == [
        0, 3 * 256, 10 * 256, 10 * 256 + 2 * 1024, 10 * 256 + 10 * 1024]  # fmt: skip


def test_a_larger_batch_goes_on_where_the_smaller_left_off() -> None:
    ramp = recipe(stage("a"), stage("b", batch=8))
    assert samples_of(ramp, 9) == (0, 36, 4)
    assert samples_of(ramp, 10) == (1, 40, 8)


def test_another_length_begins_a_data_set_with_another_order() -> None:
    both = recipe(stage("a"), stage("b", length=128))
    assert samples_of(both, 10) == (1, 0, 4)
    assert [source.packing.seed for source in data_sources(both)] == [5, 6]


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=5))
def test_stages_of_one_data_set_take_every_sample_once(shapes: list[tuple[int, int]]) -> None:
    stages = [stage(f"s{i}", batch=b, steps=n) for i, (b, n) in enumerate(shapes)]
    whole = recipe(*stages)
    taken = [samples_of(whole, step) for step in range(whole.num_steps)]
    found = [first + i for _, first, num in taken for i in range(num)]
    assert found == list(range(sum(b * n for b, n in shapes)))
