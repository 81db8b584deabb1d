"""What a run reads is checked before it begins, and a damaged shard is named when it is met."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.mixture import Mixture
from gristmill.trainer.data.batches import Batches
from gristmill.trainer.data.stage_data import open_stages, token_bytes
from gristmill.trainer.model.shapes import SHAPES
from gristmill.trainer.recipe import StageSettings, TrainRecipe

MakeRecipe = Callable[..., TrainRecipe]
ChangeMixture = Callable[[Callable[[Mixture], Mixture]], None]


def replace(mixture: Mixture, **fields: object) -> Mixture:
    return msgspec.structs.replace(mixture, **fields)


def read_all(recipe: TrainRecipe) -> None:
    with Batches(recipe, open_stages(recipe), rank=0, num_ranks=1).ahead(0) as steps:
        for _ in steps:
            pass


def test_a_damaged_shard_is_named(copied_build: Path, make_recipe: MakeRecipe) -> None:
    shards = list(copied_build.rglob("*.parquet"))
    for shard in shards:
        tokens = pq.read_metadata(shard).row_group(0).column(1)
        assert tokens.path_in_schema == "tokens.list.element"
        data = bytearray(shard.read_bytes())
        data[tokens.data_page_offset + tokens.total_compressed_size - 1] ^= 0xFF
        shard.write_bytes(data)
    with pytest.raises(GristmillError, match=r"row group 0 cannot be read .*CRC") as caught:
        read_all(make_recipe(build=str(copied_build)))
    assert Path(caught.value.where) in shards


def test_a_missing_shard_is_named(copied_build: Path, make_recipe: MakeRecipe) -> None:
    shutil.rmtree(copied_build / "tokens/code/Python")
    with pytest.raises(GristmillError, match=r"tokens/code/Python/part.*\.parquet"):
        read_all(make_recipe(build=str(copied_build)))


def test_shards_of_another_vocabulary_are_refused(
    copied_build: Path, change_mixture: ChangeMixture, make_recipe: MakeRecipe
) -> None:
    change_mixture(lambda mixture: replace(mixture, tokenizer="0" * 64))
    with pytest.raises(GristmillError, match="written with another vocabulary"):
        read_all(make_recipe(build=str(copied_build)))


def test_a_vocabulary_file_with_another_hash_is_refused(
    copied_build: Path, change_mixture: ChangeMixture, make_recipe: MakeRecipe
) -> None:
    change_mixture(lambda mixture: replace(mixture, tokenizer="0" * 64))
    (copied_build / "tokenizer.json").write_text("{}")
    (stage,) = open_stages(make_recipe(build=str(copied_build)))
    with pytest.raises(GristmillError, match="Bring back the file whose sha256 is 0000"):
        token_bytes(stage, 102_400)


def test_an_empty_component_is_an_error(
    copied_build: Path, change_mixture: ChangeMixture, make_recipe: MakeRecipe
) -> None:
    def empty(mixture: Mixture) -> Mixture:
        code, text = mixture.components
        return replace(mixture, components=(code, msgspec.structs.replace(text, shards=())))

    change_mixture(empty)
    with pytest.raises(GristmillError, match="text is to give 300,000 tokens and has none"):
        open_stages(make_recipe(build=str(copied_build)))


def test_a_mixture_without_components_is_an_error(
    copied_build: Path, change_mixture: ChangeMixture, make_recipe: MakeRecipe
) -> None:
    change_mixture(lambda mixture: replace(mixture, components=()))
    with pytest.raises(GristmillError, match="the mixture has no component"):
        open_stages(make_recipe(build=str(copied_build)))


def test_sequences_longer_than_a_component_are_an_error(make_recipe: MakeRecipe) -> None:
    stage = StageSettings(name="long", sequence_length=65_536, batch_sequences=1, steps=1)
    with pytest.raises(GristmillError, match="tokens, fewer than a sequence of 65,536"):
        open_stages(make_recipe(stage=[stage]))


def test_a_model_needs_a_place_for_every_id(make_recipe: MakeRecipe) -> None:
    shape = msgspec.structs.replace(SHAPES["tiny"], vocab_size=512)
    with pytest.raises(GristmillError, match="deepseek-v2, has 102,400 ids, and the model 512"):
        open_stages(make_recipe(shape=shape))


def test_stages_of_one_run_share_one_vocabulary(
    copied_build: Path, change_mixture: ChangeMixture, make_recipe: MakeRecipe
) -> None:
    change_mixture(lambda mixture: replace(mixture, tokenizer="0" * 64, tokenizer_name="other"))
    stages = [
        StageSettings(name=name, sequence_length=64, batch_sequences=8, steps=1, build=build)
        for name, build in (("here", ""), ("there", str(copied_build)))
    ]
    with pytest.raises(GristmillError, match=r"its vocabulary is other, and that of .* deepseek"):
        open_stages(make_recipe(stage=stages))


def test_a_build_that_is_not_there_is_named(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    with pytest.raises(GristmillError, match=r"nowhere/mixture\.json: there is no such mixture"):
        open_stages(make_recipe(build=str(tmp_path / "nowhere")))


def test_stages_of_one_data_set_share_its_cache(make_recipe: MakeRecipe) -> None:
    stages = [
        StageSettings(name=f"b{size}", sequence_length=64, batch_sequences=size, steps=1)
        for size in (4, 8)
    ]
    first, second = open_stages(make_recipe(stage=stages))
    assert first.samples is second.samples
    assert first.reopened() is not first.samples
