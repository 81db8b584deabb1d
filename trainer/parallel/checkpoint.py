"""Checkpoints of all ranks together: written beside, put in place whole, read under any layout.

    OUT/checkpoints/step-00001000/      .metadata, a file of each rank, state.json, sums.json
    OUT/checkpoints/step-00001000.part  one that is being written or removed, or whose writer died

Weights and AdamW's states have one name each in the whole run, and say which part of a weight they
are; so another number of ranks, or another split of layers and experts, finds its own parts.
"""

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import torch
from torch import Tensor, nn
from torch.distributed.checkpoint import state_dict_loader, state_dict_saver
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemReader, FileSystemWriter
from torch.distributed.checkpoint.metadata import Metadata
from torch.distributed.checkpoint.storage import WriteResult

from ...corpus.errors import GristmillError
from .checksums import Checksums, checksum, registry
from .mesh import Mesh
from .replica import Replica

_FOLDER: Final = "checkpoints"
_STATE: Final = "state.json"
_METADATA: Final = ".metadata"
_SUMS: Final = "sums.json"  # checksums of the two
_NAME: Final = re.compile(r"step-(\d{8,})")
_PART: Final = ".part"

_Content = dict[str, dict[str, Tensor]]


class Run(NamedTuple):
    """What a checkpoint is of."""

    replica: Replica
    optimizer: torch.optim.AdamW


class Checkpoints:
    """The checkpoints of one run; every rank calls every method.

    Args:
        out: the run's folder, on a disk that all ranks share.
        keep: how many of the last ones stay.
        background: copy the states, and write them while training goes on.
    """

    def __init__(self, out: str, mesh: Mesh, *, keep: int, background: bool) -> None:
        self._folder, self._mesh, self._keep = Path(out) / _FOLDER, mesh, keep
        self._background = background
        self._thread: Final = ThreadPoolExecutor(1)
        self._written: Future[None] | None = None

    def save(self, step: int, run: Run, state: bytes) -> None:
        """Write a checkpoint; `state` is JSON, what a run goes on from besides its tensors."""
        self.wait()
        writer = _Writer(self._folder / f"step-{step:08d}", state, keep=self._keep)
        content = _content(run)
        if not self._background:
            self._write(content, writer)
            return
        self._written = self._thread.submit(self._write, writer.stage(content), writer)

    def wait(self) -> None:
        """Return when the last checkpoint is in place, or raise why it is not."""
        written, self._written = self._written, None
        if written is not None:
            written.result()

    def close(self) -> None:
        """Wait, and write no more."""
        try:
            self.wait()
        finally:
            self._thread.shutdown()

    def _write(self, content: Mapping[str, object], writer: "_Writer") -> None:
        try:
            state_dict_saver.save(
                dict(content), storage_writer=writer, process_group=self._mesh.background_group
            )
        except CheckpointException as error:
            raise GristmillError(
                f"the checkpoint was not written: {_cause(error)}",
                where=str(writer.place),
                todo="See that the disk has room and that all ranks reach it.",
            ) from error


def latest(out: str) -> str:
    """Return the folder of a run's last complete checkpoint; without one, an empty string."""
    complete = _complete(Path(out) / _FOLDER)
    return str(complete[-1]) if complete else ""


def read_state(path: str) -> bytes:
    """Return a checkpoint's JSON."""
    return _read_whole(path, _STATE)


def load(path: str, replica: Replica, optimizer: torch.optim.AdamW | None = None) -> None:
    """Fill a replica, and an optimizer of its weights if given, whatever layout wrote the path."""
    content = _content(Run(replica, optimizer)) if optimizer else {"model": _weights(replica)}
    _read_whole(path, _METADATA)
    _load(path, content, replica.mesh)


def read_weights(
    path: str, shapes: Iterable[tuple[str, torch.Size]], mesh: Mesh
) -> Iterator[tuple[str, Tensor]]:
    """Yield the whole of each weight with its name, on the CPU, one at a time."""
    _read_whole(path, _METADATA)
    for name, shape in shapes:
        weight = torch.empty(shape)
        _load(path, {"model": {name: weight}}, mesh)
        yield name, weight


def _load(path: str, content: Mapping[str, object], mesh: Mesh) -> None:
    """Fill tensors from a checkpoint whose metadata is whole."""
    group = mesh.background_group
    reader = FileSystemReader(path, _extension_registry=registry())
    try:
        state_dict_loader.load(dict(content), storage_reader=reader, process_group=group)
    except CheckpointException as error:
        raise _damaged(path, _cause(error)) from error


class _Writer(FileSystemWriter):
    """Writes beside the place; one rank is told when all have written, and puts it in place."""

    def __init__(self, place: Path, state: bytes, *, keep: int) -> None:
        super().__init__(place.with_name(place.name + _PART), _extensions=[Checksums()])
        self.place, self._state, self._keep = place, state, keep

    def finish(self, metadata: Metadata, results: list[list[WriteResult]]) -> None:
        """Complete the checkpoint, and remove old ones and unfinished ones."""
        part = Path(self.path)
        super().finish(metadata, results)
        (part / _STATE).write_bytes(self._state)
        sums = {name: checksum((part / name).read_bytes()) for name in (_METADATA, _STATE)}
        (part / _SUMS).write_bytes(msgspec.json.encode(sums))
        if self.place.exists():
            _remove(self.place)
        part.rename(self.place)
        folder = self.place.parent
        for old in _complete(folder)[: -self._keep]:
            _remove(old)
        for unfinished in folder.glob(f"*{_PART}"):
            shutil.rmtree(unfinished)


def _content(run: Run) -> dict[str, _Content | dict[str, Tensor]]:
    """Return what to write, or where to read to: the tensors themselves."""
    states = {
        name: _optimizer_state(run.optimizer, weight)
        for name, weight in run.replica.named_parameters()
    }
    return {"model": _weights(run.replica), "optimizer": states}


def _weights(replica: Replica) -> dict[str, Tensor]:
    return {name: weight.detach() for name, weight in replica.named_parameters()}


def _optimizer_state(optimizer: torch.optim.AdamW, weight: nn.Parameter) -> dict[str, Tensor]:
    """Return AdamW's state of a weight, which before the first step has yet to be made."""
    state: dict[str, Tensor] = optimizer.state[weight]
    if not state:
        state["step"] = torch.zeros((), dtype=torch.float32)
        state["exp_avg"] = torch.zeros_like(weight.detach())
        state["exp_avg_sq"] = torch.zeros_like(weight.detach())
    return dict(state)


def _complete(folder: Path) -> list[Path]:
    """Return the complete checkpoints, first one first."""
    found = [(match, path) for path in folder.glob("*") if (match := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted((int(match[1]), path) for match, path in found)]


def _remove(checkpoint: Path) -> None:
    """Remove a checkpoint; half removed, it is no complete one."""
    part = checkpoint.with_name(f"{checkpoint.name}-removed{_PART}")
    checkpoint.rename(part)
    shutil.rmtree(part)


def _cause(error: CheckpointException) -> str:
    """Return the first rank's error."""
    rank, (cause, _) = min(error.failures.items(), key=lambda item: item[0])
    return f"rank {rank}: {cause}" if len(str(cause)) < 500 else f"rank {rank}: {str(cause)[:500]}"


def _read_whole(path: str, name: str) -> bytes:
    """Return one of the two files that have a checksum each."""
    try:
        data = (Path(path) / name).read_bytes()
        sums = msgspec.json.decode((Path(path) / _SUMS).read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError) as error:
        raise _damaged(path, str(error)) from None
    if sums.get(name) != checksum(data):
        raise _damaged(path, f"{name} does not have the checksum that was written")
    return data


def _damaged(path: str, what: str) -> GristmillError:
    return GristmillError(
        f"the checkpoint is damaged, or of another model: {what}",
        where=path,
        todo="Remove it to go on from the one before, or name the recipe that wrote it.",
    )
