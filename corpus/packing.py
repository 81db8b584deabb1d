"""The packed training set, derived and never stored: sample i is a pure function of few numbers.

They are the mixture manifest, the seed, the sequence length S, the method, the shuffle range and i.
An exact deal (dealing) gives every group of the mixture the samples that its target takes, evenly
spread. Within a group, an epoch deals every token exactly once whatever S is (windows). A batch
mixes languages, and a reader holds few blocks at a time.

The index is one integer per block and rearranged epoch, so 4K, 32K and 128K share one corpus, any
number of readers can take any samples, and a run resumes from the number of samples it has seen.
"""

import numpy as np
import numpy.typing as npt

from .blocks import Block, BlockCache
from .dealing import Deal
from .dealt import dealt_groups
from .mixture import Mixture
from .packed_sample import DocumentSpan, PackedSample, document_ids, loss_mask, position_ids
from .windows import ComponentStream, IntArray, PackingSettings, Span, seeded_permutation

__all__ = [
    "ComponentStream",
    "DocumentSpan",
    "PackedDataset",
    "PackedSample",
    "PackingSettings",
    "document_ids",
    "loss_mask",
    "position_ids",
    "seeded_permutation",
]


class PackedDataset:
    """Samples of a build at one sequence length, read in any order; `root` is the build's folder.

    Memory is the index, 8 to 24 bytes per block, and `cache_tokens` decoded tokens.
    """

    def __init__(self, mixture: Mixture, root: str, settings: PackingSettings) -> None:
        self._made_from = mixture, root, settings
        self._length = settings.sequence_length
        self._eos = mixture.sentinels.eos
        self.groups = dealt_groups(mixture)
        self.cache = BlockCache(
            root,
            tokenizer=mixture.tokenizer,
            max_tokens=settings.cache_tokens,
            long_min_tokens=mixture.long_min_tokens,
        )
        self.streams = [self._stream(part) for part in range(len(self.groups))]
        counts = [
            stream.num_windows_of(group.target_tokens)
            for stream, group in zip(self.streams, self.groups, strict=True)
        ]
        self.deal = Deal(counts, seed=settings.seed)

    def __reduce__(self) -> tuple[object, ...]:
        # What is cached stays behind, so that a loader's workers start light.
        return PackedDataset, self._made_from

    @property
    def num_samples(self) -> int:
        """The samples that reach the target of every group; after them the deal begins again."""
        return self.deal.num_samples

    def sample(self, index: int) -> PackedSample:
        """Return a sample; the same index gives the same sample in every process."""
        part, rank = self.deal.locate(index)
        epoch, window = self.streams[part].locate(rank)
        tokens = np.full(self._length, self._eos, dtype=np.int32)
        documents, length = list[DocumentSpan](), 0
        variant = self.streams[part].variant(epoch)
        for span in self.streams[part].spans(epoch, window):
            documents += self._copy(part, span, variant, tokens[length:], length)
            length += span.stop - span.start
        return PackedSample(
            tokens=tokens,
            length=length,
            component=self.groups[part].component,
            epoch=epoch,
            documents=tuple(documents),
        )

    def block(self, part: int, number: int, *, variant: int = 0) -> Block:
        """Return what a group has of a block, both given by their numbers."""
        group = self.groups[part]
        return self.cache.read(*group.place(number), variant, group.rows)

    def _stream(self, part: int) -> ComponentStream:
        group = self.groups[part]

        def row_lengths(block: int, variant: int) -> IntArray:
            return self.cache.row_lengths(*group.place(block), variant, group.rows)

        return ComponentStream(
            group.name,
            group.block_tokens[0],
            self._made_from[2],
            later=group.block_tokens[1:],
            row_lengths=row_lengths,
        )

    def _copy(
        self, part: int, span: Span, variant: int, target: npt.NDArray[np.int32], at: int
    ) -> list[DocumentSpan]:
        """Copy a span to the front of the target, place `at`; return the documents it covers."""
        shard, row_group = self.groups[part].place(span.block)
        block = self.block(part, span.block, variant=variant)
        target[: span.stop - span.start] = block.tokens[span.start : span.stop]
        documents = []
        for row in block.rows_between(span.start, span.stop):
            row_start = int(block.row_starts[row])
            first = max(row_start, span.start)
            place = at + first - span.start
            identity, number = block.doc_id(row), block.number(row)
            documents.append(
                DocumentSpan(place, first - row_start, identity, shard.path, row_group, number)
            )
        return documents
