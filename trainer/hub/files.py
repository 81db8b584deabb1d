"""The safetensors files of one checkpoint as one table of tensors."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ...corpus import storage
from ...corpus.errors import GristmillError
from .safetensors_file import DTYPES

_NAMED: Final = 5  # keys that an error names


class Files:
    """Open files of a folder; what is read is mapped, not copied to memory before."""

    def __init__(self, folder: str) -> None:
        if not storage.is_local(folder):
            todo = "Copy it to a local folder."
            raise GristmillError(
                "a checkpoint is read from local disks alone", where=folder, todo=todo
            )
        self._folder = storage.local_path(folder)
        self._stack = ExitStack()
        self._file_of = {
            key: file
            for file in map(self._open, self._paths())
            for key in file.keys()  # type: ignore[no-untyped-call]  # noqa: SIM118  # no dict
        }

    def close(self) -> None:
        """Let go of the files."""
        self._stack.close()

    def check(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Raise GristmillError unless the tensors are these, of a type that can be read."""
        missing = [key for key in shapes if key not in self._file_of]
        unexpected = [key for key in self._file_of if key not in shapes]
        wrong = list[str]()
        for key in shapes.keys() & self._file_of.keys():
            part = self._file_of[key].get_slice(key)  # type: ignore[no-untyped-call]
            if tuple(part.get_shape()) != shapes[key]:
                wrong.append(f"{key} of {tuple(part.get_shape())}, not {shapes[key]}")
            elif part.get_dtype() not in DTYPES:
                wrong.append(f"{key} of type {part.get_dtype()}")
        faults = {"lacks": missing, "has no place for": unexpected, "cannot take": sorted(wrong)}
        what = [f"it {verb} {_some(keys)}" for verb, keys in faults.items() if keys]
        if what:
            raise GristmillError(
                f"the weights are not the model's: {'; '.join(what)}",
                where=str(self._folder),
                todo="Give the model the checkpoint's shape, or fetch the checkpoint again.",
            )

    def read(self, key: str) -> Tensor:
        """Return one tensor."""
        found: Tensor = self._file_of[key].get_tensor(key)  # type: ignore[no-untyped-call]  # Rust's
        return found

    def _paths(self) -> list[Path]:
        single = self._folder / "model.safetensors"
        index = self._folder / "model.safetensors.index.json"
        if index.exists():
            return [self._folder / name for name in _read_index(index)]
        return [single]

    def _open(self, path: Path) -> safe_open:
        try:
            file: safe_open = self._stack.enter_context(safe_open(path, framework="pt"))
        except (OSError, SafetensorError) as error:
            raise _unreadable(path, error) from error
        return file


class _Index(msgspec.Struct, frozen=True, kw_only=True):
    weight_map: dict[str, str]


def _read_index(path: Path) -> list[str]:
    try:
        return sorted(set(msgspec.json.decode(path.read_bytes(), type=_Index).weight_map.values()))
    except msgspec.DecodeError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> GristmillError:
    return GristmillError(
        f"the weights cannot be read ({error})",
        where=str(path),
        todo="Fetch the checkpoint again, its safetensors files and their index.",
    )


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - _NAMED:,} more" if len(keys) > _NAMED else ""
    return ", ".join(keys[:_NAMED]) + more
