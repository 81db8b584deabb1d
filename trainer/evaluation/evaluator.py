"""The model that a run trains, measured on held-out documents while it trains, on all its ranks."""

from collections.abc import Collection

import torch
from torch import Tensor

from ...corpus.errors import GristmillError
from ...corpus.held_out import read_held_out, read_manifest
from ...corpus.tokenizer import load_tokenizer
from ...corpus.vocabulary import build_tokenizer
from ..data.stage_data import StageData
from ..parallel.mesh import Mesh
from ..parallel.replica import Replica
from ..recipe import TrainRecipe
from .evaluate import Ranks, RowShape, evaluate
from .scores import Evaluation


class Evaluator:
    """Measures one run's model on the documents that its build, or another one, holds out.

    The documents are read anew each time: held is what `max_tokens_per_language` lets through.
    """

    def __init__(
        self, recipe: TrainRecipe, mesh: Mesh, replica: Replica, stages: list[StageData]
    ) -> None:
        self._recipe, self._mesh, self._replica = recipe, mesh, replica
        self._build = recipe.evaluation.build or recipe.build
        manifest = read_manifest(self._build)
        if manifest.tokenizer != stages[0].mixture.tokenizer:
            raise GristmillError(
                f"its vocabulary is {manifest.tokenizer_name}, and training's is "
                f"{stages[0].mixture.tokenizer_name}",
                where=self._build,
                todo="Name a build with the same vocabulary as evaluation.build.",
            )
        mixture = stages[0].mixture
        self._tokenizer = load_tokenizer(build_tokenizer(stages[0].source.build, mixture))

    def evaluate(self, *, only: Collection[bytes] | None = None) -> Evaluation:
        """Return all scores; the same on every rank."""
        length, num_rows = self._recipe.stage[0].sequence_length, self._recipe.micro_batch_sequences
        return evaluate(
            read_held_out(self._build),
            self._replica.evaluate_batch,
            self._replica.next_ids,
            self._tokenizer,
            self._recipe.evaluation,
            shape=RowShape(length, num_rows),
            only=only,
            ranks=Ranks(self._mesh.data_rank, self._mesh.data, self._add_up),
        )

    def _add_up(self, sums: Tensor) -> Tensor:
        """Return the sums of all data ranks; ranks that share sequences have the same ones."""
        sums = sums.to(self._mesh.device)
        if not self._mesh.counts:
            sums = torch.zeros_like(sums)
        return self._mesh.sum(sums).cpu()
