"""One rank's share of the model: it takes its data rank's batches, and gives gradients and losses.

Legend: B sequences of a data rank, T tokens of a sequence, E experts.
Whatever the layout, gradients are those of one sum over the whole batch: every rank's losses are
divided by the number of targets of all, and what ranks share is added up.
"""

from typing import Final

import msgspec
import torch
from torch import Tensor, nn

from ...corpus.errors import GristmillError
from ..model.model import Layer, Model, plain_order
from ..model.moe import MoE, local
from ..model.shapes import ModelSettings
from ..recipe import PipelineSchedule
from .batch import Batch, share
from .context_parallel import SharedSequence
from .expert_parallel import AllToAll, keep_own_experts
from .mesh import Mesh
from .pipeline import STAGES_PER_RANK, Pipeline, layers_of_stages, stages_of_rank
from .sharding import DTYPES, Precision, Zero, keep_gradients, release, shard
from .weights import InitialWeights, fill


class ReplicaOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a batch passes through; none of these changes what is learned, but for rounding.

    Args:
        zero: see sharding.py.
        precision: what is multiplied in; weights and sums of gradients are fp32.
        recompute: keep each layer's input alone, and compute the layer again on the way back.
        compile: compile attention and networks, where no message interrupts them.
        micro_batch_sequences: how many sequences pass through at once.
        schedule: of a pipeline.
    """

    zero: Zero = 1
    precision: Precision = "fp32"
    recompute: bool = False
    compile: bool = False
    micro_batch_sequences: int = 1
    schedule: PipelineSchedule = "1f1b"


class Replica:
    """A model of which this rank has a share: `parts`, its pipeline stages, or all layers."""

    def __init__(
        self, settings: ModelSettings, mesh: Mesh, options: ReplicaOptions, *, seed: int
    ) -> None:
        self.settings, self.mesh, self.options = settings, mesh, options
        self.parts: Final = [
            _build(settings, layers, mesh, options)
            for layers in _layers_of_rank(settings, mesh, options)
        ]
        self._pipeline: Final = (
            None
            if mesh.pipeline == 1
            else Pipeline(
                self.parts,
                mesh,
                options.schedule,
                micro_batch_sequences=options.micro_batch_sequences,
                dtype=DTYPES[options.precision],
            )
        )
        fill(self.named_parameters(), InitialWeights(seed, settings.initializer_range))

    def named_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """Return the weights of this rank's layers, of each what is here."""
        return [pair for part in self.parts for pair in part.named_parameters()]

    def parameters(self) -> list[nn.Parameter]:
        """Return the same without names: fp32, for the optimizer."""
        return [weight for _, weight in self.named_parameters()]

    def train_batch(
        self,
        tokens_BT: Tensor,
        positions_BT: Tensor,
        documents_BT: Tensor,
        targets_BT: Tensor,
        *,
        num_targets: int,
        num_sequences: int,
    ) -> Tensor:
        """Add the gradient of this data rank's sequences, and return each token's loss (B, T).

        Args:
            num_targets: of the whole batch, all data ranks together.
            num_sequences: of the same; balance losses are a mean over them.
        """
        batch = share(tokens_BT, positions_BT, documents_BT, targets_BT, self.mesh)
        scale = 1 / num_sequences / self.mesh.context
        if self._pipeline is None:
            return self._whole(self._train(batch, num_targets=num_targets, balance_scale=scale))
        self._scale_balance(scale * self._pipeline.micro_batch_sequences(batch))
        return self._whole(self._pipeline.train(batch, num_targets=num_targets))

    @torch.no_grad()
    def evaluate_batch(
        self, tokens_BT: Tensor, positions_BT: Tensor, documents_BT: Tensor, targets_BT: Tensor
    ) -> Tensor:
        """Return each token's loss (B, T)."""
        batch = share(tokens_BT, positions_BT, documents_BT, targets_BT, self.mesh)
        if self._pipeline is not None:
            losses_BT = self._pipeline.evaluate(batch)
        else:
            micro_batches = batch.split(self.options.micro_batch_sequences)
            losses_BT = torch.cat([self.parts[0](*micro) for micro in micro_batches])
        for part in self.parts:
            release(part)
        return self._whole(losses_BT)

    @torch.no_grad()
    def next_ids(
        self, tokens_BT: Tensor, positions_BT: Tensor, documents_BT: Tensor, last_B: Tensor
    ) -> Tensor:
        """Return the most likely token after the one at `last_B` of each sequence, (B,).

        All ranks ask for the same sequences, which none of them shares.
        """
        assert self.mesh.pipeline == self.mesh.context == 1, "the recipe is refused"
        device = self.mesh.device
        tokens_BT, positions_BT, documents_BT, last_B = (
            x.to(device) for x in (tokens_BT, positions_BT, documents_BT, last_B)
        )
        order_T = plain_order(tokens_BT)
        logits_BV = self.parts[0](tokens_BT, positions_BT, documents_BT, order_T, last_B=last_B)
        release(self.parts[0])
        ids_B: Tensor = logits_BV.argmax(-1)
        return ids_B

    @torch.no_grad()
    def clip(self, max_norm: float) -> float:
        """Scale the gradient down to a norm of `max_norm`, and return the norm that it had.

        Every number of it lies on one rank, so that the sum over ranks counts each once.
        """
        grads = [local(weight.grad) for weight in self.parameters() if weight.grad is not None]
        square = torch.nn.utils.get_total_norm(grads).to(self.mesh.device).double().square()
        norm = self.mesh.sum(square).sqrt()
        scale = (max_norm / (norm + 1e-6)).clamp(max=1.0).float()
        torch._foreach_mul_(grads, scale)
        return float(norm)

    @torch.no_grad()
    def expert_load(self) -> Tensor:
        """Return how often each expert was chosen since the last call, (layers with experts, E)."""
        settings = self.settings
        numbers = [i for i in range(settings.num_hidden_layers) if settings.is_moe(i)]
        load = torch.zeros(len(numbers), settings.n_routed_experts, device=self.mesh.device)
        for part in self.parts:
            for number, moe in part.moe_layers():
                load[numbers.index(number)] = moe.load_E
                moe.load_E.zero_()
        return self.mesh.sum(load)

    def _train(self, batch: Batch, *, num_targets: int, balance_scale: float) -> Tensor:
        """Take micro-batches one after another through all layers."""
        (model,), losses = self.parts, []
        micro_batches = list(batch.split(self.options.micro_batch_sequences))
        for i, micro in enumerate(micro_batches):
            self._scale_balance(len(micro.tokens_BT) * balance_scale)
            is_last = i == len(micro_batches) - 1
            keep_gradients(model, until_last=self.options.zero == 1, is_last=is_last)
            losses_BT = model(*micro)
            (losses_BT.sum() / num_targets).backward()
            losses.append(losses_BT.detach())
        return torch.cat(losses)

    def _whole(self, losses_BT: Tensor) -> Tensor:
        """Return the losses of whole sequences, which this rank may have computed in part."""
        if self.mesh.context == 1:
            return losses_BT
        return SharedSequence(self.mesh.context_group).gather_losses(losses_BT)

    def _scale_balance(self, scale: float) -> None:
        for part in self.parts:
            for _, moe in part.moe_layers():
                moe.balance_scale = scale


def _layers_of_rank(settings: ModelSettings, mesh: Mesh, options: ReplicaOptions) -> list[range]:
    """Return the layers of each stage that this rank has."""
    if mesh.pipeline == 1:
        return [range(settings.num_hidden_layers)]
    faults = {
        "pipelines keep weights and gradients whole for a step": options.zero != 1,
        "a compiled layer has no backward pass in two halves": (
            options.compile and options.schedule == "zero_bubble"
        ),
    }
    for what, is_so in faults.items():
        if is_so:
            raise GristmillError(
                what, where="mesh", todo="Take zero = 1 and, where layers are compiled, 1f1b."
            )
    stages = layers_of_stages(settings, mesh.pipeline * STAGES_PER_RANK[options.schedule])
    return [stages[number] for number in stages_of_rank(mesh, options.schedule)]


def _build(settings: ModelSettings, layers: range, mesh: Mesh, options: ReplicaOptions) -> Model:
    """Return a part of the model with room for its weights, of which this rank holds its own."""
    with torch.device("meta"):
        part = Model(settings, layers)
    part.recompute, part.context_rank = options.recompute, mesh.context_rank
    for layer in part.model.layers.values():
        assert isinstance(layer, Layer)
        _connect(layer, mesh)
        if options.compile:
            _compile(layer, options.precision)
    if mesh.data * mesh.context > 1 or options.precision == "bf16":
        shard(part, mesh, zero=options.zero, precision=options.precision)
    part.to_empty(device=mesh.device)
    for _, moe in part.moe_layers():
        moe.load_E.zero_()
    return part


def _connect(layer: Layer, mesh: Mesh) -> None:
    """Let a layer's attention and experts reach other ranks."""
    if mesh.context > 1:
        layer.self_attn.context = sequence = SharedSequence(mesh.context_group)
    if not isinstance(layer.mlp, MoE):
        return
    if mesh.context > 1:
        layer.mlp.average = sequence.average
    if mesh.expert > 1:
        keep_own_experts(layer.mlp.experts, mesh.experts["expert"])
        layer.mlp.dispatch = AllToAll(mesh.experts["expert"].get_group())


def _compile(layer: Layer, precision: Precision) -> None:
    """Compile what no message interrupts; PyTorch compiles grouped products in bf16 alone."""
    networks = [layer.mlp]
    if isinstance(layer.mlp, MoE):
        networks = [layer.mlp.shared_experts]
        if layer.mlp.dispatch is None and precision == "bf16":
            networks.append(layer.mlp.experts)
    if layer.self_attn.context is None:
        networks.append(layer.self_attn)
    for network in networks:
        network.compile()
