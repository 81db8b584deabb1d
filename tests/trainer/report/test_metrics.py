"""Losses by component and language: the sums of all ranks are those of one."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gristmill.corpus.mixture import MixtureShard, make_mixture
from gristmill.corpus.record import Component
from gristmill.trainer.data.batches import PADDING
from gristmill.trainer.data.strata import Strata
from gristmill.trainer.model.model import IGNORED
from gristmill.trainer.report.metrics import LossSums

NUM_BYTES = torch.tensor([0, 1, 2, 3])  # of the ids 0 to 3; id 0 is a sentinel
CPU = torch.device("cpu")


def shard(component: Component, language: str) -> MixtureShard:
    path = f"tokens/{component}/{language}/part.parquet"
    return MixtureShard(path=path, digest="", language=language, documents=1, block_tokens=(9,))


@pytest.fixture(scope="module")
def strata() -> Strata:
    shards: dict[Component, list[MixtureShard]] = {
        "code": [shard("code", "C"), shard("code", "Zig")],
        "text": [shard("text", "en")],
    }
    return Strata([make_mixture(shards, tokenizer="t", weights={"code": 0.5, "text": 0.5})])


def test_strata_are_numbered_by_name_and_found_by_shard(strata: Strata) -> None:
    assert strata.all == (("code", "C"), ("code", "Zig"), ("text", "en"))
    assert strata.of_shard("tokens/code/Zig/part.parquet") == 1


def test_losses_come_apart_by_component_and_language(strata: Strata) -> None:
    sums = LossSums(strata, NUM_BYTES, CPU)
    targets = torch.tensor([[1, 2, IGNORED], [3, 0, IGNORED]])
    places = torch.tensor([[0, 1, 1], [2, 2, PADDING]])
    sums.add(torch.tensor([[1.0, 2.0, 0.0], [4.0, 6.0, 0.0]]), targets, places)
    found = sums.losses()
    assert (found.all.nats_per_token, found.all.tokens) == (13 / 4, 4)
    assert found.all.bits_per_byte == pytest.approx(13 / math.log(2) / 6)
    assert {name: loss.nats_per_token for name, loss in found.components.items()} == {
        "code": 1.5, "text": 5.0}  # fmt: skip
    assert found.languages["code/Zig"].bits_per_byte == pytest.approx(1 / math.log(2))


def test_a_language_without_a_prediction_is_left_out(strata: Strata) -> None:
    sums = LossSums(strata, NUM_BYTES, CPU)
    sums.add(torch.ones(1, 2), torch.tensor([[1, IGNORED]]), torch.tensor([[0, 2]]))
    assert (list(sums.losses().components), list(sums.losses().languages)) == (["code"], ["code/C"])


def test_a_sentinel_alone_has_no_bits_per_byte(strata: Strata) -> None:
    sums = LossSums(strata, NUM_BYTES, CPU)
    sums.add(torch.ones(1, 1), torch.tensor([[0]]), torch.tensor([[1]]))
    assert sums.losses().all.bits_per_byte is None


def test_what_is_not_predicted_may_be_anything(strata: Strata) -> None:
    sums = LossSums(strata, NUM_BYTES, CPU)
    losses = torch.tensor([[2.0, math.nan]])
    sums.add(losses, torch.tensor([[1, IGNORED]]), torch.tensor([[0, 0]]))
    assert sums.losses().all.nats_per_token == 2.0


@given(st.lists(st.tuples(st.floats(0, 20, width=32), st.integers(0, 3), st.integers(0, 2)),
                min_size=2, max_size=20))  # fmt: skip
def test_sums_of_two_ranks_are_those_of_one(
    strata: Strata, predictions: list[tuple[float, int, int]]
) -> None:
    losses, targets, places = (torch.tensor([column]) for column in zip(*predictions, strict=True))
    one, first, second = (LossSums(strata, NUM_BYTES, CPU) for _ in range(3))
    one.add(losses, targets, places)
    first.add(losses[:, :1], targets[:, :1], places[:, :1])
    second.add(losses[:, 1:], targets[:, 1:], places[:, 1:])
    first.unpack(first.pack() + second.pack())
    assert first.losses().all.nats_per_token == pytest.approx(one.losses().all.nats_per_token)
    assert first.losses().languages.keys() == one.losses().languages.keys()


def test_clearing_begins_anew(strata: Strata) -> None:
    sums = LossSums(strata, NUM_BYTES, CPU)
    add: Callable[[float], None] = lambda loss: sums.add(  # noqa: E731
        torch.tensor([[loss]]), torch.tensor([[1]]), torch.tensor([[0]])
    )
    add(5.0)
    sums.clear()
    add(1.0)
    assert sums.losses().all.nats_per_token == 1.0
