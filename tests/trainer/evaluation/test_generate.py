"""Greedy generation takes the most likely token, whatever other prompts it shares a batch with."""

from collections.abc import Callable

import torch

from gristmill.trainer.evaluation.generate import generate
from gristmill.trainer.model.model import Model, plain_order
from gristmill.trainer.model.shapes import ModelSettings

from .whole_model import model_next_ids

PROMPTS = [[5, 6, 7, 8, 9], [300], [17, 4, 17, 4, 17, 4, 17]]


def slowly(model: Model, prompt: list[int], num_tokens: int) -> list[int]:
    tokens = list(prompt)
    for _ in range(num_tokens):
        ids = torch.tensor([tokens])
        order = plain_order(ids)
        with torch.no_grad():
            logits = model(ids, order[None], torch.zeros_like(ids), order)
        tokens.append(int(logits[0, -1].argmax()))
    return tokens[len(prompt) :]


def test_what_is_generated_is_the_most_likely_token_after_another(
    small: ModelSettings, model_of: Callable[[ModelSettings], Model]
) -> None:
    model = model_of(small)
    found = generate(PROMPTS, model_next_ids(model), max_tokens=6, is_done=lambda *_: False)
    assert found == [slowly(model, prompt, 6) for prompt in PROMPTS]


def test_each_prompt_ends_where_it_is_told_to(
    small: ModelSettings, model_of: Callable[[ModelSettings], Model]
) -> None:
    next_ids = model_next_ids(model_of(small))
    whole = generate(PROMPTS, next_ids, max_tokens=6, is_done=lambda *_: False)
    found = generate(PROMPTS, next_ids, max_tokens=6, is_done=lambda i, ids: len(ids) == i + 1)
    assert found == [ids[: i + 1] for i, ids in enumerate(whole)]
