"""Small models on one thread, and rows of documents to run them on."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
import pytest
import torch
from torch import Tensor

from gristmill.trainer.initial import initialise
from gristmill.trainer.model import Model, plain_order
from gristmill.trainer.shapes import ModelSettings

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


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Small matrices are slower on two."""
    torch.set_num_threads(1)


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
