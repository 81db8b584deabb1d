"""What one rank takes of a batch, and the micro-batches that it falls into.

Legend: B sequences, T tokens of each here, S tokens of the whole sequence.
"""

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor

from .context_parallel import token_order
from .mesh import Mesh


class Batch(NamedTuple):
    """Arguments of `Model.forward`."""

    tokens_BT: Tensor
    positions_BT: Tensor
    documents_BS: Tensor
    order_S: Tensor
    targets_BT: Tensor

    def split(self, num_sequences: int) -> Iterator["Batch"]:
        """Yield micro-batches."""
        parts = (x.split(num_sequences) for x in (*self[:3], self.targets_BT))
        for tokens_BT, positions_BT, documents_BS, targets_BT in zip(*parts, strict=True):
            yield Batch(tokens_BT, positions_BT, documents_BS, self.order_S, targets_BT)


def share(
    tokens_BT: Tensor, positions_BT: Tensor, documents_BT: Tensor, targets_BT: Tensor, mesh: Mesh
) -> Batch:
    """Return what a rank takes of its data rank's whole sequences."""
    order_S = token_order(tokens_BT.shape[1], mesh.context).to(mesh.device)
    here_T = order_S.chunk(mesh.context)[mesh.context_rank]
    tokens_BT, positions_BT, documents_BT, targets_BT = (
        x.to(mesh.device) for x in (tokens_BT, positions_BT, documents_BT, targets_BT)
    )
    return Batch(
        tokens_BT[:, here_T],
        positions_BT[:, here_T],
        documents_BT[:, order_S],
        order_S,
        targets_BT[:, here_T],
    )
