"""The groups of a mixture as streams of blocks: where each block lies, how much is dealt of it."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .errors import GristmillError
from .groups import MixtureGroup, Rows
from .mixture import Mixture, MixtureComponent, MixtureShard
from .record import Component


class DealtGroup(NamedTuple):
    """A group that has tokens to give; its blocks are numbered through its shards."""

    name: str
    component: Component
    rows: Rows
    target_tokens: int
    shards: tuple[MixtureShard, ...]
    shard_starts: npt.NDArray[np.int64]  # the number of each shard's first block
    blocks: npt.NDArray[np.int64]  # of those with tokens of the group, the number of each
    block_tokens: npt.NDArray[np.int64]  # of these blocks; shape (num_variants, num_blocks)

    def place(self, block: int) -> tuple[MixtureShard, int]:
        """Return the shard and the row group of the group's block."""
        number = int(self.blocks[block])
        shard = int(np.searchsorted(self.shard_starts, number, side="right")) - 1
        return self.shards[shard], number - int(self.shard_starts[shard])


def dealt_groups(mixture: Mixture) -> list[DealtGroup]:
    """Return the groups whose target is above 0, in the order of the mixture.

    A component of a mixture of format 1 is one group.
    """
    found = []
    for component in mixture.components:
        for group in component.groups or (_whole(component),):
            if group.target_tokens:
                found.append(_dealt(component, group))
    return found


def _whole(component: MixtureComponent) -> MixtureGroup:
    return MixtureGroup(
        name=component.name,
        part="",
        rows="all",
        languages=tuple(sorted({shard.language for shard in component.shards})),
        tokens=component.tokens,
        target_tokens=component.target_tokens,
        epochs=component.epochs,
    )


def _dealt(component: MixtureComponent, group: MixtureGroup) -> DealtGroup:
    shards = component.shards_of(group)
    depths = {len(shard.later_block_tokens) for shard in shards}
    if len(depths) > 1:
        raise GristmillError(
            f"the shards of {group.name} were rearranged for different numbers of epochs",
            where="mixture.json",
            todo="Build them with one setting of fim.epochs.",
        )
    tokens = np.array(
        [
            [count for shard in shards for count in shard.row_tokens(group.rows, variant)]
            for variant in range(1 + max(depths, default=0))
        ],
        dtype=np.int64,
    )
    blocks = np.flatnonzero(tokens[0])
    return DealtGroup(
        name=group.name,
        component=component.name,
        rows=group.rows,
        target_tokens=group.target_tokens,
        shards=shards,
        shard_starts=np.cumsum([0, *(len(s.block_tokens) for s in shards[:-1])], dtype=np.int64),
        blocks=blocks,
        block_tokens=tokens[:, blocks],
    )
