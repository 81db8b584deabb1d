"""A trained model leaves for Hugging Face as the checkpoint has it."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch
from transformers import AutoModelForCausalLM

from gristmill.corpus.errors import GristmillError
from gristmill.trainer.data.data_state import data_state, keep_manifests
from gristmill.trainer.data.stage_data import open_stages
from gristmill.trainer.hub.export import export_checkpoint
from gristmill.trainer.model.shapes import ModelSettings
from gristmill.trainer.optimizer import make_optimizer
from gristmill.trainer.parallel.checkpoint import Checkpoints, Run
from gristmill.trainer.parallel.mesh import Mesh
from gristmill.trainer.parallel.replica import Replica, ReplicaOptions
from gristmill.trainer.recipe import OptimizerSettings, TrainRecipe
from gristmill.trainer.run_state import RunState
from gristmill.trainer.spikes import SpikeState

MakeRecipe = Callable[..., TrainRecipe]


def test_a_checkpoint_becomes_a_folder_that_transformers_reads(
    make_recipe: MakeRecipe, small_v2: ModelSettings, tmp_path: Path
) -> None:
    shape = msgspec.structs.replace(small_v2, vocab_size=102_400)
    recipe = make_recipe(shape=msgspec.to_builtins(shape))
    stages = open_stages(recipe)
    keep_manifests(recipe, stages)
    state = RunState(model=shape, data=data_state(recipe, stages, step=7), spikes=SpikeState())
    with Mesh() as mesh:
        replica = Replica(shape, mesh, ReplicaOptions(), seed=3)
        optimizer = make_optimizer(replica.named_parameters(), OptimizerSettings())
        checkpoints = Checkpoints(recipe.out, mesh, keep=1, background=False)
        checkpoints.save(7, Run(replica, optimizer), msgspec.json.encode(state))
        checkpoints.close()
    path = export_checkpoint(recipe, str(tmp_path / "hub"))
    assert path.endswith("step-00000007")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "hub").state_dict()
    for name, weight in replica.named_parameters():
        assert torch.equal(theirs[name], weight.detach().bfloat16()), name
    other = msgspec.structs.replace(recipe, shape=msgspec.structs.replace(shape, n_group=2))
    with pytest.raises(GristmillError, match="begun with a shape of n_group = 4"):
        export_checkpoint(other, str(tmp_path / "other"))


def test_a_run_without_a_checkpoint_has_nothing_to_export(
    make_recipe: MakeRecipe, tmp_path: Path
) -> None:
    with pytest.raises(GristmillError, match="no checkpoint yet"):
        export_checkpoint(make_recipe(), str(tmp_path / "hub"))
