"""Layers fall into stages with as equal work as they can, and schedules get what they take."""

from itertools import combinations, pairwise

import msgspec
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.trainer.model.shapes import SHAPES, ModelSettings, num_active_parameters
from gristmill.trainer.parallel.mesh import Mesh
from gristmill.trainer.parallel.pipeline import layers_of_stages
from gristmill.trainer.parallel.replica import Replica, ReplicaOptions

from .layouts import SETTINGS, options, run_on, take_step

# Python 3.12 warns of a fork beside other threads, which here wait.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


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


def test_what_pipelines_cannot_do_is_an_error() -> None:
    run_on(2, refuse)


def refuse() -> None:
    """Ask one of two ranks' pipelines for what is refused."""
    refused: dict[str, ReplicaOptions] = {
        "weights and gradients whole": options(zero=2),
        "no backward pass in two halves": options(schedule="zero_bubble", compile=True),
    }
    for what, asked in refused.items():
        with pytest.raises(GristmillError, match=what):
            Replica(SETTINGS, Mesh(pipeline=2), asked, seed=1)
    replica = Replica(SETTINGS, Mesh(pipeline=2), options(micro_batch_sequences=8), seed=1)
    with pytest.raises(GristmillError, match="1 micro-batches do not fill a pipeline of 2 ranks"):
        take_step(replica, 0)
