"""Training on a build that is written with another vocabulary than DeepSeek-V2's."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.mixture import read_mixture
from gristmill.corpus.tokenizer import load_tokenizer
from gristmill.corpus.vocabulary import build_tokenizer
from gristmill.pipelines.recipe import load_recipe
from gristmill.trainer.hub.export import export_checkpoint
from gristmill.trainer.loop import RunResult, train
from gristmill.trainer.recipe import TrainRecipe

from .conftest import built
from .narrow import NARROW

if TYPE_CHECKING:
    from ..conftest import Corpus

MakeRecipe = Callable[..., TrainRecipe]
SENTINELS = ["<end>", "<begin>", "<hole>", "<middle>"]
TABLE = """
[tokenizer]
file = "tokenizer.json"
name = "mine"
eos = "<end>"
{fim}
"""
FIM = 'fim_begin = "<begin>"\nfim_hole = "<hole>"\nfim_end = "<middle>"'
NO_FIM = "[fim]\nrate = 0"
HELD_OUT = "[held_out]\nfraction = 0.5\n"
SHAPE = msgspec.structs.replace(NARROW, vocab_size=640)


def write_vocabulary(path: Path, corpus: Path, *, is_byte_level: bool = True) -> None:
    """Train a small tokenizer.json on a corpus."""
    made = tokenizers.Tokenizer(models.BPE(unk_token=None if is_byte_level else "<unk>"))
    alphabet, special = list[str](), [*SENTINELS, "<unk>"]
    if is_byte_level:
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = decoders.ByteLevel()
        alphabet, special = pre_tokenizers.ByteLevel.alphabet(), SENTINELS
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator((file.read_text() for file in corpus.rglob("*.py")), trainer)
    made.save(str(path))


@pytest.fixture
def make_build(corpus: "Corpus") -> Callable[..., Path]:
    """The function that builds the small corpus with a vocabulary of its own."""

    def make(*, fim: str = FIM, held_out: str = HELD_OUT, is_byte_level: bool = True) -> Path:
        path = corpus.base / "tokenizer.json"
        write_vocabulary(path, corpus.base, is_byte_level=is_byte_level)
        corpus.write(extra=TABLE.format(fim=fim) + held_out)
        return built(corpus.base)

    return make


@pytest.fixture
def recipe_of(make_recipe: MakeRecipe) -> Callable[..., TrainRecipe]:
    """The function that makes a recipe of three steps on a build."""

    def make(build: Path, **settings: object) -> TrainRecipe:
        stage = {"name": "only", "sequence_length": 192, "batch_sequences": 2, "steps": 3}
        return make_recipe(
            build=str(build),
            shape=SHAPE,
            stage=(stage,),
            precision="fp32",
            schedule={"warmup_steps": 0},
            log={"every_steps": 1, "tensorboard": False},
            **settings,
        )

    return make


def run(recipe: TrainRecipe) -> RunResult:
    result = train(recipe, where="recipe", stream=io.StringIO())
    assert result is not None
    return result


def test_it_is_measured_filled_in_and_leaves_for_hugging_face(
    make_build: Callable[..., Path], recipe_of: Callable[..., TrainRecipe], tmp_path: Path
) -> None:
    recipe = recipe_of(make_build(), evaluation={"every_steps": 3, "fim_samples": 2})
    result = run(recipe)
    assert result.losses is not None
    assert result.losses.all.bits_per_byte is not None
    assert result.evaluation is not None
    assert all(0 < score.bits_per_byte < 9 for score in result.evaluation.languages)
    assert sum(line.tasks for line in result.evaluation.fim) > 0
    export_checkpoint(recipe, str(tmp_path / "hub"))
    config = json.loads((tmp_path / "hub/config.json").read_text())
    assert (config["vocab_size"], config["eos_token_id"]) == (640, 0)
    theirs = AutoTokenizer.from_pretrained(tmp_path / "hub")
    ours = load_tokenizer(
        build_tokenizer(recipe.build, read_mixture(f"{recipe.build}/mixture.json"))
    )
    assert theirs("def f(x):\n")["input_ids"] == ours.encode("def f(x):\n").tolist()


def test_without_tokens_for_a_hole_no_step_is_taken(
    make_build: Callable[..., Path], recipe_of: Callable[..., TrainRecipe]
) -> None:
    evaluation = {"every_steps": 3, "fim_samples": 2}
    recipe = recipe_of(make_build(fim=NO_FIM), evaluation=evaluation)
    with pytest.raises(GristmillError, match="mine has no tokens for documents with a hole"):
        run(recipe)
    assert not (Path(recipe.out) / "metrics.jsonl").exists()


def test_one_that_is_not_byte_level_is_trained_on_without_bits_per_byte(
    make_build: Callable[..., Path], recipe_of: Callable[..., TrainRecipe]
) -> None:
    result = run(recipe_of(make_build(held_out="", is_byte_level=False)))
    assert result.losses is not None
    assert result.losses.all.nats_per_token > 0
    assert result.losses.all.bits_per_byte is None


def test_one_that_is_not_byte_level_holds_nothing_out(corpus: "Corpus") -> None:
    write_vocabulary(corpus.base / "tokenizer.json", corpus.base, is_byte_level=False)
    corpus.write(extra=TABLE.format(fim=FIM) + HELD_OUT)
    with pytest.raises(GristmillError, match="mine is not byte-level"):
        load_recipe(str(corpus.recipe))
