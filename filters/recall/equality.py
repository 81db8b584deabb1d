"""Asks fastText itself whether a collapsed model says the same, on a sample, for every model."""

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...corpus.errors import GristmillError
from .collapse import CollapsedModel
from .model import import_fasttext
from .score import Scorer
from .words import LABEL

TOLERANCE: Final = 1e-3
SAMPLE_PAGES: Final = 1000
_LOG_FLOOR: Final = 1e-5  # fastText adds it to a probability before it takes the logarithm
_NEAR_TIE: Final = 1e-4  # closer than this, the label is a matter of rounding


class Equality(NamedTuple):
    """How far a collapsed model is from fastText's predict."""

    num_pages: int
    largest_difference: float  # of a probability
    num_flips: int  # pages whose best label differs, ties left out


def check_equality(model: CollapsedModel, path: Path, words: pa.ChunkedArray) -> Equality:
    """Compare a collapsed model with the file that it came from, on every text of a column.

    Raises:
        GristmillError: a probability differs by TOLERANCE, or a page gets another label.
    """
    expected = fasttext_probabilities(path, words, (*model.targets, model.reference))
    found = Scorer(model).scores(words).astype(np.float64)
    rest = 1.0 - found.sum(axis=1, keepdims=True)
    equality = compare(expected, np.concatenate([found, rest], axis=1))
    if equality.largest_difference >= TOLERANCE or equality.num_flips:
        raise GristmillError(
            f"the collapsed model differs from fastText by {equality.largest_difference:.2g} and"
            f" gives {equality.num_flips} of {equality.num_pages} pages another label",
            where=str(path),
            todo="Delete the model and train it again; if that repeats, report it as a bug.",
        )
    return equality


def compare(expected: npt.NDArray[np.float64], found: npt.NDArray[np.float64]) -> Equality:
    """Return how far probabilities [n, labels] lie from those that are expected."""
    if not len(expected):
        return Equality(0, 0.0, 0)
    best = np.sort(expected, axis=1)
    is_clear = best[:, -1] - best[:, -2] > _NEAR_TIE
    differs = expected.argmax(axis=1) != found.argmax(axis=1)
    # A value that is no number must not pass as equal.
    largest = float(np.nan_to_num(np.abs(expected - found), nan=np.inf).max())
    return Equality(len(expected), largest, int(np.count_nonzero(differs & is_clear)))


def fasttext_probabilities(
    path: Path, words: pa.ChunkedArray, labels: tuple[str, ...]
) -> npt.NDArray[np.float64]:
    """Return what fastText's predict says, [num_rows, labels]."""
    model = import_fasttext().load_model(str(path))
    texts = ["" if text is None else text for text in words.to_pylist()]
    predicted, shares = model.predict(texts, k=-1, threshold=-1.0) if texts else ([], [])
    out = np.zeros((len(texts), len(labels)), dtype=np.float64)
    columns = {f"{LABEL}{label}": i for i, label in enumerate(labels)}
    for row, names, values in zip(out, predicted, shares, strict=True):
        row[[columns[name] for name in names]] = np.asarray(values, dtype=np.float64)
    return out - _LOG_FLOOR
