"""Bits per byte are a model's losses on each document alone, however rows and ranks share them."""

import math
from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from gristmill.corpus.held_out import HeldOutDocument
from gristmill.corpus.record import Component
from gristmill.corpus.tokenizer import load_tokenizer
from gristmill.corpus.tokenizer_info import Sentinels, TokenizerInfo
from gristmill.trainer.data.strata import Stratum
from gristmill.trainer.evaluation.evaluate import (
    Ranks,
    RowShape,
    bits_per_byte,
    evaluate,
)
from gristmill.trainer.evaluation.held_out_rows import Chosen, choose_documents
from gristmill.trainer.evaluation.scores import Evaluation
from gristmill.trainer.model.model import Model, plain_order
from gristmill.trainer.model.shapes import SHAPES, ModelSettings
from gristmill.trainer.recipe import EvaluationSettings

from .whole_model import model_losses, model_next_ids

ModelOf = Callable[[ModelSettings], Model]
INFO = TokenizerInfo(vocab_size=512, sentinels=Sentinels(eos=0))
SHAPE = RowShape(64, num_rows=2)


@pytest.fixture
def model(small: ModelSettings, model_of: ModelOf) -> Model:
    return model_of(small)


@pytest.fixture
def chosen() -> dict[Stratum, Chosen]:
    generator = np.random.default_rng(3)
    kinds: list[tuple[Component, str]] = [("code", "C"), ("code", "Go"), ("text", "en")]
    documents = []
    for i, size in enumerate((30, 5, 150, 64, 65, 2, 41, 9, 20)):
        tokens = generator.integers(0, 512, size).astype(np.int32)
        documents.append(HeldOutDocument(*kinds[i % 3], b"%16d" % i, tokens, 3 * size + i))
    return choose_documents(documents, max_tokens=10_000)


def bits_alone(model: Model, tokens: npt.NDArray[np.int32], window: int) -> float:
    total = 0.0
    for start in range(0, len(tokens) - 1, window):
        part = torch.from_numpy(tokens[start : start + window + 1].astype(np.int64))[None]
        inputs, targets = part[:, :-1], part[:, 1:]
        order = plain_order(inputs)
        with torch.no_grad():
            losses = model(inputs, order[None], torch.zeros_like(inputs), order, targets)
        total += losses.sum().item() / math.log(2)
    return total


@pytest.mark.parametrize("length", [64, 200])
def test_bits_are_those_of_each_document_alone(
    model: Model, chosen: dict[Stratum, Chosen], length: int
) -> None:
    scores = bits_per_byte(chosen, model_losses(model), INFO, RowShape(length, num_rows=2))
    assert [(score.component, score.language) for score in scores] == list(chosen)
    for score, found in zip(scores, chosen.values(), strict=True):
        alone = sum(bits_alone(model, d.tokens, length) for d in found.documents)
        num_bytes = sum(d.num_bytes for d in found.documents)
        assert score.bits_per_byte == pytest.approx(alone / num_bytes, rel=1e-6)
        assert score.tokens == sum(len(d.tokens) - 1 for d in found.documents)


def test_how_many_rows_at_once_does_not_matter(model: Model, chosen: dict[Stratum, Chosen]) -> None:
    one = bits_per_byte(chosen, model_losses(model), INFO, SHAPE)
    other = bits_per_byte(chosen, model_losses(model), INFO, RowShape(64, num_rows=5))
    bits = [pytest.approx(score.bits, rel=1e-6) for score in one]
    assert [score.bits for score in other] == bits


def test_ranks_meet_equally_often_and_add_up_to_one(
    model: Model, chosen: dict[Stratum, Chosen]
) -> None:
    calls, parts = [0, 0, 0], list[Tensor]()
    for rank in range(3):

        def losses(*batch: Tensor, rank: int = rank) -> Tensor:
            calls[rank] += 1
            return model_losses(model)(*batch)

        def add_up(sums: Tensor) -> Tensor:
            parts.append(sums.clone())
            return torch.stack(parts).sum(0)

        scores = bits_per_byte(chosen, losses, INFO, SHAPE, ranks=Ranks(rank, 3, add_up))
    whole = bits_per_byte(chosen, model_losses(model), INFO, SHAPE)
    assert calls[0] == calls[1] == calls[2] > 1
    assert [score.tokens for score in scores] == [score.tokens for score in whole]
    bits = [pytest.approx(score.bits, rel=1e-12) for score in whole]
    assert [score.bits for score in scores] == bits


def test_a_model_that_knows_nothing_needs_the_vocabularys_bits(
    model: Model, chosen: dict[Stratum, Chosen]
) -> None:
    torch.nn.init.zeros_(model.lm_head.weight)
    for score in bits_per_byte(chosen, model_losses(model), INFO, SHAPE):
        assert score.bits == pytest.approx(9 * score.tokens, rel=1e-6)
        assert score.first_token_bits == 9 * score.documents


def test_totals_and_tables_come_from_the_languages(
    model: Model, chosen: dict[Stratum, Chosen]
) -> None:
    scores = bits_per_byte(chosen, model_losses(model), INFO, SHAPE)
    found = Evaluation(sequence_length=64, languages=scores)
    code, text = found.totals()
    assert (code.component, code.documents, text.documents) == ("code", 6, 3)
    assert code.bits_per_byte == pytest.approx(
        (scores[0].bits + scores[1].bits) / (scores[0].num_bytes + scores[1].num_bytes)
    )
    assert f"{code.bits_per_byte:.4f}" in found.table()
    assert msgspec.json.decode(msgspec.json.encode(found), type=Evaluation) == found


def test_a_whole_evaluation_measures_texts_and_lines(model_of: ModelOf) -> None:
    tokenizer, model = load_tokenizer(), model_of(SHAPES["tiny"])
    text = "int main(void) {\n    return 0;\n}\n"
    ids = np.append(tokenizer.encode(text), tokenizer.sentinels.eos).astype(np.int32)
    documents = [HeldOutDocument("code", "C", b"%16d" % i, ids, len(text)) for i in range(3)]
    said = model_losses(model), model_next_ids(model)
    settings = EvaluationSettings(fim_samples=2)
    found = evaluate(documents, *said, tokenizer, settings, shape=RowShape(160, num_rows=1))
    (score,), (fim,) = found.languages, found.fim
    assert score.bits == pytest.approx(3 * bits_alone(model, ids, 160), rel=1e-6)
    assert (fim.tasks, fim.matches) == (2, 0)
