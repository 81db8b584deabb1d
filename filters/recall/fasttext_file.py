"""What a fastText model file holds: settings, dictionary and two matrices, mapped and not loaded.

The layout is that of fastText's version 12, little-endian; a model of 2 GB costs no memory here.
"""

import struct
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ...corpus.errors import GristmillError
from .words import LABEL

MAGIC: Final = 793_712_314
VERSION: Final = 12
_SOFTMAX: Final = 3
_SUPERVISED: Final = 3
_HEAD: Final = struct.Struct("<2i12id")
_DICTIONARY: Final = struct.Struct("<3i2q")
_COUNT: Final = struct.Struct("<qb")
_SHAPE: Final = struct.Struct("<?2q")
_WORD: Final = 0

Matrix = npt.NDArray[np.float32]


class FastTextFile(NamedTuple):
    """A supervised model with a softmax and without subwords."""

    words: list[bytes]  # in the order of their rows
    labels: list[str]
    word_ngrams: int
    num_buckets: int  # rows of the input behind those of words
    input: Matrix  # [words + buckets, dim]
    output: Matrix  # [labels, dim]


def read_fasttext(path: Path) -> FastTextFile:
    """Return the model of a file.

    Raises:
        GristmillError: the file holds no model, or one that does not collapse to a table: another
            loss than softmax, subwords, or quantised matrices.
    """
    data = np.memmap(path, dtype=np.uint8, mode="r") if path.stat().st_size else None
    try:
        if data is None:
            raise _refusal("the file is empty", path)
        return _parse(data, path)
    except (struct.error, IndexError, ValueError) as error:
        if isinstance(error, GristmillError):
            raise
        raise _refusal(f"the file is cut short: {error}", path) from error


def _parse(data: npt.NDArray[np.uint8], path: Path) -> FastTextFile:
    magic, version, *settings, _ = _HEAD.unpack(data[: _HEAD.size].tobytes())
    if (magic, version) != (MAGIC, VERSION):
        raise _refusal("the file is no fastText model of version 12", path)
    _, _, _, _, _, word_ngrams, loss, kind, num_buckets, _, longest_subword, _ = settings
    if (loss, kind) != (_SOFTMAX, _SUPERVISED):
        raise _refusal("the model is not a classifier with a softmax", path)
    if longest_subword > 0:
        raise _refusal("the model has subwords (maxn is not 0)", path)
    words, labels, at = _dictionary(data, _HEAD.size, path)
    weights_in, at = _matrix(data, at, path)
    weights_out, _ = _matrix(data, at, path)
    num_buckets = num_buckets if word_ngrams > 1 else 0
    if len(weights_in) < len(words) + num_buckets or len(weights_out) != len(labels):
        raise _refusal("its matrices do not fit its dictionary", path)
    return FastTextFile(words, labels, word_ngrams, num_buckets, weights_in, weights_out)


def _dictionary(
    data: npt.NDArray[np.uint8], at: int, path: Path
) -> tuple[list[bytes], list[str], int]:
    """Return words and labels in order, and where the dictionary ends."""
    head = data[at : at + _DICTIONARY.size].tobytes()
    num_entries, num_words, _, _, num_pruned = _DICTIONARY.unpack(head)
    if num_pruned >= 0:
        raise _refusal("the model's n-grams are pruned", path)
    at += _DICTIONARY.size
    words: list[bytes] = []
    labels: list[str] = []
    view = data.data
    for _ in range(num_entries):
        stop = at
        while view[stop]:
            stop += 1
        word = bytes(view[at:stop])
        _, kind = _COUNT.unpack(view[stop + 1 : stop + 1 + _COUNT.size])
        at = stop + 1 + _COUNT.size
        if kind == _WORD:
            words.append(word)
        else:
            labels.append(word.decode().removeprefix(LABEL))
    if len(words) != num_words:
        raise _refusal("its dictionary is damaged", path)
    return words, labels, at


def _matrix(data: npt.NDArray[np.uint8], at: int, path: Path) -> tuple[Matrix, int]:
    """Return a matrix, not copied, and where it ends."""
    is_quantised, num_rows, num_columns = _SHAPE.unpack(data[at : at + _SHAPE.size].tobytes())
    if is_quantised:
        raise _refusal("the model is quantised", path)
    at += _SHAPE.size
    stop = at + 4 * num_rows * num_columns
    if stop > len(data):
        raise _refusal("the file is cut short", path)
    return data[at:stop].view("<f4").reshape(num_rows, num_columns), stop


def _refusal(what: str, path: Path) -> GristmillError:
    return GristmillError(
        what, where=str(path), todo="Give a model that `gristmill recall` trained."
    )
