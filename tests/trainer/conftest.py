"""One small build for all tests of the trainer, recipes that read it, and small models."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pytest
import torch
from torch import Tensor

from gristmill.corpus.mixture import Mixture, read_mixture, write_mixture
from gristmill.pipelines.build import build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines
from gristmill.trainer.model.initial import initialise
from gristmill.trainer.model.model import Model, plain_order
from gristmill.trainer.model.shapes import ModelSettings
from gristmill.trainer.recipe import StageSettings, TrainRecipe

if TYPE_CHECKING:
    from ..conftest import Corpus

MakeRecipe = Callable[..., TrainRecipe]

torch.set_num_threads(1)  # small matrices are slower on two

SMALL = ModelSettings(
    vocab_size=512,
    hidden_size=64,
    intermediate_size=96,
    moe_intermediate_size=48,
    num_hidden_layers=3,
    num_attention_heads=4,
    kv_lora_rank=32,
    qk_nope_head_dim=16,
    qk_rope_head_dim=8,
    v_head_dim=12,
    n_routed_experts=16,
    num_experts_per_tok=4,
    initializer_range=0.1,  # so that gates choose, and attention looks
)
V2 = msgspec.structs.replace(
    SMALL,
    q_lora_rank=24,
    n_group=4,
    topk_group=2,
    topk_method="group_limited_greedy",
    routed_scaling_factor=16.0,
)
SETTINGS = {
    "lite": SMALL,
    "without YaRN": msgspec.structs.replace(SMALL, rope_scaling=None),
    "v2": V2,
    "another epsilon": msgspec.structs.replace(V2, rms_norm_eps=1e-3),
}


def built(base: Path) -> Path:
    """Build the recipe of a folder, and return where."""
    result = build(
        str(base / "recipe.toml"),
        out=str(base / "out"),
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )
    assert not result.failures
    return base / "out"


@pytest.fixture(scope="session")
def small_build(
    template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    copied_corpus: Callable[[Path, Path], object],
) -> Path:
    """A build of code in four languages and of prose, with blocks of 2,048 tokens; only read it."""
    base = tmp_path_factory.mktemp("train") / "corpus"
    copied_corpus(template, base)
    return built(base)


@pytest.fixture(scope="session")
def held_out_build(
    template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    copied_corpus: Callable[[Path, Path], "Corpus"],
) -> Path:
    """The same build with half of its repositories and documents held out; only read it."""
    base = tmp_path_factory.mktemp("held-out") / "corpus"
    copied_corpus(template, base).write(extra="\n[held_out]\nfraction = 0.5\n")
    return built(base)


@pytest.fixture
def copied_build(small_build: Path, tmp_path: Path) -> Path:
    """A copy of what training reads of the build, to be changed."""
    copy = tmp_path / "build"
    shutil.copytree(small_build / "tokens", copy / "tokens")
    shutil.copy(small_build / "mixture.json", copy)
    return copy


@pytest.fixture
def make_recipe(small_build: Path, tmp_path: Path) -> MakeRecipe:
    """The function that makes a recipe with one stage of 20 steps, and whatever else is named."""

    def make(**settings: object) -> TrainRecipe:
        stage = StageSettings(name="only", sequence_length=128, batch_sequences=8, steps=20)
        plain = {"build": str(small_build), "out": str(tmp_path / "run"), "shape": "tiny"}
        return msgspec.convert(
            {**plain, "stage": (stage,), **settings}, TrainRecipe, from_attributes=True
        )

    return make


@pytest.fixture
def change_mixture(copied_build: Path) -> Callable[[Callable[[Mixture], Mixture]], None]:
    """The function that changes the manifest of the copied build."""
    path = str(copied_build / "mixture.json")
    return lambda change: write_mixture(change(read_mixture(path)), path)


class Rows(NamedTuple):
    """What a model is given: ids, positions and numbers of documents, and what is predicted."""

    tokens_BT: Tensor
    positions_BT: Tensor
    documents_BT: Tensor
    targets_BT: Tensor

    def logits(self, model: Model) -> Tensor:
        """Return the model's logits."""
        order = plain_order(self.tokens_BT)
        logits: Tensor = model(self.tokens_BT, self.positions_BT, self.documents_BT, order)
        return logits

    def losses(self, model: Model) -> Tensor:
        """Return the model's losses."""
        order = plain_order(self.tokens_BT)
        losses: Tensor = model(
            self.tokens_BT, self.positions_BT, self.documents_BT, order, self.targets_BT
        )
        return losses


@pytest.fixture(params=SETTINGS)
def settings(request: pytest.FixtureRequest) -> ModelSettings:
    """Each kind of model, small."""
    return SETTINGS[str(request.param)]


@pytest.fixture
def small() -> ModelSettings:
    """A small model of Lite's kind."""
    return SMALL


@pytest.fixture
def small_v2() -> ModelSettings:
    """A small model of V2's kind: groups of experts, and a narrow query."""
    return V2


@pytest.fixture
def model_of() -> Callable[[ModelSettings], Model]:
    """The function that makes a model, always with the same weights."""

    def make(settings: ModelSettings) -> Model:
        model = Model(settings)
        initialise(model, seed=1, std=settings.initializer_range)
        return model

    return make


@pytest.fixture
def rows() -> Rows:
    """Two rows of 96 random tokens, one document each."""
    tokens = torch.randint(0, 512, (2, 96), generator=torch.Generator().manual_seed(5))
    positions = torch.arange(96).expand(2, -1)
    return Rows(tokens, positions, torch.zeros_like(tokens), tokens.roll(-1, 1))


@pytest.fixture(scope="session")
def two_builds(
    template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    copied_corpus: "Callable[[Path, Path], Corpus]",
) -> Path:
    """A folder with the builds `old` and `new`, which lacks long lines; tests only read them."""
    corpus = copied_corpus(template, tmp_path_factory.mktemp("two") / "corpus")
    for name, rules in (("old", ""), ("new", "[rules.max_line_length]\nmax = 40")):
        corpus.write(rules=rules, extra="\n[held_out]\nfraction = 0.4\n")
        out, observer = str(corpus.base / name), JsonLines(io.StringIO())
        made = build(str(corpus.recipe), out=out, executor=LocalExecutor(), observer=observer)
        assert not made.failures, made.failures
    return corpus.base
