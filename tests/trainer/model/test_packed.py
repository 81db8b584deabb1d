"""Documents that share a row are each as if alone."""

from collections.abc import Callable
from itertools import pairwise

import msgspec
import pytest
import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask

from gristmill.trainer.model.mask import attend, document_mask
from gristmill.trainer.model.model import IGNORED, Model, plain_order
from gristmill.trainer.model.shapes import ModelSettings

ENDS = (0, 17, 18, 60, 96)  # of the documents in a row; one is a single token


@pytest.fixture
def model(settings: ModelSettings, model_of: Callable[[ModelSettings], Model]) -> Model:
    # A balance loss is of a sequence, and the sequences differ.
    return model_of(msgspec.structs.replace(settings, aux_loss_alpha=0.0))


@pytest.fixture
def tokens() -> Tensor:
    return torch.randint(0, 512, (ENDS[-1],), generator=torch.Generator().manual_seed(9))


def packed(tokens: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    lengths = [stop - start for start, stop in pairwise(ENDS)]
    positions = torch.cat([torch.arange(length) for length in lengths])
    documents = torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))
    last = torch.isin(torch.arange(len(tokens)) + 1, torch.tensor(ENDS))
    targets = tokens.roll(-1).masked_fill(last, IGNORED)
    return tokens[None], positions[None], documents[None], plain_order(tokens[None]), targets[None]


def alone(tokens: Tensor) -> list[tuple[Tensor, Tensor, Tensor, Tensor, Tensor]]:
    rows = []
    for start, stop in pairwise(ENDS):
        ids = tokens[None, start:stop]
        targets = ids.roll(-1)
        targets[0, -1] = IGNORED
        order = plain_order(ids)
        rows.append((ids, order[None], torch.zeros_like(ids), order, targets))
    return rows


def gradients(model: Model, loss: Tensor) -> dict[str, Tensor]:
    names, weights = zip(*model.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(loss, weights), strict=True))


def test_logits_of_packed_documents_equal_those_of_each_alone(model: Model, tokens: Tensor) -> None:
    with torch.no_grad():
        together = model(*packed(tokens)[:-1])
        one_by_one = torch.cat([model(*row[:-1]) for row in alone(tokens)], dim=1)
    torch.testing.assert_close(together, one_by_one, atol=1e-5, rtol=0)


def test_gradients_of_packed_documents_equal_those_of_each_alone(
    model: Model, tokens: Tensor
) -> None:
    together = gradients(model, model(*packed(tokens)).sum())
    one_by_one = gradients(model, torch.stack([model(*row).sum() for row in alone(tokens)]).sum())
    torch.testing.assert_close(together, one_by_one, atol=1e-4, rtol=1e-4)  # sums of 92 losses


def test_padding_changes_no_loss_and_no_gradient(model: Model, tokens: Tensor) -> None:
    row = packed(tokens)
    fill = (0, 0, int(row[2].max()) + 1, 0, IGNORED)
    padded = [
        torch.cat((part[0], torch.full((9,), value)))[None]
        for part, value in zip(row, fill, strict=True)
        if part.ndim == 2
    ]
    padded.insert(3, torch.arange(len(tokens) + 9))
    plain, longer = model(*row), model(*padded)
    torch.testing.assert_close(longer[:, :-9], plain, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        gradients(model, longer.sum()), gradients(model, plain.sum()), atol=1e-4, rtol=1e-4
    )


# torch warns of itself where its compiler is loaded, and that what is not compiled is slow.
@pytest.mark.filterwarnings("ignore:flex_attention called without:UserWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning")
def test_the_rule_that_a_gpu_takes_is_the_table_that_a_cpu_takes(tokens: Tensor) -> None:
    generator = torch.Generator().manual_seed(2)
    q, k, v = (torch.randn(1, 2, 96, 16, generator=generator) for _ in range(3))
    documents, order = packed(tokens)[2], torch.arange(96).roll(40)  # parts that ranks gathered
    table = document_mask(documents, order, slice(32, 64))
    with torch.compiler.set_stance("force_eager"):
        from gristmill.trainer.model.mask import _block_mask

        rule = _block_mask(documents, order, slice(32, 64))
        assert isinstance(rule, BlockMask)
        found = attend(q[:, :, 32:64], k, v, rule, 0.25)
    torch.testing.assert_close(found, attend(q[:, :, 32:64], k, v, table, 0.25), atol=1e-5, rtol=0)
