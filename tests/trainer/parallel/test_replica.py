"""One rank alone: how a batch passes through does not change what is learned."""

from pathlib import Path

import msgspec
import pytest
import torch

from gristmill.corpus.errors import GristmillError
from gristmill.trainer.parallel.context_parallel import token_order
from gristmill.trainer.parallel.mesh import Mesh
from gristmill.trainer.parallel.replica import Replica, ReplicaOptions

from .layouts import SETTINGS, Course, Layout, options, take_step, train


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """What comes of whole batches, as they are."""
    return train(Layout({}, options(micro_batch_sequences=8)), tmp_path_factory.mktemp("one"))


@pytest.mark.parametrize(
    "changed",
    [
        {"micro_batch_sequences": 2},
        {"micro_batch_sequences": 3},  # the last one is smaller
        {"recompute": True},
        {"recompute": True, "micro_batch_sequences": 1},
    ],
    ids=str,
)
def test_how_a_batch_passes_through_does_not_matter(
    whole: Course, changed: dict[str, object], tmp_path: Path
) -> None:
    found = train(Layout({}, options(**{"micro_batch_sequences": 8, **changed})), tmp_path)
    assert found.losses == pytest.approx(whole.losses, abs=1e-6)
    torch.testing.assert_close(found.gradients, whole.gradients, atol=1e-7, rtol=1e-4)
    assert torch.equal(found.load, whole.load)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler warns of torch itself
def test_a_compiled_layer_learns_the_same() -> None:
    short = msgspec.structs.replace(SETTINGS, num_hidden_layers=1, first_k_dense_replace=0)
    losses = []
    for is_compiled in (False, True):
        with Mesh() as mesh:
            replica = Replica(short, mesh, options(compile=is_compiled), seed=1)
            losses.append((take_step(replica, 0), replica.clip(1e9)))
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)


def test_bf16_keeps_fp32_weights_and_learns_nearly_the_same(whole: Course, tmp_path: Path) -> None:
    found = train(Layout({}, options(micro_batch_sequences=4, precision="bf16")), tmp_path)
    assert found.losses == pytest.approx(whole.losses, rel=5e-3)
    assert found.losses != pytest.approx(whole.losses, abs=1e-6)
    assert {grad.dtype for grad in found.gradients.values()} == {torch.float32}


def test_the_same_steps_give_the_same_bits(whole: Course, tmp_path: Path) -> None:
    again = train(Layout({}, options(micro_batch_sequences=8)), tmp_path)
    assert again.losses == whole.losses
    torch.testing.assert_close(again.gradients, whole.gradients, atol=0, rtol=0)


def test_a_clipped_gradient_has_the_norm_asked_for() -> None:
    with Mesh() as mesh:
        replica = Replica(SETTINGS, mesh, options(), seed=1)
        take_step(replica, 0)
        norm = replica.clip(1e9)
        assert replica.clip(norm / 2) == pytest.approx(norm)
        assert replica.clip(1e9) == pytest.approx(norm / 2, rel=1e-5)


def test_expert_load_counts_from_the_last_call_on() -> None:
    with Mesh() as mesh:
        replica = Replica(SETTINGS, mesh, options(), seed=1)
        take_step(replica, 0)
        choices = 8 * 32 * SETTINGS.num_experts_per_tok
        assert replica.expert_load().sum(1).tolist() == [choices] * 3
        assert replica.expert_load().sum() == 0


def test_ranks_take_tokens_from_both_ends() -> None:
    assert token_order(8, 2).tolist() == [0, 1, 6, 7, 2, 3, 4, 5]
    assert token_order(8, 1).tolist() == list(range(8))


def test_a_sequence_that_ranks_cannot_share_is_an_error() -> None:
    with pytest.raises(GristmillError, match="30 do not fall into 4 equal chunks"):
        token_order(30, 2)


def test_unknown_options_are_an_error() -> None:
    with pytest.raises(msgspec.ValidationError, match="zero"):
        msgspec.convert({"zero": 4}, ReplicaOptions)
