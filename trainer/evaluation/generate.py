"""Greedy generation: the most likely token, and again with it, until someone says stop.

Legend: B sequences, T tokens of the longest.
Nothing is kept from one token to the next, so the cost grows with the square of the length: for
checks at the size of a test, and for a few lines at the size of a product.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# The most likely token after the one at `last_B` of each sequence (B,), from ids, positions and
# documents, all (B, T), and last_B.
NextIds = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def generate(
    prompts: Sequence[Sequence[int]],
    next_ids: NextIds,
    *,
    max_tokens: int,
    is_done: Callable[[int, list[int]], bool],
) -> list[list[int]]:
    """Return at most `max_tokens` tokens for each prompt, all prompts at once.

    `is_done` is asked after each token, with the number of the prompt and what was generated.
    """
    generated: list[list[int]] = [[] for _ in prompts]
    going = list(range(len(prompts)))
    for _ in range(max_tokens):
        if not going:
            break
        chosen = _step([[*prompts[i], *generated[i]] for i in going], next_ids)
        for i, token in zip(going, chosen, strict=True):
            generated[i].append(token)
        going = [i for i in going if not is_done(i, generated[i])]
    return generated


def _step(sequences: list[list[int]], next_ids: NextIds) -> list[int]:
    longest = max(map(len, sequences))
    padded = [[*sequence, *[0] * (longest - len(sequence))] for sequence in sequences]
    tokens_BT = torch.tensor(padded)
    last_B = torch.tensor([len(sequence) - 1 for sequence in sequences])
    positions_BT = torch.arange(longest).expand_as(tokens_BT)
    is_fill_BT = positions_BT > last_B[:, None]
    found: list[int] = next_ids(tokens_BT, positions_BT, is_fill_BT.long(), last_B).tolist()
    return found
