"""Weights that ranks share: FSDP2 around each layer, and what each stage of ZeRO keeps whole.

All ranks keep a part of the fp32 weights, gradients and optimizer states. For a micro-batch's
forward and backward pass weights are gathered, in the precision that is multiplied in; gradients
are summed in fp32. `zero` says for how long weights and gradients are whole:

    3   weights for a layer's forward pass, and again for its backward pass
    2   weights from a layer's forward pass to its backward pass
    1   weights and gradients from the first micro-batch to the last, so that both travel once a
        step; a pipeline, which has many micro-batches under way, takes this one alone
"""

from typing import Final, Literal

import torch
from torch import nn
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import Shard

from ..model.model import Layer, Model
from ..model.moe import MoE, local
from .mesh import Mesh

Zero = Literal[1, 2, 3]
Precision = Literal["bf16", "fp32"]

DTYPES: Final = {"bf16": torch.bfloat16, "fp32": torch.float32}


def shard(part: Model, mesh: Mesh, *, zero: Zero, precision: Precision) -> None:
    """Share a part of the model, on any device, among the ranks that have the same layers.

    A gate keeps its fp32 weights: choices of experts are not rounded.
    """
    # Angles of positions are inputs of a layer, and lose too much in bf16: no casts of inputs.
    policy = MixedPrecisionPolicy(
        param_dtype=DTYPES[precision], reduce_dtype=torch.float32, cast_forward_inputs=False
    )
    whole = MixedPrecisionPolicy(cast_forward_inputs=False)
    for layer in part.model.layers.values():
        assert isinstance(layer, Layer)
        if isinstance(layer.mlp, MoE):
            if mesh.expert > 1:
                _shard(layer.mlp.experts, mesh, "expert_data", policy, reshard=zero == 3)
            if precision == "bf16":
                _shard(layer.mlp.gate, mesh, "dense", whole, reshard=zero == 3)
        _shard(layer, mesh, "dense", policy, reshard=zero == 3)
    _shard(part, mesh, "dense", policy, reshard=False)


def keep_gradients(part: Model, *, until_last: bool, is_last: bool) -> None:
    """Say before a backward pass whether gradients wait for the passes after it."""
    if isinstance(part, FSDPModule):
        part.set_requires_gradient_sync(is_last or not until_last)
        part.set_reshard_after_backward(is_last or not until_last)


def release(part: Model) -> None:
    """Let whole weights go, which a forward pass without a backward pass keeps."""
    for module in part.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def _shard(
    module: nn.Module,
    mesh: Mesh,
    axis: Literal["dense", "expert_data"],
    policy: MixedPrecisionPolicy,
    *,
    reshard: bool,
) -> None:
    ranks = mesh.dense if axis == "dense" else mesh.experts["expert_data"]

    def placement(weight: nn.Parameter) -> Shard | None:
        """Cut experts across where their number does not divide evenly."""
        uneven = weight.dim() == 3 and len(local(weight)) % ranks.size() != 0
        return Shard(1) if uneven and weight.shape[1] % ranks.size() == 0 else None

    fully_shard(
        module,
        mesh=ranks,
        reshard_after_forward=reshard,
        mp_policy=policy,
        shard_placement_fn=placement,
    )
    assert isinstance(module, FSDPModule)
    module.set_gradient_divide_factor(1.0)
    module.set_force_sum_reduction_for_comms(True)  # gloo knows no sum that multiplies first
