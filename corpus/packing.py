"""The packed training set, derived and never stored: sample i is a pure function of few numbers.

They are the mixture manifest, the seed, the sequence length S, the shuffle range and i. A period of
4,096 samples deals the components out in exact proportion. Within a component, an epoch is all of
its blocks (row groups) back to back in a seeded order, cut into windows of S tokens; the last one
is short, so an epoch deals every token exactly once whatever S is. Windows are shuffled within
groups of consecutive blocks: a batch mixes languages, and a reader holds few blocks at a time.

The index is one integer per block, so 4K, 32K and 128K share one corpus, any number of readers can
take any samples, and a run resumes from the number of samples it has seen.
"""

import functools
import itertools
from collections.abc import Iterator, Sequence
from typing import Annotated, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from .blocks import BlockCache
from .errors import GristmillError
from .ids import seeded_hash
from .mixture import Mixture, MixtureComponent, apportion
from .record import Component

PERIOD: Final = 4096

_PADDING_DOCUMENT: Final = -1
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)

IntArray = npt.NDArray[np.int64]
_Positive = Annotated[int, msgspec.Meta(ge=1)]


class PackingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How samples are cut and ordered; `cache_tokens` costs 4 bytes each and changes no sample.

    The default holds the 64 blocks of 2^20 tokens that each of three components shuffles, and some.
    """

    sequence_length: _Positive
    seed: int = 0
    shuffle_blocks: _Positive = 64
    cache_tokens: _Positive = 1 << 28


class DocumentSpan(NamedTuple):
    """A training document's part in a sample, from `start` to the next span or the length."""

    start: int  # in the sample
    offset: int  # of the token at `start` in its document
    doc_id: bytes
    shard: str  # path relative to the build
    row_group: int
    row: int  # in the row group


class PackedSample(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One training sample: tokens of shape (S,), of which `length` are real and the rest EOS."""

    tokens: npt.NDArray[np.int32]
    length: int
    component: Component
    epoch: int
    documents: tuple[DocumentSpan, ...]


class Span(NamedTuple):
    """Tokens [start, stop) of a component's block."""

    block: int
    start: int
    stop: int


class Interleave:
    """An endless exact mixture: every period of 4,096 samples has the same counts, shuffled."""

    def __init__(self, weights: Sequence[float], *, seed: int) -> None:
        self.counts = apportion(weights, PERIOD)
        if 0 in self.counts:
            raise GristmillError(
                f"a weight of {weights[self.counts.index(0)]} is less than one sample in {PERIOD}",
                where="mixture.weights",
                todo="Raise the weight, or set it to 0 to leave the component out.",
            )
        order = seeded_permutation(PERIOD, seeded_hash("interleave", seed, b""))
        self._parts = np.repeat(np.arange(len(weights)), self.counts)[order]
        self._ranks = np.zeros(PERIOD, dtype=np.int64)
        for part, count in enumerate(self.counts):
            self._ranks[self._parts == part] = np.arange(count)

    def locate(self, index: int) -> tuple[int, int]:
        """Return the component of a sample and how many of it came before."""
        period, i = divmod(index, PERIOD)
        part = int(self._parts[i])
        return part, period * self.counts[part] + int(self._ranks[i])


class _Epoch(NamedTuple):
    """One pass over a component: block order, where each starts, and each group's first window."""

    order: IntArray
    starts: IntArray  # shape (num_blocks + 1,)
    group_windows: IntArray  # shape (num_groups + 1,)


class ComponentStream:
    """A component's endless sequence of windows; costs 8 bytes per block, and 16 per open epoch."""

    def __init__(
        self, name: Component, block_tokens: Sequence[int], settings: PackingSettings
    ) -> None:
        self._name = name
        self._settings = settings
        self._block_tokens = np.asarray(block_tokens, dtype=np.int64)
        self.num_tokens = int(self._block_tokens.sum())
        self.num_windows = -(-self.num_tokens // settings.sequence_length)
        # Readers of one stream move forward together, so two epochs and few groups are open.
        self._epoch = functools.lru_cache(maxsize=2)(self._make_epoch)
        self._group = functools.lru_cache(maxsize=4)(self._make_group)

    def locate(self, index: int) -> tuple[int, int]:
        """Return the epoch of the component's sample and its window in the epoch's order."""
        epoch, rank = divmod(index, self.num_windows)
        firsts = self._epoch(epoch).group_windows
        group = int(np.searchsorted(firsts, rank, side="right")) - 1
        first = int(firsts[group])
        return epoch, first + int(self._group(epoch, group)[rank - first])

    def spans(self, epoch: int, window: int) -> Iterator[Span]:
        """Yield where the tokens of a window lie, in order."""
        order, starts, _ = self._epoch(epoch)
        position = window * self._settings.sequence_length
        stop = min(position + self._settings.sequence_length, self.num_tokens)
        place = int(np.searchsorted(starts, position, side="right")) - 1
        while position < stop:
            start, end = int(starts[place]), min(int(starts[place + 1]), stop)
            yield Span(int(order[place]), position - start, end - start)
            position, place = end, place + 1

    def _make_epoch(self, epoch: int) -> _Epoch:
        order = seeded_permutation(len(self._block_tokens), self._key("blocks", epoch))
        starts = np.zeros(len(order) + 1, dtype=np.int64)
        np.cumsum(self._block_tokens[order], out=starts[1:])
        # A window belongs to the group of the block that its first token lies in.
        borders = np.append(starts[: -1 : self._settings.shuffle_blocks], starts[-1])
        return _Epoch(order, starts, -(-borders // self._settings.sequence_length))

    def _make_group(self, epoch: int, group: int) -> IntArray:
        first, last = self._epoch(epoch).group_windows[group : group + 2]
        return seeded_permutation(int(last - first), self._key("windows", epoch, group))

    def _key(self, *what: str | int) -> int:
        words = map(str, what)
        return seeded_hash("packing", self._settings.seed, self._name.encode(), *words)


class PackedDataset:
    """Samples of a build at one sequence length, read in any order; `root` is the build's folder.

    Memory is the index, 8 to 24 bytes per block, and `cache_tokens` decoded tokens.
    """

    def __init__(self, mixture: Mixture, root: str, settings: PackingSettings) -> None:
        self._made_from = mixture, root, settings
        self._length = settings.sequence_length
        self._eos = mixture.sentinels.eos
        self._components = mixture.components
        weights = [component.weight for component in mixture.components]
        self.interleave = Interleave(weights, seed=settings.seed)
        self.streams = [_stream_of(component, settings) for component in mixture.components]
        self._shard_starts = [_shard_starts(component) for component in mixture.components]
        self.cache = BlockCache(root, tokenizer=mixture.tokenizer, max_tokens=settings.cache_tokens)

    def __reduce__(self) -> tuple[object, ...]:
        # What is cached stays behind, so that a loader's workers start light.
        return PackedDataset, self._made_from

    @property
    def num_samples(self) -> int:
        """The samples that reach the mixture's total; later ones exist too."""
        mixture, _, settings = self._made_from
        return -(-mixture.total_tokens // settings.sequence_length)

    def sample(self, index: int) -> PackedSample:
        """Return a sample; the same index gives the same sample in every process."""
        part, rank = self.interleave.locate(index)
        epoch, window = self.streams[part].locate(rank)
        tokens = np.full(self._length, self._eos, dtype=np.int32)
        documents, length = list[DocumentSpan](), 0
        for span in self.streams[part].spans(epoch, window):
            documents += self._copy(part, span, tokens, length)
            length += span.stop - span.start
        return PackedSample(
            tokens=tokens,
            length=length,
            component=self._components[part].name,
            epoch=epoch,
            documents=tuple(documents),
        )

    def _copy(
        self, part: int, span: Span, tokens: npt.NDArray[np.int32], at: int
    ) -> list[DocumentSpan]:
        """Copy a span into tokens[at:] and return the documents it covers."""
        starts = self._shard_starts[part]
        number = int(np.searchsorted(starts, span.block, side="right")) - 1
        shard, row_group = self._components[part].shards[number], span.block - int(starts[number])
        block = self.cache.read(shard, row_group)
        tokens[at : at + span.stop - span.start] = block.tokens[span.start : span.stop]
        documents = []
        for row in block.rows_between(span.start, span.stop):
            row_start = int(block.row_starts[row])
            first = max(row_start, span.start)
            place = at + first - span.start
            identity = block.doc_id(row)
            documents.append(
                DocumentSpan(place, first - row_start, identity, shard.path, row_group, row)
            )
        return documents


def document_ids(sample: PackedSample) -> npt.NDArray[np.int32]:
    """Return each token's document as a number within the sample, -1 for padding; shape (S,).

    Attention between tokens of equal numbers only is the mask of separate documents.
    """
    ids = np.full(len(sample.tokens), _PADDING_DOCUMENT, dtype=np.int32)
    numbers = np.arange(len(sample.documents), dtype=np.int32)
    ids[: sample.length] = np.repeat(numbers, _span_lengths(sample))
    return ids


def position_ids(sample: PackedSample, *, continued: bool = False) -> npt.NDArray[np.int32]:
    """Return each token's position, which restarts with every document; shape (S,).

    A document that began in an earlier window starts at 0 here, or, when `continued`, where it was
    cut. Padding restarts at 0 too.
    """
    lengths = _span_lengths(sample)
    firsts = [span.start - (span.offset if continued else 0) for span in sample.documents]
    padding = len(sample.tokens) - sample.length
    origins = np.repeat([*firsts, sample.length], [*lengths, padding])
    positions: npt.NDArray[np.int32] = (np.arange(len(origins)) - origins).astype(np.int32)
    return positions


def seeded_permutation(size: int, key: int) -> IntArray:
    """Return a permutation of range(size) that no library's release can change.

    Numbers are ordered by SplitMix64, a bijection, so no two of them tie.
    """
    mixed = np.arange(1, size + 1, dtype=np.uint64) * _GOLDEN + np.uint64(key)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    return np.argsort(mixed ^ (mixed >> np.uint64(31)), kind="stable")


def _span_lengths(sample: PackedSample) -> list[int]:
    starts = [*(span.start for span in sample.documents), sample.length]
    return [stop - start for start, stop in itertools.pairwise(starts)]


def _stream_of(component: MixtureComponent, settings: PackingSettings) -> ComponentStream:
    counts = [count for shard in component.shards for count in shard.block_tokens]
    return ComponentStream(component.name, counts, settings)


def _shard_starts(component: MixtureComponent) -> IntArray:
    """Return the number of each shard's first block in its component."""
    counts = [len(shard.block_tokens) for shard in component.shards]
    return np.cumsum([0, *counts[:-1]], dtype=np.int64)
