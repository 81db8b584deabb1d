"""Which rank does what: the process group, and the ranks that each rank works with.

Ranks are numbered pipeline part by pipeline part, within it data rank by data rank, within it part
by part of the sequence. The ranks of one pipeline part (`dense`, data x context of them) share its
weights. Each run of `expert` of them holds all experts once; ranks at the same place of each run
(`expert_data`) share the same experts.
"""

import itertools
import os
from functools import cache
from types import TracebackType
from typing import Final

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import Store
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from ...corpus.errors import GristmillError

_WHERE: Final = "mesh"


class Mesh:
    """One rank's place among all; a rank alone makes no process group before one is asked for.

    Args:
        data: ranks that read samples of their own; without it, as many as the launch leaves.
        expert: into how many parts each layer's experts are split; divides data x context.
        pipeline: into how many parts the layers are split.
        context: into how many parts a sequence is split.
    """

    def __init__(
        self, *, data: int | None = None, expert: int = 1, pipeline: int = 1, context: int = 1
    ) -> None:
        self.world_size = int(os.environ.get("WORLD_SIZE", "1"))  # torchrun's word
        self.rank = int(os.environ.get("RANK", "0"))
        self.data = _data_ranks(self.world_size, data, pipeline * context)
        self.pipeline, self.context, self.expert = pipeline, context, expert
        if self.data * context % expert != 0:
            raise GristmillError(
                f"experts in {expert} parts do not spread over {self.data * context} ranks "
                "(data x context)",
                where=f"{_WHERE}.expert",
                todo="Take a number that divides them.",
            )
        self.context_rank = self.rank % context
        self.data_rank = self.rank // context % self.data
        self.pipeline_rank = self.rank // (context * self.data)
        self.device = _device()
        self._made_group = False
        self._meshes: dict[tuple[str, ...], DeviceMesh] = {}
        self._background_group: dist.ProcessGroup | None = None
        if self.world_size > 1:
            # Making a group takes all ranks, so all make the same ones now, in the same order.
            _ = self.dense, self.experts, self._axes, self.background_group

    @property
    def counts(self) -> bool:
        """Whether this rank speaks for its data rank: others have the same sequences."""
        return self.pipeline_rank == 0 and self.context_rank == 0

    @property
    def dense(self) -> DeviceMesh:
        """The ranks that have the same layers."""
        return self._mesh(pipeline=self.pipeline, dense=self.data * self.context)["dense"]

    @property
    def experts(self) -> DeviceMesh:
        """The same ranks with two axes, `expert_data` and `expert`."""
        runs = self.data * self.context // self.expert
        mesh = self._mesh(pipeline=self.pipeline, expert_data=runs, expert=self.expert)
        return mesh["expert_data", "expert"]

    @property
    def pipeline_group(self) -> dist.ProcessGroup:
        """The ranks that together have all layers, first part first."""
        return self._axes["pipeline"].get_group()

    @property
    def context_group(self) -> dist.ProcessGroup:
        """The ranks that together have the same sequences."""
        return self._axes["context"].get_group()

    @property
    def background_group(self) -> dist.ProcessGroup:
        """All ranks, for messages that a second thread sends while the first one trains."""
        if not dist.is_initialized():
            self._make_group()
        if self._background_group is None:
            self._background_group = dist.new_group(backend="gloo")
        assert self._background_group is not None
        return self._background_group

    def sum(self, x: Tensor) -> Tensor:
        """Return the sum over all ranks; `x` may become it."""
        if self.world_size > 1:
            dist.all_reduce(x)
        return x

    def most(self, x: Tensor) -> Tensor:
        """Return the greatest of all ranks; `x` may become it."""
        if self.world_size > 1:
            dist.all_reduce(x, op=dist.ReduceOp.MAX)
        return x

    def any(self, *, is_true: bool) -> bool:
        """Return whether something is true on any rank."""
        return bool(self.most(torch.tensor(int(is_true), device=self.device)))

    def union(self, numbers: list[int]) -> list[int]:
        """Return the numbers of all ranks, each once, in order."""
        found = [numbers]
        if self.world_size > 1:
            found = [[] for _ in range(self.world_size)]
            dist.all_gather_object(found, numbers)
        return sorted({number for each in found for number in each})

    def barrier(self) -> None:
        """Wait for all ranks."""
        if self.world_size > 1:
            self.sum(torch.zeros((), device=self.device)).item()

    def close(self) -> None:
        """Leave the process group, if this made one."""
        if self._made_group:
            dist.destroy_process_group()
            self._made_group = False
            self._meshes.clear()
            self._background_group = None

    def __enter__(self) -> "Mesh":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def _axes(self) -> DeviceMesh:
        return self._mesh(pipeline=self.pipeline, data=self.data, context=self.context)

    def _mesh(self, **sizes: int) -> DeviceMesh:
        """Return a mesh of all ranks, made once."""
        if not dist.is_initialized():
            self._make_group()
        names = tuple(sizes)
        if names not in self._meshes:
            self._meshes[names] = init_device_mesh(
                self.device.type, tuple(sizes.values()), mesh_dim_names=names
            )
        return self._meshes[names]

    def _make_group(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)
        backend = "cpu:gloo,cuda:nccl" if self.device.type == "cuda" else "gloo"
        # What an earlier mesh of this process left in the store must not be taken for this one's,
        # nor the addresses of ranks that died before torchrun started them again.
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        name = f"attempt-{attempt}/mesh-{next(_NUMBERS)}"
        store = dist.PrefixStore(name, _store(self.world_size))
        dist.init_process_group(backend, store=store, rank=self.rank, world_size=self.world_size)
        self._made_group = True


_NUMBERS: Final = itertools.count()


@cache
def _store(world_size: int) -> Store:
    """Return where the ranks of a launch find each other."""
    if world_size == 1:
        return dist.HashStore()
    store: Store = next(iter(dist.rendezvous("env://")))[0]
    return store


def _data_ranks(world_size: int, data: int | None, others: int) -> int:
    found = world_size // others if data is None else data
    if found * others != world_size or found == 0:
        wanted = f"a multiple of {others}" if data is None else f"{data * others}"
        raise GristmillError(
            f"the mesh takes {wanted} ranks, and {world_size} were launched",
            where=_WHERE,
            todo="Launch as many, or change the mesh.",
        )
    return found


def _device() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")
