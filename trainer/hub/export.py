"""A run's last checkpoint as a Hugging Face folder, on any machine with room for one weight."""

from collections.abc import Iterator

import torch

from ...corpus.errors import GristmillError
from ...corpus.mixture import read_mixture
from ...corpus.vocabulary import build_tokenizer
from ..data.data_state import kept_manifest
from ..model.model import Model
from ..model.shapes import ModelSettings
from ..parallel.checkpoint import latest, read_weights
from ..parallel.mesh import Mesh
from ..recipe import TrainRecipe
from ..run_state import read_run_state
from ..schedule import data_sources
from .folder import write_checkpoint
from .tokenizer_files import tokenizer_files


def export_checkpoint(recipe: TrainRecipe, folder: str) -> str:
    """Write the run's last checkpoint and its tokenizer to a new folder; return which one it was.

    Weights are in bf16.

    Raises:
        GristmillError: the run has no checkpoint, it is damaged, the folder exists, or the build
            has lost its vocabulary.
    """
    path = latest(recipe.out)
    if not path:
        raise GristmillError(
            "the run has no checkpoint yet",
            where=recipe.out,
            todo="Train with the recipe first.",
        )
    manifest = read_run_state(path, recipe).data.stages[0].manifest
    mixture = read_mixture(kept_manifest(recipe.out, manifest))
    source = build_tokenizer(data_sources(recipe)[0].build, mixture)
    extras = tokenizer_files(source, max_tokens=recipe.model.max_position_embeddings)
    with Mesh() as mesh:
        weights = read_weights(path, _shapes(recipe.model), mesh)
        write_checkpoint(folder, recipe.model, weights, sentinels=mixture.sentinels, extras=extras)
    return path


def _shapes(settings: ModelSettings) -> Iterator[tuple[str, torch.Size]]:
    with torch.device("meta"):
        whole = Model(settings)
    for name, weight in whole.named_parameters():
        yield name, weight.shape
