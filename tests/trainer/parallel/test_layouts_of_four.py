"""Four ranks that share the work in two ways at once, and go on from each other's checkpoints."""

from typing import NamedTuple

import msgspec
import pytest
import torch

from .layouts import SETTINGS, UNEVEN, Course, Layout, options, train, train_on

EXACT = {
    "pipeline, experts, data": Layout({"pipeline": 2, "expert": 2}, saved_in="pipeline"),
    "zero bubble, experts, data": Layout(
        {"pipeline": 2, "expert": 2}, options(schedule="zero_bubble")
    ),
    "context, experts, data": Layout({"context": 2, "expert": 4}, options(zero=3, recompute=True)),
    "pipeline, context, experts": Layout(
        {"pipeline": 2, "context": 2, "expert": 2}, options(schedule="interleaved_1f1b")
    ),
}
RESUMED = {
    "from a pipeline": Layout({"context": 2, "expert": 4}, resumed_from="pipeline"),
    "from one rank": Layout({"expert": 2}, options(zero=3), resumed_from="one"),
    "uneven, from one rank": Layout({"expert": 2}, settings=UNEVEN, resumed_from="uneven"),
}
BF16 = Layout({"pipeline": 2, "expert": 2}, options(precision="bf16", schedule="zero_bubble"))


class Courses(NamedTuple):
    """What came of one rank by the name of the shape, of four, and of fewer that went on."""

    one: dict[str, Course]
    four: dict[str, Course]
    fewer: dict[str, Course]

    def alone(self, layout: Layout) -> Course:
        """Return what came of one rank, all steps."""
        return self.one["uneven" if layout.settings is UNEVEN else "one"]


@pytest.fixture(scope="module")
def courses(tmp_path_factory: pytest.TempPathFactory) -> Courses:
    """All courses, of which some begin with a checkpoint of others."""
    folder = tmp_path_factory.mktemp("four")
    whole = options(micro_batch_sequences=8)
    one = {
        name: train(Layout({}, whole, settings=settings, saved_in=name), folder)
        for name, settings in {"one": SETTINGS, "uneven": UNEVEN}.items()
    }
    four = train_on(4, {**EXACT, **RESUMED, "bf16": BF16}, folder)
    resumed = Layout({}, whole, resumed_from="pipeline")
    two = msgspec.structs.replace(
        resumed, mesh={"pipeline": 2}, options=options(schedule="zero_bubble")
    )
    fewer = train_on(2, {"two": two}, folder) | {"one": train(resumed, folder)}
    return Courses(one, four, fewer)


@pytest.mark.parametrize("name", EXACT)
def test_four_ranks_learn_what_one_learns(courses: Courses, name: str) -> None:
    found, one = courses.four[name], courses.alone(EXACT[name])
    assert found.losses == pytest.approx(one.losses, abs=1e-6)
    assert found.norms == pytest.approx(one.norms, rel=1e-5)
    torch.testing.assert_close(found.gradients, one.gradients, atol=1e-7, rtol=1e-4)
    torch.testing.assert_close(found.evaluated, one.evaluated, atol=1e-5, rtol=1e-5)
    assert torch.equal(found.load, one.load)


@pytest.mark.parametrize("name", RESUMED)
def test_four_ranks_go_on_where_others_stopped(courses: Courses, name: str) -> None:
    found, one = courses.four[name], courses.alone(RESUMED[name])
    assert found.losses == pytest.approx(one.losses[1:], abs=1e-6)
    assert found.norms == pytest.approx(one.norms[1:], rel=1e-5)


@pytest.mark.parametrize("name", ["one", "two"])
def test_fewer_ranks_go_on_where_four_stopped(courses: Courses, name: str) -> None:
    assert courses.fewer[name].losses == pytest.approx(courses.one["one"].losses[1:], abs=1e-6)
    assert courses.fewer[name].norms == pytest.approx(courses.one["one"].norms[1:], rel=1e-5)


def test_bf16_learns_nearly_the_same(courses: Courses) -> None:
    found, one = courses.four["bf16"], courses.one["one"]
    assert found.losses == pytest.approx(one.losses, rel=5e-3)
    assert found.losses != pytest.approx(one.losses, abs=1e-6)
    assert all(grad.dtype == torch.float32 for grad in found.gradients.values())
