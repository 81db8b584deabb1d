"""A step that went wrong names its samples, and `gristmill trace` finds what they name."""

import math
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch

from gristmill.pipelines.trace import trace
from gristmill.trainer.data.batches import Batches
from gristmill.trainer.data.origins import NotFinite, not_finite, sample_origins, samples_not_finite
from gristmill.trainer.data.stage_data import open_stages
from gristmill.trainer.recipe import TrainRecipe

MakeRecipe = Callable[..., TrainRecipe]


@pytest.mark.parametrize("sample", [0, 7, 40])
def test_trace_finds_each_document_and_token(
    small_build: Path, make_recipe: MakeRecipe, sample: int
) -> None:
    (stage,) = open_stages(make_recipe())
    (found,) = sample_origins(stage, [sample])
    tokens = stage.samples.sample(sample).tokens
    spans = stage.samples.sample(sample).documents
    for document, span in zip(found.documents, spans, strict=True):
        traced = trace(str(small_build), document.shard, document.row, document.offset)
        assert traced.sample_id == document.doc_id
        assert traced.token is not None
        if found.epoch == 0:
            assert traced.token.id == tokens[span.start]


def test_samples_of_every_block_are_named_by_their_row_in_the_shard(
    small_build: Path, make_recipe: MakeRecipe
) -> None:
    (stage,) = open_stages(make_recipe())
    origins = sample_origins(stage, range(0, 400, 7))
    places = {(d.shard, d.row): d.doc_id for o in origins for d in o.documents}
    groups = {
        span.row_group for i in range(0, 400, 7) for span in stage.samples.sample(i).documents
    }
    assert max(groups) > 0
    for (shard, row), doc_id in list(places.items())[:40]:
        assert trace(str(small_build), shard, row, None).sample_id == doc_id


def test_only_samples_with_a_loss_that_is_no_number_are_named() -> None:
    losses = torch.tensor([[1.0, 2.0], [math.nan, 1.0], [1.0, math.inf]])
    assert samples_not_finite(losses, torch.tensor([16, 17, 18])) == [17, 18]


def test_the_error_names_documents_and_a_file_that_has_all(make_recipe: MakeRecipe) -> None:
    recipe = make_recipe()
    (stage,) = open_stages(recipe)
    error = not_finite(
        recipe.out, stage, [5, 6, 7, 8], step=3, name="only", loss=math.nan, grad_norm=1.0
    )
    (file,) = Path(recipe.out).iterdir()
    written = msgspec.json.decode(file.read_bytes(), type=NotFinite)
    assert [sample.sample for sample in written.samples] == [5, 6, 7, 8]
    assert written.samples[0].documents[0].doc_id in str(error)
    assert str(error).startswith("step 3 of stage `only`: loss nan and gradient norm 1.0; samples ")
    assert str(file) in error.todo


def test_origins_can_be_read_while_the_reader_goes_on(make_recipe: MakeRecipe) -> None:
    recipe = make_recipe()
    stages = open_stages(recipe)
    with Batches(recipe, stages, rank=0, num_ranks=1).ahead(0) as steps:
        batch = next(steps)
        numbers = batch.samples_B.tolist()
        assert [o.sample for o in sample_origins(stages[0], numbers)] == numbers == list(range(8))
