"""Two ranks learn what one learns, however they share the work."""

import pytest
import torch

from .layouts import Course, Layout, options, train, train_on

LAYOUTS = {
    "data": Layout({}),
    "data, zero 3, recomputed": Layout({}, options(zero=3, recompute=True)),
    "experts, zero 2": Layout({"expert": 2}, options(zero=2)),
    "crowded experts": Layout({"expert": 2}, crowded=True),
    "context": Layout({"context": 2}),
    "context and experts, zero 3": Layout({"context": 2, "expert": 2}, options(zero=3)),
    "1f1b": Layout({"pipeline": 2}),
    "interleaved": Layout({"pipeline": 2}, options(schedule="interleaved_1f1b")),
    "zero bubble, recomputed": Layout(
        {"pipeline": 2}, options(schedule="zero_bubble", recompute=True)
    ),
}

REFUSED = {
    "weights and gradients whole for a step": Layout({"pipeline": 2}, options(zero=2)),
    "no backward pass in two halves": Layout(
        {"pipeline": 2}, options(schedule="zero_bubble", compile=True)
    ),
    "1 micro-batches do not fill a pipeline of 2 ranks": Layout(
        {"pipeline": 2}, options(micro_batch_sequences=8)
    ),
}


@pytest.fixture(scope="module")
def courses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Course]:
    """What came of each layout."""
    return train_on(2, LAYOUTS | REFUSED, tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Course]:
    """What comes of one rank that takes whole batches, by whether experts are crowded."""
    folder = tmp_path_factory.mktemp("one")
    whole = options(micro_batch_sequences=8)
    return {crowded: train(Layout({}, whole, crowded=crowded), folder) for crowded in (False, True)}


@pytest.mark.parametrize("name", LAYOUTS)
def test_two_ranks_have_the_losses_of_one(
    courses: dict[str, Course], alone: dict[bool, Course], name: str
) -> None:
    one = alone[LAYOUTS[name].crowded]
    assert courses[name].losses == pytest.approx(one.losses, abs=1e-6)
    assert courses[name].norms == pytest.approx(one.norms, rel=1e-5)
    torch.testing.assert_close(courses[name].evaluated, one.evaluated, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", LAYOUTS)
def test_two_ranks_have_the_gradients_of_one(
    courses: dict[str, Course], alone: dict[bool, Course], name: str
) -> None:
    one = alone[LAYOUTS[name].crowded]
    torch.testing.assert_close(courses[name].gradients, one.gradients, atol=1e-7, rtol=1e-4)


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_choice_of_an_expert_is_counted_once(
    courses: dict[str, Course], alone: dict[bool, Course], name: str
) -> None:
    assert torch.equal(courses[name].load, alone[LAYOUTS[name].crowded].load)


def test_crowded_experts_leave_the_other_rank_without_work(alone: dict[bool, Course]) -> None:
    first, second = alone[True].load.chunk(2, dim=1)
    assert second.sum() < 0.05 * first.sum()


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_pipeline_cannot_do_is_an_error(courses: dict[str, Course], what: str) -> None:
    assert what in courses[what].refusal
