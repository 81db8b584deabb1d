"""The rule to stop: all conditions together, and a stuck loop goes on."""

import msgspec
import pytest

from gristmill.filters.recall.stopping import (
    LanguageRecall,
    Progress,
    StopReport,
    StopSettings,
    report_stop,
)

STEADY = LanguageRecall(language="en", num_positives=60, recall=0.95, recall_before=0.945)
DONE = Progress(
    iteration=2,
    num_collected=1000,
    num_collected_before=985,
    tokens=10_000,
    new_tokens=100,
    languages=(STEADY,),
    largest_open_review_tokens=50,
    is_over_budget=False,
)


def report(**changes: object) -> StopReport:
    return report_stop(msgspec.structs.replace(DONE, **changes), StopSettings())


def test_the_loop_stops_where_nothing_new_is_found() -> None:
    assert report().stops
    assert [one.holds for one in report().conditions] == [True] * 4


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"num_collected_before": 979}, "overlap"),
        ({"new_tokens": 200}, "new tokens"),
        ({"languages": (msgspec.structs.replace(STEADY, recall_before=0.9),)}, "recall gain"),
        ({"languages": (msgspec.structs.replace(STEADY, recall_before=None),)}, "recall gain"),
        ({"languages": (msgspec.structs.replace(STEADY, num_positives=49),)}, "recall gain"),
        ({"languages": ()}, "recall gain"),
        ({"largest_open_review_tokens": 51}, "open review"),
    ],
)
def test_one_condition_that_fails_keeps_the_loop_going(
    changes: dict[str, object], missing: str
) -> None:
    found = report(**changes)
    assert not found.stops
    assert found.reason == f"open: {missing}"
    assert [one.name for one in found.conditions if not one.holds] == [missing]


def test_a_language_that_still_gains_is_named() -> None:
    chinese = LanguageRecall(language="zh", num_positives=50, recall=0.4, recall_before=0.2)
    (gain,) = [one for one in report(languages=(STEADY, chinese)).conditions if not one.holds]
    assert gain.detail == "most in zh"
    assert gain.value == pytest.approx(0.2)


def test_a_loop_that_collects_nothing_has_not_converged() -> None:
    found = report(num_collected=0, num_collected_before=0, tokens=0, new_tokens=0)
    assert found.reason == "open: overlap, new tokens, open review"


def test_the_last_iteration_stops_and_says_what_is_open() -> None:
    found = report(iteration=3, new_tokens=5000)
    assert (found.stops, found.reason) == (True, "iteration 3 is the last one; open: new tokens")


def test_a_budget_that_is_used_up_stops_the_loop() -> None:
    found = report(is_over_budget=True, num_collected_before=1)
    assert (found.stops, found.reason) == (True, "the budget is used up; open: overlap")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"overlap": 0.99}, "overlap"),
        ({"new_tokens": 0.01}, "new tokens"),
        ({"recall_gain": 0.001}, "recall gain"),
        ({"least_positives": 61}, "recall gain"),
        ({"open_review": 0.004}, "open review"),
    ],
)
def test_each_bar_can_be_moved(changes: dict[str, float], name: str) -> None:
    settings = msgspec.structs.replace(StopSettings(), **changes)
    found = report_stop(DONE, settings)
    assert [one.name for one in found.conditions if not one.holds] == [name]
