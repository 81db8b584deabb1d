"""The packed training set, derived and never stored: sample i is a pure function of few numbers.

They are the mixture manifest, the seed, the sequence length S, the method, the shuffle range and i.
A period of 4,096 samples deals the components out in exact proportion. Within a component, an epoch
deals every token exactly once whatever S is (windows). A batch mixes languages, and a reader holds
few blocks at a time.

The index is one integer per block and rearranged epoch, so 4K, 32K and 128K share one corpus, any
number of readers can take any samples, and a run resumes from the number of samples it has seen.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from .blocks import Block, BlockCache
from .errors import GristmillError
from .ids import seeded_hash
from .mixture import Mixture, MixtureComponent, MixtureShard, apportion
from .packed_sample import DocumentSpan, PackedSample, document_ids, loss_mask, position_ids
from .tokenizer import EOS
from .windows import ComponentStream, IntArray, PackingSettings, Span, seeded_permutation

__all__ = [
    "PERIOD",
    "ComponentStream",
    "DocumentSpan",
    "Interleave",
    "PackedDataset",
    "PackedSample",
    "PackingSettings",
    "document_ids",
    "loss_mask",
    "position_ids",
    "seeded_permutation",
]

PERIOD: Final = 4096


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


class PackedDataset:
    """Samples of a build at one sequence length, read in any order; `root` is the build's folder.

    Memory is the index, 8 to 24 bytes per block, and `cache_tokens` decoded tokens.
    """

    def __init__(self, mixture: Mixture, root: str, settings: PackingSettings) -> None:
        self._made_from = mixture, root, settings
        self._length = settings.sequence_length
        self._components = mixture.components
        weights = [component.weight for component in mixture.components]
        self.interleave = Interleave(weights, seed=settings.seed)
        self.streams = [self._stream(part) for part in range(len(mixture.components))]
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
        tokens = np.full(self._length, EOS, dtype=np.int32)
        documents, length = list[DocumentSpan](), 0
        variant = self.streams[part].variant(epoch)
        for span in self.streams[part].spans(epoch, window):
            documents += self._copy(part, span, variant, tokens[length:], length)
            length += span.stop - span.start
        return PackedSample(
            tokens=tokens,
            length=length,
            component=self._components[part].name,
            epoch=epoch,
            documents=tuple(documents),
        )

    def block(self, part: int, number: int, *, variant: int = 0) -> Block:
        """Return a block of a component, both given by their numbers."""
        return self.cache.read(*self._place(part, number), variant)

    def _stream(self, part: int) -> ComponentStream:
        component = self._components[part]
        counts = [count for shard in component.shards for count in shard.block_tokens]

        def row_lengths(block: int, variant: int) -> IntArray:
            return self.cache.row_lengths(*self._place(part, block), variant)

        return ComponentStream(
            component.name,
            counts,
            self._made_from[2],
            later=_later_blocks(component),
            row_lengths=row_lengths,
        )

    def _place(self, part: int, block: int) -> tuple[MixtureShard, int]:
        """Return the shard of a component's block, and its row group there."""
        starts = self._shard_starts[part]
        number = int(np.searchsorted(starts, block, side="right")) - 1
        return self._components[part].shards[number], block - int(starts[number])

    def _copy(
        self, part: int, span: Span, variant: int, target: npt.NDArray[np.int32], at: int
    ) -> list[DocumentSpan]:
        """Copy a span to the front of the target, place `at`; return the documents it covers."""
        shard, row_group = self._place(part, span.block)
        block = self.block(part, span.block, variant=variant)
        target[: span.stop - span.start] = block.tokens[span.start : span.stop]
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


def _later_blocks(component: MixtureComponent) -> list[list[int]]:
    """Return the tokens of the component's blocks in each later epoch that has its own splits."""
    depths = {len(shard.later_block_tokens) for shard in component.shards if shard.block_tokens}
    if len(depths) > 1:
        raise GristmillError(
            f"the shards of {component.name} were rearranged for different numbers of epochs",
            where="mixture.json",
            todo="Build them with one setting of fim.epochs.",
        )
    return [
        [
            count
            for shard in component.shards
            if shard.block_tokens
            for count in shard.later_block_tokens[number]
        ]
        for number in range(max(depths, default=0))
    ]


def _shard_starts(component: MixtureComponent) -> IntArray:
    """Return the number of each shard's first block in its component."""
    counts = [len(shard.block_tokens) for shard in component.shards]
    return np.cumsum([0, *counts[:-1]], dtype=np.int64)
