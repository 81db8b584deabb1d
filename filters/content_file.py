"""The file that holds a content model: a header, then plain little-endian arrays, no code.

`GRISTCM4`, the header's length as 4 bytes, the header as JSON, then the arrays in their order.
"""

from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from ..corpus.errors import GristmillError

MAGIC: Final = b"GRISTCM4"
ARRAYS: Final = (
    ("features", "<u4"),  # [F], ascending
    ("num_languages", "<u2"),  # [F]: how many languages' training files show it
    ("num_weights", "<u2"),  # [F]: of the weights below, how many are this feature's
    ("languages", "<u2"),  # [W]: the language that a weight speaks for
    ("weights", "i1"),  # [W]: the signed root of its share of the language's largest weight
)


class Calibration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The logistic curve that turns a ranking into the probability that its first is right."""

    constant: float
    log_odds: float  # of the first language under the softmax
    log_features: float  # of 1 + the number of features that the model knows
    known_fraction: float  # of the text's features, how many the model knows
    score: float  # of the first language


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model says of itself."""

    languages: tuple[str, ...]
    scales: tuple[float, ...]  # each language's largest weight
    priors: tuple[
        float, ...
    ]  # what each language's score gains, over the root of 1 + the known features
    sharpness: float  # scores are multiplied by it before the softmax
    open_calibration: Calibration  # among all languages
    closed_calibration: Calibration  # among candidates
    num_features: int
    num_weights: int


class ModelData(msgspec.Struct, frozen=True, kw_only=True):
    """A content model as its file holds it."""

    header: Header
    features: npt.NDArray[np.uint32]
    num_languages: npt.NDArray[np.uint16]
    num_weights: npt.NDArray[np.uint16]
    languages: npt.NDArray[np.uint16]
    weights: npt.NDArray[np.int8]
    digest: str


def write_model(header: Header, arrays: dict[str, npt.NDArray[np.generic]]) -> bytes:
    """Return the bytes of a model's file."""
    head = msgspec.json.encode(header)
    parts = [MAGIC, len(head).to_bytes(4, "little"), head]
    parts += [np.ascontiguousarray(arrays[name], dtype).tobytes() for name, dtype in ARRAYS]
    return b"".join(parts)


def read_model(path: Path) -> ModelData:
    """Return the model that a file holds.

    Raises:
        GristmillError: the file is missing, or holds no content model of this version.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _broken(path, str(error)) from error
    start = len(MAGIC) + 4
    if not data.startswith(MAGIC) or len(data) < start:
        raise _broken(path, "the file holds no content model of this version")
    end = start + int.from_bytes(data[len(MAGIC) : start], "little")
    try:
        header = msgspec.json.decode(data[start:end], type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _broken(path, str(error)) from error
    num_features, num_weights = header.num_features, header.num_weights
    if len(data) != end + 8 * num_features + 3 * num_weights:
        raise _broken(path, "the file is cut off, or longer than its header says")
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for name, dtype in ARRAYS:
        size = num_weights if name in ("languages", "weights") else num_features
        arrays[name] = np.frombuffer(data, dtype, size, end)
        end += arrays[name].nbytes
    digest = blake2b(data, digest_size=16).hexdigest()
    return msgspec.convert({"header": header, **arrays, "digest": digest}, ModelData)


def _broken(path: Path, what: str) -> GristmillError:
    return GristmillError(
        what, where=str(path), todo="Install gristmill again, or train the model again."
    )
