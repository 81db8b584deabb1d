"""Which row groups make up a budget: whole passes over a group, and the first of one pass more.

A reader or an exporter that copies row groups whole meets a budget to less than one row group; what
is over is the tail. Packing deals samples and meets it to less than one sample.
"""

from typing import NamedTuple

from .dealt import DealtGroup
from .ids import seeded_hash
from .windows import seeded_permutation


class Selection(NamedTuple):
    """Every row group `passes` times, those of `last` once more: (shard's path, row group)."""

    passes: int
    last: tuple[tuple[str, int], ...]
    tokens: int
    tail_tokens: int  # above the target, less than the last row group holds


def select_row_groups(group: DealtGroup, *, seed: int) -> Selection:
    """Return the row groups that reach a group's target; the order of the last pass is seeded.

    A row group of a mixture with long documents counts, and stands for, the group's rows in it.
    """
    counts = group.block_tokens[0]
    whole = int(counts.sum())
    passes, rest = divmod(group.target_tokens, whole)
    last, reached = list[tuple[str, int]](), 0
    key = seeded_hash("selection", seed, group.name.encode())
    for block in seeded_permutation(len(counts), key).tolist() if rest else ():
        if reached >= rest:
            break
        shard, row_group = group.place(block)
        last.append((shard.path, row_group))
        reached += int(counts[block])
    tokens = passes * whole + reached
    return Selection(passes, tuple(last), tokens, tokens - group.target_tokens)
