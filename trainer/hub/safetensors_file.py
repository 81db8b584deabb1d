"""A safetensors file that is written one tensor at a time, once their names and shapes are known.

The library's writer wants all tensors of a file in memory. Layout: the size of the header in 8
bytes, the header in JSON (type, shape, and first and last byte of each tensor), then the tensors.
"""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import torch
from torch import Tensor

DTYPES: Final[Mapping[str, torch.dtype]] = {
    "F32": torch.float32,
    "BF16": torch.bfloat16,
    "F16": torch.float16,
}
_ALIGNED_TO: Final = 8  # bytes: the header is filled up with spaces

Shapes = Mapping[str, Sequence[int]]


def write_safetensors(
    path: Path, shapes: Shapes, tensors: Iterable[tuple[str, Tensor]], *, dtype: torch.dtype
) -> None:
    """Write tensors, which come in the order of `shapes`, as `dtype`."""
    with path.open("wb") as file:
        file.write(_header(shapes, dtype))
        for (name, shape), (given, tensor) in zip(shapes.items(), tensors, strict=True):
            assert (given, tuple(tensor.shape)) == (name, tuple(shape)), (given, name, shape)
            data = tensor.detach().to("cpu", dtype).contiguous()
            file.write(data.view(torch.uint8).numpy().data)
        file.flush()
        os.fsync(file.fileno())


def num_bytes(shape: Sequence[int], dtype: torch.dtype) -> int:
    """Return the size of one tensor."""
    return math.prod(shape) * dtype.itemsize


def _header(shapes: Shapes, dtype: torch.dtype) -> bytes:
    kind = next(name for name, known in DTYPES.items() if known == dtype)
    table: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, shape in shapes.items():
        stop = at + num_bytes(shape, dtype)
        table[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [at, stop]}
        at = stop
    encoded = msgspec.json.encode(table)
    encoded += b" " * (-len(encoded) % _ALIGNED_TO)
    return len(encoded).to_bytes(8, "little") + encoded
