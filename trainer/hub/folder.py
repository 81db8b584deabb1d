"""Checkpoints as DeepSeek published its own and transformers writes them: read and written.

On disk each expert has weights of its own; in the model those of all experts of a layer are one.
One tensor at a time is in memory, and a rank reads its own experts alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec
import torch
from torch import Tensor, nn

from ...corpus import storage
from ...corpus.errors import GristmillError
from ...corpus.tokenizer_info import Sentinels
from ..model.model import Model
from ..model.shapes import ModelSettings, differences
from ..parallel.weights import fill
from .config import CONFIG, config_of, read_config
from .files import Files
from .safetensors_file import num_bytes, write_safetensors

INDEX: Final = "model.safetensors.index.json"
SHARD_BYTES: Final = 5_000_000_000


class Piece(NamedTuple):
    """A tensor on disk as a part of a weight of the model: rows of one expert, or of all of it."""

    key: str
    shape: tuple[int, ...]
    expert: int | None
    row: int


class HubWeights:
    """The weights of a checkpoint, for `weights.fill`; a context, which closes the files."""

    def __init__(self, folder: str, settings: ModelSettings) -> None:
        _check_settings(settings, folder)
        self._files = Files(folder)
        self._files.check(checkpoint_shapes(settings))

    def __enter__(self) -> "HubWeights":
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def whole(self, name: str, _shape: torch.Size) -> Tensor:
        """Return a weight that no experts share."""
        return self._files.read(name)

    def expert(self, name: str, expert: int, shape: torch.Size) -> Tensor:
        """Return one expert's part of a weight of `shape` (E, F, D)."""
        return torch.cat([self._files.read(piece.key) for piece in _expert(name, expert, shape)])


def load_weights(model: nn.Module, folder: str, settings: ModelSettings) -> None:
    """Fill a model, or the part of it that is here, from a checkpoint."""
    with HubWeights(folder, settings) as source:
        fill(model.named_parameters(), source)


def pieces(name: str, shape: torch.Size) -> list[Piece]:
    """Return what a weight of the model is made of on disk."""
    if len(shape) < 3:
        return [Piece(name, tuple(shape), None, 0)]
    return [piece for i in range(shape[0]) for piece in _expert(name, i, shape)]


def checkpoint_shapes(settings: ModelSettings) -> dict[str, tuple[int, ...]]:
    """Return the shapes of all tensors on disk of the whole model, in the order of its weights."""
    with torch.device("meta"):
        whole = Model(settings)
    return {
        piece.key: piece.shape
        for name, weight in whole.named_parameters()
        for piece in pieces(name, weight.shape)
    }


def model_weights(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield names and whole weights; where ranks share them, every rank must take all."""
    from torch.distributed.tensor import DTensor

    for name, weight in model.named_parameters():
        yield name, weight.full_tensor() if isinstance(weight, DTensor) else weight.detach()


def write_checkpoint(
    folder: str,
    settings: ModelSettings,
    weights: Iterable[tuple[str, Tensor]],
    *,
    dtype: torch.dtype = torch.bfloat16,
    sentinels: Sentinels = Sentinels(),  # noqa: B008  # frozen
    shard_bytes: int = SHARD_BYTES,
    extras: Mapping[str, bytes] = MappingProxyType({}),
) -> None:
    """Write a whole model, whose weights come in the order of its parameters; see model_weights.

    `extras` are files beside it, by their names: those of its tokenizer.
    The folder appears when all of it is written, and must not be there before.
    """
    target = _new_folder(folder)
    partial = target.with_name(f".{target.name}{storage.PARTIAL}")
    partial.mkdir(parents=True, exist_ok=True)
    for leftover in partial.iterdir():  # of a run that was killed here
        leftover.unlink()
    tensors = _on_disk(weights)
    shards = _shards(checkpoint_shapes(settings), dtype, shard_bytes)
    for name, shapes in shards.items():
        taken = (next(tensors) for _ in shapes)
        write_safetensors(partial / name, shapes, taken, dtype=dtype)
    assert next(tensors, None) is None, "there are more weights than the model has"
    if len(shards) > 1:
        (partial / INDEX).write_bytes(_index(shards, dtype))
    config = config_of(settings, dtype=str(dtype).removeprefix("torch."), sentinels=sentinels)
    (partial / CONFIG).write_bytes(msgspec.json.format(msgspec.json.encode(config)))
    for name, data in extras.items():
        (partial / name).write_bytes(data)
    partial.rename(target)


def _new_folder(folder: str) -> Path:
    if not storage.is_local(folder):
        todo = "Write it to a local folder and copy that."
        raise GristmillError(
            "a checkpoint is written to local disks alone", where=folder, todo=todo
        )
    path = storage.local_path(folder)
    if path.exists():
        todo = "Remove it, or name another folder."
        raise GristmillError("something is there already", where=folder, todo=todo)
    return path


def _on_disk(weights: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    for name, weight in weights:
        for piece in pieces(name, weight.shape):
            whole = weight if piece.expert is None else weight[piece.expert]
            yield piece.key, whole[piece.row : piece.row + piece.shape[0]]


def _shards(
    shapes: dict[str, tuple[int, ...]], dtype: torch.dtype, limit: int
) -> dict[str, dict[str, tuple[int, ...]]]:
    """Return the files by name, with the tensors of each; one is larger only for a large tensor."""
    groups: list[dict[str, tuple[int, ...]]] = [{}]
    room = limit
    for key, shape in shapes.items():
        size = num_bytes(shape, dtype)
        if size > room and groups[-1]:
            groups.append({})
            room = limit
        groups[-1][key] = shape
        room -= size
    if len(groups) == 1:
        return {"model.safetensors": groups[0]}
    total = len(groups)
    return {f"model-{i:05}-of-{total:05}.safetensors": group for i, group in enumerate(groups, 1)}


def _index(shards: dict[str, dict[str, tuple[int, ...]]], dtype: torch.dtype) -> bytes:
    sizes = [num_bytes(shape, dtype) for group in shards.values() for shape in group.values()]
    names = {key: name for name, group in shards.items() for key in group}
    index = {"metadata": {"total_size": sum(sizes)}, "weight_map": names}
    return msgspec.json.format(msgspec.json.encode(index))


def _check_settings(settings: ModelSettings, folder: str) -> None:
    theirs = read_config(folder)
    for name, (ours, found) in differences(settings, theirs).items():
        raise GristmillError(
            f"the checkpoint has {name} = {found}, the model {ours}",
            where=storage.join(folder, CONFIG),
            todo="Give the model the checkpoint's shape, or start from another checkpoint.",
        )


def _expert(name: str, expert: int, shape: torch.Size) -> list[Piece]:
    """Return what one expert's part of a weight is made of, from the first row to the last."""
    layer, _, kind = name.rpartition(".")
    parts = ("gate_proj", "up_proj") if kind == "gate_up_proj" else (kind,)
    height = shape[1] // len(parts)
    return [
        Piece(f"{layer}.{expert}.{part}.weight", (height, shape[2]), expert, i * height)
        for i, part in enumerate(parts)
    ]
