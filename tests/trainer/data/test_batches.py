"""Batches: the same samples at any number of ranks and from any step, with all that follows."""

from collections.abc import Callable

import msgspec
import pytest
import torch

from gristmill.corpus.packing import loss_mask
from gristmill.corpus.tokenizer import load_tokenizer
from gristmill.corpus.tokenizer_info import DEEPSEEK_V2
from gristmill.trainer.data.batches import PADDING, Batches, StepBatch
from gristmill.trainer.data.stage_data import open_stages, token_bytes
from gristmill.trainer.model.model import IGNORED
from gristmill.trainer.recipe import DataSettings, StageSettings, TrainRecipe

MakeRecipe = Callable[..., TrainRecipe]


def batches(
    make_recipe: MakeRecipe, *, rank: int = 0, num_ranks: int = 1, **more: object
) -> Batches:
    recipe = make_recipe(**more)
    return Batches(recipe, open_stages(recipe), rank=rank, num_ranks=num_ranks)


def assert_equal(one: StepBatch, other: StepBatch) -> None:
    assert (one.step, one.stage) == (other.step, other.stage)
    for name, a, b in zip(StepBatch._fields[2:], one[2:], other[2:], strict=True):
        assert torch.equal(a, b), name


@pytest.mark.parametrize("num_ranks", [1, 2, 4, 8])
def test_all_ranks_together_read_the_batch_of_one_rank(
    make_recipe: MakeRecipe, num_ranks: int
) -> None:
    one = batches(make_recipe)
    for step in (0, 7):
        shares = [
            batches(make_recipe, rank=rank, num_ranks=num_ranks).read(step)
            for rank in range(num_ranks)
        ]
        together = (torch.cat(tensors) for tensors in zip(*(s[2:] for s in shares), strict=True))
        assert_equal(StepBatch(step, shares[0].stage, *together), one.read(step))


def test_a_run_that_begins_later_reads_what_the_whole_one_reads(make_recipe: MakeRecipe) -> None:
    with batches(make_recipe).ahead(0) as all_steps:
        late = list(all_steps)[15:]
    with batches(make_recipe).ahead(15) as last_steps:
        for batch, expected in zip(last_steps, late, strict=True):
            assert_equal(batch, expected)


def test_a_smaller_cache_and_more_steps_ahead_change_no_batch(make_recipe: MakeRecipe) -> None:
    data = DataSettings(cache_tokens=1, prefetch_steps=5)
    with batches(make_recipe).ahead(0) as plain, batches(make_recipe, data=data).ahead(0) as other:
        for one, two in zip(plain, other, strict=True):
            assert_equal(one, two)


@pytest.mark.parametrize("data", [DataSettings(packing="best_fit"), DataSettings(shuffle_blocks=1)])
def test_packing_and_shuffling_change_batches(make_recipe: MakeRecipe, data: DataSettings) -> None:
    one = batches(make_recipe).read(0)
    other = batches(make_recipe, data=data).read(0)
    assert not torch.equal(one.tokens_BT, other.tokens_BT)


def test_targets_are_the_next_tokens_of_a_document(make_recipe: MakeRecipe) -> None:
    batch = batches(make_recipe).read(3)
    has_target = batch.targets_BT != IGNORED
    same = batch.documents_BT[:, :-1] == batch.documents_BT[:, 1:]
    real = batch.documents_BT[:, 1:] != PADDING
    assert torch.equal(has_target[:, :-1], same & real)
    assert not has_target[:, -1].any()
    following = torch.where(has_target[:, :-1], batch.tokens_BT[:, 1:], IGNORED)
    assert torch.equal(batch.targets_BT[:, :-1], following)


def test_positions_count_from_the_start_of_each_document(make_recipe: MakeRecipe) -> None:
    batch = batches(make_recipe).read(0)
    starts = batch.documents_BT.diff(dim=1, prepend=torch.full((8, 1), -2)) != 0
    assert torch.equal(batch.positions_BT == 0, starts)
    assert int(batch.positions_BT.diff(dim=1).max()) == 1


def test_strata_name_the_language_of_every_token(make_recipe: MakeRecipe) -> None:
    read = batches(make_recipe)
    batch = read.read(0)
    sample = open_stages(make_recipe())[0].samples.sample(int(batch.samples_B[0]))
    names = [read.strata.all[i] for i in batch.strata_BT[0].tolist() if i != PADDING]
    folders = {(span.shard.split("/")[1], span.shard.split("/")[2]) for span in sample.documents}
    assert {(name.component, name.language) for name in names} == folders
    assert len(names) == sample.length
    assert int((batch.targets_BT[0] != IGNORED).sum()) == int(loss_mask(sample).sum())


def test_the_strata_of_a_build_are_its_components_and_languages(make_recipe: MakeRecipe) -> None:
    found = batches(make_recipe).strata.all
    assert found == tuple(sorted(found))
    assert {"Python", "Haskell"} <= {s.language for s in found if s.component == "code"}
    assert ("text", "en") in found


def test_a_later_stage_reads_its_own_length(make_recipe: MakeRecipe) -> None:
    stages = [
        StageSettings(name=f"s{size}", sequence_length=size, batch_sequences=2, steps=2)
        for size in (64, 256)
    ]
    with batches(make_recipe, stage=stages).ahead(0) as steps:
        shapes = [(b.stage, b.tokens_BT.shape[1]) for b in steps]
    assert shapes == [(0, 64), (0, 64), (1, 256), (1, 256)]


def test_bytes_of_targets_are_the_bytes_of_their_text(make_recipe: MakeRecipe) -> None:
    recipe = make_recipe()
    num_bytes = token_bytes(open_stages(recipe)[0], recipe.model.vocab_size)
    assert num_bytes.shape == (102_400,)
    assert num_bytes[100_000:].sum() == 0
    ids = load_tokenizer(DEEPSEEK_V2).encode("def f(x):\n    return 'naïve'\n")
    assert int(num_bytes[torch.from_numpy(ids.astype("int64"))].sum()) == 30


def test_a_recipe_is_data(make_recipe: MakeRecipe) -> None:
    recipe = make_recipe()
    assert msgspec.json.decode(msgspec.json.encode(recipe), type=type(recipe)) == recipe
