"""The skip rule: a step that stands out is skipped, and a run that only skips is stopped."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.trainer.recipe import SpikeSettings
from gristmill.trainer.spikes import SpikeState, Verdict, judge

RULE = SpikeSettings(factor=2.0, window=4, max_skips=2)
FULL = SpikeState(losses=(2.0, 2.0, 1.0, 9.0), grad_norms=(1.0, 1.0, 1.0, 1.0))


def verdicts(settings: SpikeSettings, losses: list[float]) -> list[Verdict]:
    state, found = SpikeState(), list[Verdict]()
    for loss in losses:
        verdict, state = judge(settings, state, loss=loss, grad_norm=1.0)
        found.append(verdict)
    return found


def test_a_loss_above_so_many_medians_is_skipped() -> None:
    assert judge(RULE, FULL, loss=4.0, grad_norm=1.0)[0] == "update"
    assert judge(RULE, FULL, loss=4.1, grad_norm=1.0)[0] == "skip"


def test_a_gradient_above_so_many_medians_is_skipped() -> None:
    assert judge(RULE, FULL, loss=2.0, grad_norm=2.0)[0] == "update"
    assert judge(RULE, FULL, loss=2.0, grad_norm=2.1)[0] == "skip"


def test_nothing_is_skipped_before_the_window_is_full() -> None:
    assert verdicts(RULE, [1.0, 9.0, 1.0, 9.0]) == ["update"] * 4
    assert verdicts(RULE, [1.0, 1.0, 1.0, 1.0, 9.0])[4] == "skip"


def test_a_skipped_step_does_not_move_the_median() -> None:
    _, state = judge(RULE, FULL, loss=50.0, grad_norm=1.0)
    assert (state.losses, state.skips_in_a_row) == (FULL.losses, 1)


def test_more_skips_in_a_row_than_allowed_stop_the_run() -> None:
    calm = [1.0] * 4
    assert verdicts(RULE, [*calm, 9.0, 9.0, 9.0])[4:] == ["skip", "skip", "stop"]
    assert verdicts(RULE, [*calm, 9.0, 9.0, 1.0, 9.0, 9.0])[4:] == [
        "skip", "skip", "update", "skip", "skip"]  # fmt: skip


@given(st.lists(st.floats(0, 1e6), max_size=30))
def test_the_plain_recipe_skips_nothing(losses: list[float]) -> None:
    assert set(verdicts(SpikeSettings(), losses)) <= {"update"}


@pytest.mark.parametrize("settings", [RULE, SpikeSettings()])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_is_never_skipped(settings: SpikeSettings, value: float) -> None:
    assert judge(settings, FULL, loss=value, grad_norm=1.0) == ("not_finite", FULL)
    assert judge(settings, FULL, loss=1.0, grad_norm=value) == ("not_finite", FULL)


def test_what_the_rule_remembers_survives_a_checkpoint() -> None:
    _, state = judge(RULE, FULL, loss=1.0, grad_norm=1.0)
    assert msgspec.json.decode(msgspec.json.encode(state), type=SpikeState) == state
    assert len(state.losses) == RULE.window
