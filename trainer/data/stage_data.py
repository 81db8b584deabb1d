"""The data sets that a run reads: each stage's mixture, checked before the first step is taken."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from ...corpus import deepseek
from ...corpus.errors import GristmillError
from ...corpus.mixture import Mixture, read_mixture
from ...corpus.packing import PackedDataset
from ...corpus.storage import exists
from ...corpus.tokenizer_file import file_tokens, is_byte_level, read_tokenizer
from ...corpus.vocabulary import build_tokenizer
from ..recipe import TrainRecipe
from ..schedule import DataSource, data_sources


class StageData(NamedTuple):
    """What one stage reads; stages with equal sources share the data set and its cache."""

    source: DataSource
    mixture: Mixture
    samples: PackedDataset

    def reopened(self) -> PackedDataset:
        """Return the data set with a cache of its own, for another thread."""
        return PackedDataset(self.mixture, self.source.build, self.source.packing)


def open_stages(recipe: TrainRecipe) -> list[StageData]:
    """Open what each stage reads.

    Raises:
        GristmillError: a mixture is missing, has an empty component, fewer tokens than a sequence,
            or ids that the model or another stage's vocabulary has no place for.
    """
    opened: dict[DataSource, StageData] = {}
    sources = data_sources(recipe)
    for source in sources:
        if source not in opened:
            mixture = _read_mixture(source.mixture)
            length = source.packing.sequence_length
            _raise_first(_faults(mixture, length, recipe.model.vocab_size), source.mixture)
            samples = PackedDataset(mixture, source.build, source.packing)
            opened[source] = StageData(source, mixture, samples)
    _check_one_vocabulary(opened)
    return [opened[source] for source in sources]


def token_bytes(stage: StageData, vocab_size: int) -> Tensor:
    """Return how many bytes of text each id stands for, sentinels none; shape (vocab_size,).

    Where the vocabulary is not byte-level nobody knows, and all have none.
    """
    source = build_tokenizer(stage.source.build, stage.mixture)
    num_bytes = torch.zeros(vocab_size, dtype=torch.int64)
    if source.file is None:
        tokens = deepseek.token_bytes(deepseek.read_vocabulary(deepseek.read_file()))
    else:
        data = read_tokenizer(source)
        if not is_byte_level(data, source.file):
            return num_bytes
        tokens = file_tokens(data, source.file)
    lengths = torch.from_numpy(tokens.starts).diff()
    num_bytes[: len(lengths)] = lengths
    return num_bytes


def _read_mixture(url: str) -> Mixture:
    if not exists(url):
        raise GristmillError(
            "there is no such mixture",
            where=url,
            todo="Build it with `gristmill build`, or name the folder of a build.",
        )
    return read_mixture(url)


def _faults(mixture: Mixture, length: int, vocab_size: int) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a mixture for sequences of a length, and what to do."""
    if mixture.vocab_size > vocab_size:
        yield (
            f"its vocabulary, {mixture.tokenizer_name}, has {mixture.vocab_size:,} ids, and the "
            f"model {vocab_size:,}",
            f"Give the recipe a [shape] with a vocab_size of {mixture.vocab_size} or more.",
        )
    wanted = [component for component in mixture.components if component.target_tokens]
    if not wanted:
        yield "the mixture has no component", "Build one with tokens."
    for component in wanted:
        num_tokens = sum(sum(shard.block_tokens) for shard in component.shards)
        if not num_tokens:
            yield (
                f"{component.name} is to give {component.target_tokens:,} tokens and has none",
                f"Add a source of {component.name} to the build, or set its weight to 0.",
            )
        elif num_tokens < length:
            yield (
                f"{component.name} has {num_tokens:,} tokens, fewer than a sequence of {length:,}",
                "Shorten the sequences, or train on a larger build.",
            )


def _raise_first(faults: Iterator[tuple[str, str]], where: str) -> None:
    for what, todo in faults:
        raise GristmillError(what, where=where, todo=todo)


def _check_one_vocabulary(opened: Mapping[DataSource, StageData]) -> None:
    first, *others = opened.values()
    for other in others:
        if other.mixture.tokenizer != first.mixture.tokenizer:
            raise GristmillError(
                f"its vocabulary is {other.mixture.tokenizer_name}, and that of "
                f"{first.source.mixture} is {first.mixture.tokenizer_name}",
                where=other.source.mixture,
                todo="Build what one run reads with one vocabulary.",
            )
