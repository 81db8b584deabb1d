"""What training sees of each language: its tokens in every variant of its rows.

A group of the mixture is seen as often as its target asks. Its epochs go through the variants of
its rows in turn, so the last variants may be seen in part, or not at all.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ...corpus.dealt import dealt_groups
from ...corpus.mixture import Mixture


class Held(NamedTuple):
    """What shares files of Megatron: the shards of one language in one part of a component."""

    component: str
    part: str
    language: str


def seen_tokens(mixture: Mixture) -> dict[Held, list[float]]:
    """Return the tokens that training sees of each variant; a variant's last epoch may be cut."""
    found: dict[Held, list[float]] = {}
    for group in dealt_groups(mixture):
        totals = group.block_tokens.sum(axis=1).tolist()
        seen = variant_tokens(group.target_tokens, totals)
        for shard in group.shards:
            held = found.setdefault(
                Held(group.component, shard.part, shard.language), [0.0] * len(totals)
            )
            for variant, total in enumerate(totals):
                own = sum(shard.row_tokens(group.rows, variant))
                held[variant] += seen[variant] * own / total
    return found


def variant_tokens(target: int, totals: Sequence[int]) -> list[int]:
    """Return how many tokens of each variant it takes to see `target` of them in all."""
    cycles, rest = divmod(target, sum(totals))
    seen = []
    for total in totals:
        last = min(rest, total)
        rest -= last
        seen.append(cycles * total + last)
    return seen
