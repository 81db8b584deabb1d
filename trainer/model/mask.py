"""Which tokens see which: earlier ones of their own document, whatever else shares the sequence.

Legend: B batch, T tokens here, S tokens of the whole sequence (T of every context rank).
A GPU takes the rule itself (flex attention skips blocks that nobody sees); a CPU, where flex
attention has no backward pass, takes the table of it.
"""

from collections.abc import Callable
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

Mask = Tensor | BlockMask
_Out = TypeVar("_Out")


def document_mask(documents_BS: Tensor, order_S: Tensor, queries: slice) -> Mask:
    """Return the mask of the queries at `queries`; `order_S` says where each token stands.

    `documents_BS` numbers the documents of each sequence. Padding is a document of its own.
    """
    if documents_BS.is_cuda:
        return _block_mask(documents_BS, order_S, queries)
    same_BTS = documents_BS[:, queries, None] == documents_BS[:, None, :]
    earlier_TS = order_S[queries, None] >= order_S[None, :]
    return (same_BTS & earlier_TS)[:, None]


def attend(q_BHTW: Tensor, k_BHSW: Tensor, v_BHSV: Tensor, mask: Mask, scale: float) -> Tensor:
    """Return the values that each query sees, weighed; shape (B, H, T, V)."""
    if isinstance(mask, BlockMask):
        out = _compiled(flex_attention)(q_BHTW, k_BHSW, v_BHSV, block_mask=mask, scale=scale)
        assert isinstance(out, Tensor)
        return out
    # With values as wide as keys PyTorch takes its kernel without a table of T x S weights.
    width = v_BHSV.shape[-1]
    padded = torch.nn.functional.pad(v_BHSV, (0, max(q_BHTW.shape[-1] - width, 0)))
    seen = torch.nn.functional.scaled_dot_product_attention(
        q_BHTW, k_BHSW, padded, attn_mask=mask, scale=scale
    )
    return seen[..., :width]


def _block_mask(documents_BS: Tensor, order_S: Tensor, queries: slice) -> BlockMask:
    first = queries.start or 0
    num_queries = len(range(*queries.indices(documents_BS.shape[1])))

    def sees(b: Tensor, _h: Tensor, q: Tensor, k: Tensor) -> Tensor:
        q = q + first
        return (documents_BS[b, q] == documents_BS[b, k]) & (order_S[q] >= order_S[k])

    return _compiled(create_block_mask)(
        sees,
        documents_BS.shape[0],
        None,
        num_queries,
        documents_BS.shape[1],
        device=documents_BS.device,
    )


def _compiled(function: Callable[..., _Out]) -> Callable[..., _Out]:
    """Return a function compiled, unless what calls it is being compiled with it."""
    return function if torch.compiler.is_compiling() else _compiled_alone(function)


@cache  # the compiler takes seconds to load, and a CPU never needs it
def _compiled_alone(function: Callable[..., _Out]) -> Callable[..., _Out]:
    return torch.compile(function, dynamic=False)
