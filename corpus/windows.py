"""A group's endless sequence of windows: which tokens of which blocks each one holds.

An epoch is all blocks back to back in a seeded order: a line of tokens, cut every S. The windows
that start in the same few blocks are a group. Greedy packing takes each window as it was cut;
best-fit packing deals a group's documents out to its windows anew. Either way a group has the same
tokens and as many windows, and these are shuffled. An epoch has less than S of padding: at the end
of its last window, or, best-fit, of windows of its last group.
"""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from .best_fit import best_fit
from .ids import seeded_hash

IntArray = npt.NDArray[np.int64]
RowLengths = Callable[[int, int], IntArray]  # block, variant -> tokens of each row

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_Positive = Annotated[int, msgspec.Meta(ge=1)]


class PackingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How samples are cut and ordered; `cache_tokens` costs 4 bytes each and changes no sample.

    The default holds the 64 blocks of 2^20 tokens that each of three components shuffles, and some.
    """

    sequence_length: _Positive
    method: Literal["greedy", "best_fit"] = "greedy"
    seed: int = 0
    shuffle_blocks: _Positive = 64
    cache_tokens: _Positive = 1 << 28


class Span(NamedTuple):
    """Tokens [start, stop) of a block."""

    block: int
    start: int
    stop: int


class _Epoch(NamedTuple):
    """One pass over a group: block order, where each starts, and each group's first window."""

    order: IntArray
    starts: IntArray  # shape (num_blocks + 1,)
    group_windows: IntArray  # shape (num_groups + 1,)


class ComponentStream:
    """The windows of one group; costs 8 bytes per block and variant, and 16 per open epoch.

    `later` counts each block's tokens in later epochs, where their rows are rearranged: epoch e has
    variant e modulo 1 + len(later). Best-fit packing asks `row_lengths` for the rows of a block.
    """

    def __init__(
        self,
        name: str,
        block_tokens: Sequence[int] | IntArray,
        settings: PackingSettings,
        *,
        later: Sequence[Sequence[int]] | IntArray = (),
        row_lengths: RowLengths | None = None,
    ) -> None:
        self.name = name
        self._settings = settings
        self._row_lengths = row_lengths
        self._block_tokens = np.asarray([block_tokens, *later], dtype=np.int64)
        totals = self._block_tokens.sum(axis=1)
        self.num_tokens = int(totals[0])
        self._totals = [int(total) for total in totals]
        windows = -(-totals // settings.sequence_length)
        self.num_windows = int(windows[0])  # in the first epoch
        self._first_windows = np.cumsum([0, *windows])
        # Readers of one stream move forward together, so two epochs and few groups are open.
        self._epoch = functools.lru_cache(maxsize=2)(self._make_epoch)
        self._group = functools.lru_cache(maxsize=4)(self._make_group)
        self._packed = functools.lru_cache(maxsize=4)(self._pack_group)

    @property
    def num_variants(self) -> int:
        """The epochs whose rows differ, after which they repeat."""
        return len(self._block_tokens)

    def variant(self, epoch: int) -> int:
        """Return which of a row's rearrangements an epoch reads; 0 is the row as stored."""
        return epoch % self.num_variants

    def num_windows_of(self, num_tokens: int) -> int:
        """Return how many windows reach so many tokens: whole epochs, and the start of one more."""
        cycles, rest = divmod(num_tokens, sum(self._totals))
        windows = cycles * int(self._first_windows[-1])
        for total in self._totals:
            size = -(-total // self._settings.sequence_length)
            if rest < total:
                return windows + -(-rest * size // total)
            windows, rest = windows + size, rest - total
        return windows

    def locate(self, index: int) -> tuple[int, int]:
        """Return the epoch of the group's sample and its window in the epoch's order."""
        cycle, rank = divmod(index, int(self._first_windows[-1]))
        variant = int(np.searchsorted(self._first_windows, rank, side="right")) - 1
        epoch, rank = cycle * self.num_variants + variant, rank - int(self._first_windows[variant])
        group, first = self._group_of(epoch, rank)
        return epoch, first + int(self._group(epoch, group)[rank - first])

    def spans(self, epoch: int, window: int) -> Iterator[Span]:
        """Yield where the tokens of a window lie, in order."""
        size = self._settings.sequence_length
        if self._settings.method == "best_fit":
            group, first = self._group_of(epoch, window)
            spans = self._packed(epoch, group)[window - first]
            order = seeded_permutation(len(spans), self._key("order", epoch, window))
            yield from (spans[i] for i in order.tolist())
        else:
            yield from self._line(epoch, window * size, (window + 1) * size)

    def _group_of(self, epoch: int, window: int) -> tuple[int, int]:
        """Return a window's group and the group's first window."""
        firsts = self._epoch(epoch).group_windows
        group = int(np.searchsorted(firsts, window, side="right")) - 1
        return group, int(firsts[group])

    def _line(self, epoch: int, position: int, stop: int) -> Iterator[Span]:
        """Yield where tokens [position, stop) of an epoch lie, as far as it goes."""
        order, starts, _ = self._epoch(epoch)
        stop = min(stop, int(starts[-1]))
        place = int(np.searchsorted(starts, position, side="right")) - 1
        while position < stop:
            start, end = int(starts[place]), min(int(starts[place + 1]), stop)
            yield Span(int(order[place]), position - start, end - start)
            position, place = end, place + 1

    def _pack_group(self, epoch: int, group: int) -> list[list[Span]]:
        """Deal the documents in a group's part of the line out to its windows."""
        assert self._row_lengths is not None, "best_fit needs the lengths of rows"
        size = self._settings.sequence_length
        first, last = self._epoch(epoch).group_windows[group : group + 2].tolist()
        pieces = list[Span]()
        for block, start, stop in self._line(epoch, first * size, last * size):
            ends = np.cumsum(self._row_lengths(block, self.variant(epoch)))
            inside = ends[(ends > start) & (ends < stop)].tolist()
            cuts = [start, *inside, stop]
            pieces += (Span(block, a, b) for a, b in itertools.pairwise(cuts))
        packed = best_fit([piece.stop - piece.start for piece in pieces], size)
        return [
            [
                Span(pieces[i].block, pieces[i].start + start, pieces[i].start + stop)
                for i, start, stop in window
            ]
            for window in packed
        ]

    def _make_epoch(self, epoch: int) -> _Epoch:
        tokens = self._block_tokens[self.variant(epoch)]
        order = seeded_permutation(len(tokens), self._key("blocks", epoch))
        starts = np.zeros(len(order) + 1, dtype=np.int64)
        np.cumsum(tokens[order], out=starts[1:])
        # A window belongs to the group of the block that its first token lies in.
        borders = np.append(starts[: -1 : self._settings.shuffle_blocks], starts[-1])
        return _Epoch(order, starts, -(-borders // self._settings.sequence_length))

    def _make_group(self, epoch: int, group: int) -> IntArray:
        first, last = self._epoch(epoch).group_windows[group : group + 2]
        return seeded_permutation(int(last - first), self._key("windows", epoch, group))

    def _key(self, *what: str | int) -> int:
        words = map(str, what)
        return seeded_hash("packing", self._settings.seed, self.name.encode(), *words)


def seeded_permutation(size: int, key: int) -> IntArray:
    """Return a permutation of range(size) that no library's release can change.

    Numbers are ordered by SplitMix64, a bijection, so no two of them tie.
    """
    mixed = np.arange(1, size + 1, dtype=np.uint64) * _GOLDEN + np.uint64(key)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    return np.argsort(mixed ^ (mixed >> np.uint64(31)), kind="stable")
