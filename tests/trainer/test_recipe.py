"""Training recipes: every mistake is an error that names the file, the key and what to do."""

from pathlib import Path

import pytest

from gristmill.corpus import storage
from gristmill.corpus.errors import GristmillError
from gristmill.trainer.model.shapes import SHAPES, num_parameters
from gristmill.trainer.recipe import TrainRecipe
from gristmill.trainer.recipe_file import check_batches, load_recipe

RECIPES = Path(__file__).parents[2] / "trainer/recipes"
TEXT = """\
build = "build"
out = "run"
shape = "tiny"
{top}
[[stage]]
name = "first"
sequence_length = 64
batch_sequences = 8
steps = 20
{stage}
[schedule]
warmup_steps = 5
{tables}
"""


def load(folder: Path, *, top: str = "", stage: str = "", tables: str = "") -> TrainRecipe:
    path = folder / "recipe.toml"
    path.write_text(TEXT.format(top=top, stage=stage, tables=tables))
    return load_recipe(str(path))


def test_paths_start_from_the_folder_of_the_recipe(tmp_path: Path) -> None:
    recipe = load(tmp_path, top='start_from = "weights"', stage='build = "s3://there/build"')
    assert recipe.build == str(tmp_path / "build")
    assert (recipe.out, recipe.start_from) == (str(tmp_path / "run"), str(tmp_path / "weights"))
    assert recipe.stage[0].build == "s3://there/build"


def test_other_builds_and_run_folders_start_from_the_working_directory(tmp_path: Path) -> None:
    load(tmp_path)
    recipe = load_recipe(str(tmp_path / "recipe.toml"), build="s3://b/build", out="here")
    assert (recipe.build, recipe.out) == ("s3://b/build", "here")


def test_a_shape_may_be_given_by_its_sizes(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    text = TEXT.replace('shape = "tiny"', "").format(top="", stage="", tables="")
    path.write_text(text + "[shape]\nnum_hidden_layers = 4\n")
    assert num_parameters(load_recipe(str(path)).model) == num_parameters(SHAPES["lite-4l"])


@pytest.mark.parametrize(
    ("part", "text", "message"),
    [
        ("top", "micro_batch = 1", "unknown key `micro_batch`. Did you mean `micro_batch_seq"),
        ("top", 'precision = "fp16"', "unknown name `fp16`. Did you mean `bf"),
        ("stage", "length = 3", r"unknown key `stage\[0\].length`"),
        ("stage", "tokens = 100", "stage `first` needs either steps or tokens"),
        ("stage", "final_fraction = 1.0", "only with an lr"),
        ("tables", "[mesh]\nzero = 4", r"Invalid enum value 4 - at `\$.mesh.zero`"),
        ("tables", "[mesh]\nexpert = 3", "8 experts do not fall into 3 equal parts"),
        ("tables", "[mesh]\ndata = 2\nexpert = 4", "4 parts do not spread over 2 ranks"),
        ("tables", "[mesh]\npipeline = 4", "3 layers do not fall into 4 parts"),
        ("tables", "[evaluation]\nfim_samples = 1", "64 tokens are too short to fill in lines"),
        ("tables", "[mesh]\ncontext = 3", "64 do not fall into 6 equal parts"),
        ("tables", "[mesh]\ndata = 3", "8 sequences do not fall to 3 data ranks in micro"),
        ("tables", "[mesh]\ndata = 4\npipeline = 3", "2 micro batches do not fill a pipeline of 3"),
        ("tables", "[spikes]\nfactor = 0.5", "spikes.factor must be 0, or above 1"),
        ("tables", "[optimizer]\nlr = -1.0", r"at `\$.optimizer.lr`"),
        ("tables", "[optimizer]\nbetas = [0.9, 1.0]", r"at `\$.optimizer.betas"),
        ("tables", "[[stage]]\nname = 'first'\nsequence_length = 2\nbatch_sequences = 8\nsteps = 1",
         "two stages have one name"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(tmp_path: Path, part: str, text: str, message: str) -> None:
    with pytest.raises(GristmillError, match=message) as caught:
        load(tmp_path, **{part: text})
    assert "recipe.toml" in caught.value.where
    assert caught.value.todo


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"tiny"', '"tinny"', "unknown shape `tinny`. Did you mean `tiny`"),
        ("sequence_length = 64", "sequence_length = 200_000", "longer than the model's 163,840"),
        ("warmup_steps = 5", "warmup_steps = 20", "warm-up of 20 steps leaves nothing of 20"),
        ('"run"', '"s3://there/run"', "is not on a disk"),
        ("[[stage]]", "[stage]", "`stage` is one table and is to be a list of them"),
        ('build = "build"\n', "", "missing required field `build`"),
        ("steps = 20", "", "needs either steps or tokens"),
        ('shape = "tiny"', "shape = { topk_group = 2 }", "2 of 1 groups cannot be chosen"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(TEXT.replace(old, new, 1).replace("{", "{{").replace("}", "}}").replace(
        "{{top}}", "").replace("{{stage}}", "").replace("{{tables}}", "").format())  # fmt: skip
    with pytest.raises(GristmillError, match=message):
        load_recipe(str(path))


def test_a_recipe_needs_a_stage(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('build = "build"\nout = "run"\n')
    with pytest.raises(GristmillError, match="the recipe has no stage"):
        load_recipe(str(path))


def test_storage_options_reach_the_storage_layer(tmp_path: Path) -> None:
    load(tmp_path, tables='[storage.probe]\nkey = "k"')
    assert storage.configured()["probe"] == {"key": "k"}


@pytest.mark.parametrize(
    ("name", "shape", "steps"),
    [("lite", "lite", 317_892), ("v2", "v2", 158_946), ("tiny_demo", "tiny", 100)],
)
def test_the_recipes_of_the_paper_load(name: str, shape: str, steps: int) -> None:
    recipe = load_recipe(str(RECIPES / f"{name}.toml"))
    assert (recipe.shape, recipe.stage[0].num_steps) == (shape, steps)


def test_the_long_stages_have_the_tokens_of_the_paper() -> None:
    for name in ("lite", "v2"):
        recipe = load_recipe(str(RECIPES / f"{name}.toml"))
        assert [stage.step_tokens * stage.num_steps for stage in recipe.stage[1:]] == [
            37_748_736_000,
            37_748_736_000,
        ]


def test_32_data_ranks_can_share_the_batches_of_lite() -> None:
    check_batches(load_recipe(str(RECIPES / "lite.toml")), 32, where="lite")
