"""Layers fall into stages with as equal work as they can, and schedules get what they take."""

from itertools import combinations, pairwise

import msgspec
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.trainer.model.shapes import SHAPES, ModelSettings, num_active_parameters
from gristmill.trainer.parallel.pipeline import layers_of_stages


def work(settings: ModelSettings, layers: range) -> int:
    """Return how many weights a token meets, counted from whole models."""

    def of(num_layers: int) -> int:
        if num_layers == 0:
            return 2 * settings.vocab_size * settings.hidden_size
        return num_active_parameters(
            msgspec.structs.replace(settings, num_hidden_layers=num_layers)
        )

    head = settings.vocab_size * settings.hidden_size
    last = layers.stop == settings.num_hidden_layers
    return of(layers.stop) - of(layers.start) + last * head


@pytest.mark.parametrize("name", ["lite", "v2", "smoke-1b"])
@pytest.mark.parametrize("num_stages", [2, 3, 4])
def test_no_other_cut_has_less_work_in_its_fullest_stage(name: str, num_stages: int) -> None:
    settings = msgspec.structs.replace(SHAPES[name], num_hidden_layers=12)
    stages = layers_of_stages(settings, num_stages)
    assert [i for stage in stages for i in stage] == list(range(12))
    most = max(work(settings, stage) for stage in stages)
    for inner in combinations(range(1, 12), num_stages - 1):
        cut = [range(*ends) for ends in pairwise((0, *inner, 12))]
        assert max(work(settings, stage) for stage in cut) >= most


def test_the_head_makes_the_last_stage_shorter() -> None:
    stages = layers_of_stages(SHAPES["lite"], 4)
    assert len(stages[-1]) < min(len(stage) for stage in stages[:-1])


def test_more_stages_than_layers_are_an_error() -> None:
    with pytest.raises(GristmillError, match="3 layers do not fall into 4 stages"):
        layers_of_stages(SHAPES["tiny"], 4)
