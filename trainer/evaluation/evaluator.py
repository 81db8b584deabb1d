"""The model that a run trains, measured on held-out documents while it trains, on all its ranks."""

from collections.abc import Collection

import torch
from torch import Tensor

from ...corpus.errors import GristmillError
from ...corpus.held_out import read_held_out, read_manifest
from ...corpus.tokenizer import load_tokenizer
from ...corpus.tokenizer_info import TokenizerSource
from ...corpus.vocabulary import build_tokenizer
from ..data.stage_data import StageData
from ..parallel.mesh import Mesh
from ..parallel.replica import Replica
from ..recipe import TrainRecipe
from .evaluate import Ranks, RowShape, evaluate
from .held_out_rows import choose_documents
from .infilling import hole_marks
from .scores import Evaluation


class Evaluator:
    """Measures one run's model on the documents that its build, or another one, holds out.

    The documents are read anew each time: held is what `max_tokens_per_language` lets through.
    """

    def __init__(
        self,
        recipe: TrainRecipe,
        mesh: Mesh,
        replica: Replica,
        stages: list[StageData],
        *,
        only: Collection[bytes] | None = None,
    ) -> None:
        check_examples(recipe, stages, only=only)
        self._recipe, self._mesh, self._replica, self._only = recipe, mesh, replica, only
        self._tokenizer = load_tokenizer(_vocabulary(stages))

    def evaluate(self) -> Evaluation:
        """Return all scores; the same on every rank."""
        length, num_rows = self._recipe.stage[0].sequence_length, self._recipe.micro_batch_sequences
        return evaluate(
            read_held_out(_build(self._recipe)),
            self._replica.evaluate_batch,
            self._replica.next_ids,
            self._tokenizer,
            self._recipe.evaluation,
            shape=RowShape(length, num_rows),
            only=self._only,
            ranks=Ranks(self._mesh.data_rank, self._mesh.data, self._add_up),
        )

    def _add_up(self, sums: Tensor) -> Tensor:
        """Return the sums of all data ranks; ranks that share sequences have the same ones."""
        sums = sums.to(self._mesh.device)
        if not self._mesh.counts:
            sums = torch.zeros_like(sums)
        return self._mesh.sum(sums).cpu()


def check_examples(
    recipe: TrainRecipe, stages: list[StageData], *, only: Collection[bytes] | None = None
) -> None:
    """Raise GristmillError unless something can be measured: before training, not after it."""
    build, settings, vocabulary = _build(recipe), recipe.evaluation, _vocabulary(stages).info
    manifest = read_manifest(build)
    if manifest.tokenizer != vocabulary.digest:
        raise GristmillError(
            f"its vocabulary is {manifest.tokenizer_name}, and training's is {vocabulary.name}",
            where=build,
            todo="Name a build with the same vocabulary as evaluation.build.",
        )
    if settings.fim_samples:
        hole_marks(vocabulary)
    limit = settings.max_tokens_per_language
    chosen = choose_documents(read_held_out(build), max_tokens=limit, only=only)
    if not chosen:
        raise GristmillError(
            "no document is held out",
            where=build,
            todo="Raise held_out.fraction in its recipe and build again.",
        )
    if not any(found.documents for found in chosen.values()):
        raise GristmillError(
            f"no language has held-out documents that fit into {limit:,} tokens",
            where=build,
            todo="Raise evaluation.max_tokens_per_language.",
        )


def _build(recipe: TrainRecipe) -> str:
    return recipe.evaluation.build or recipe.build


def _vocabulary(stages: list[StageData]) -> TokenizerSource:
    return build_tokenizer(stages[0].source.build, stages[0].mixture)
