"""Fit the content model: class means of rare-weighted tokens, then corrected where they err.

The start is the mean of each language's texts (TF-ICF). Each correction moves the languages that
a text is torn between, by the softmax of its scores without that text's own part: a text is judged
as if the model had not seen it, so languages of three files and of three hundred can both learn.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import scipy.sparse.linalg

from ..corpus.ids import content_id, seeded_hash
from .content_features import HEAD_BYTES, count_features
from .content_model import rarity

FloatArray = npt.NDArray[np.float32]
Arrays = dict[str, npt.NDArray[np.generic]]
MAX_SHARE: Final = 127  # of a language's largest weight, in an int8


class FitSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the content model is fitted; the values were chosen on projects held out."""

    min_texts: int = 3  # that show a feature
    num_pairs: int = 1_000_000  # of feature and language whose features are kept
    num_weights: int = 1_050_000  # in the model
    features_of_text: int = 250  # that a correction looks at
    steps: tuple[float, ...] = (0.2, 0.1, 0.05, 0.05)  # the size of each round's corrections
    batches: int = 8
    sharpness: float = 45.0  # of the softmax, while fitting
    balance: float = 0.25  # a text counts for (texts of its language) ** -balance
    prior: float = 0.1  # of each e-fold more texts; a long text outweighs it
    window_fraction: float = 0.5  # of the texts are cut to a few lines, so that snippets are learnt
    window_lines: tuple[int, int] = (4, 80)
    min_whole: int = 8  # texts of a language, below which none is cut
    smallest: float = 0.02  # corrections below this share of a step are left out


class Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """Weights by language and feature, [L, F] sparse, with what a text's features count for."""

    languages: tuple[str, ...]
    features: npt.NDArray[np.uint32]
    num_languages: npt.NDArray[np.int64]
    weights: sp.csr_matrix
    priors: FloatArray


def fit(texts: Sequence[str], labels: Sequence[str], settings: FitSettings) -> Fitted:
    """Return the model of the labelled texts."""
    languages, y = np.unique(np.array(labels), return_inverse=True)
    cut = np.bincount(y)[y] >= settings.min_whole
    counted, features = count_matrix(
        [_window(t, settings) if c else t for t, c in zip(texts, cut, strict=True)]
    )
    features, counted = _drop_rare(features, counted, settings.min_texts)
    values, spread = _weigh(counted, y, len(languages))
    means = _largest(_normalised(_indicator(y, len(languages)) @ values), settings.num_pairs)
    kept = np.flatnonzero(np.diff(means.tocsc().indptr) > 0)
    values, spread = _weigh(counted[:, kept], y, len(languages))
    weights = _correct(_cap(values, settings.features_of_text), y, len(languages), settings)
    return Fitted(
        languages=tuple(map(str, languages)),
        features=features[kept],
        num_languages=spread,
        weights=_largest(weights, settings.num_weights),
        priors=(settings.prior * np.log(np.bincount(y))).astype(np.float32),
    )


def model_arrays(fitted: Fitted) -> tuple[Arrays, FloatArray]:
    """Return the arrays of a model's file, and each language's largest weight."""
    by_feature = fitted.weights.T.tocsr()
    by_feature.sort_indices()
    scales = np.maximum(abs(fitted.weights).max(axis=1).toarray().ravel(), 1e-9)
    scales = scales.astype(np.float32)
    share = by_feature.data / scales[by_feature.indices]
    packed = np.rint(np.sign(share) * np.sqrt(np.abs(share)) * MAX_SHARE)
    arrays: Arrays = {
        "features": fitted.features,
        "num_languages": fitted.num_languages,
        "num_weights": np.diff(by_feature.indptr),
        "languages": by_feature.indices,
        "weights": packed,
    }
    return arrays, scales


def _window(text: str, settings: FitSettings) -> str:
    """Return the text, or lines of it; the text itself decides which, as a die would."""
    dice = np.random.Generator(np.random.PCG64(seeded_hash("window", 0, content_id(text))))
    lines = text[:HEAD_BYTES].split("\n")
    least, most = np.log(settings.window_lines)
    num_lines = int(np.exp(dice.uniform(least, most)))
    if dice.random() >= settings.window_fraction or len(lines) <= num_lines:
        return text
    start = 0 if dice.random() < 0.25 else int(dice.integers(len(lines) - num_lines))
    return "\n".join(lines[start : start + num_lines])


def count_matrix(texts: Sequence[str]) -> tuple[sp.csr_matrix, npt.NDArray[np.uint32]]:
    """Return how often each text, [N, F], shows each of the features, [F]."""
    found = [count_features(text) for text in texts]
    ends = np.cumsum([0] + [len(features) for features, _ in found])
    features, columns = np.unique(np.concatenate([f for f, _ in found]), return_inverse=True)
    counts = np.concatenate([c for _, c in found]).astype(np.float32)
    shape = (len(texts), len(features))
    return sp.csr_matrix((counts, columns.astype(np.int32), ends), shape=shape), features


def _drop_rare(
    features: npt.NDArray[np.uint32], counted: sp.csr_matrix, min_texts: int
) -> tuple[npt.NDArray[np.uint32], sp.csr_matrix]:
    kept = np.flatnonzero(np.bincount(counted.indices, minlength=len(features)) >= min_texts)
    return features[kept], counted[:, kept]


def _weigh(
    counted: sp.csr_matrix, y: npt.NDArray[np.int64], num_languages: int
) -> tuple[sp.csr_matrix, npt.NDArray[np.int64]]:
    """Return texts of unit length, and how many languages show each feature."""
    seen = counted.copy()
    seen.data = np.ones_like(seen.data)
    shown = (_indicator(y, num_languages) @ seen).tocsr()
    spread = np.bincount(shown.indices, minlength=counted.shape[1])
    values = counted.copy()
    values.data = (1 + np.log(values.data)) * rarity(spread, num_languages)[values.indices]
    return _normalised(values), spread


def _correct(
    values: sp.csr_matrix, y: npt.NDArray[np.int64], num_languages: int, settings: FitSettings
) -> sp.csr_matrix:
    """Return weights, [L, F]: each is a sum of texts times `parts`, [N, L]."""
    num_texts = len(y)
    lengths = scipy.sparse.linalg.norm(_indicator(y, num_languages) @ values, axis=1)
    own = (1 / lengths[y]).astype(np.float32)
    parts = sp.csr_matrix((own, (np.arange(num_texts), y)), shape=(num_texts, num_languages))
    weights = (values.T.tocsr() @ parts).tocsr()
    share = (1 / np.bincount(y)[y]) ** settings.balance
    share = (share / share.mean()).astype(np.float32)
    random = np.random.Generator(np.random.PCG64(0))
    for step in settings.steps:
        for batch in np.array_split(random.permutation(num_texts), settings.batches):
            scores = (values[batch] @ weights).toarray() - parts[batch].toarray()
            change = -_softmax_rows(scores * np.float32(settings.sharpness))
            change[np.arange(len(batch)), y[batch]] += 1
            change *= step * share[batch, None]
            change[np.abs(change) < settings.smallest * step] = 0
            moved = sp.csr_matrix(change)
            weights = weights + values[batch].T.tocsr() @ moved
            parts = parts + _indicator(batch, num_texts) @ moved
    return weights.T.tocsr()


def _softmax_rows(scores: FloatArray) -> FloatArray:
    powers: FloatArray = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: FloatArray = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _indicator(rows: npt.NDArray[np.int64], num_rows: int) -> sp.csr_matrix:
    """Return the matrix that sums column i into row rows[i]."""
    ones = np.ones(len(rows), np.float32)
    return sp.csr_matrix((ones, (rows, np.arange(len(rows)))), shape=(num_rows, len(rows)))


def _normalised(matrix: sp.csr_matrix) -> sp.csr_matrix:
    matrix = matrix.tocsr()
    lengths = np.maximum(scipy.sparse.linalg.norm(matrix, axis=1), 1e-9)
    matrix.data = (matrix.data / np.repeat(lengths, np.diff(matrix.indptr))).astype(np.float32)
    return matrix


def _largest(matrix: sp.csr_matrix, num_kept: int) -> sp.csr_matrix:
    """Return the matrix with its `num_kept` largest entries (and those equal to the last)."""
    matrix = matrix.tocsr(copy=True)
    if matrix.nnz > num_kept:
        sizes = np.abs(matrix.data)
        least = np.partition(sizes, matrix.nnz - num_kept)[matrix.nnz - num_kept]
        matrix.data[sizes < least] = 0
        matrix.eliminate_zeros()
    return matrix


def _cap(values: sp.csr_matrix, num_kept: int) -> sp.csr_matrix:
    """Return the texts with the features that count most in each."""
    kept = np.ones(values.nnz, bool)
    for start, end in zip(values.indptr[:-1], values.indptr[1:], strict=True):
        if end - start > num_kept:
            row = values.data[start:end]
            kept[start:end] = row >= np.partition(row, -num_kept)[-num_kept]
    capped = values.copy()
    capped.data = np.where(kept, values.data, np.float32(0))
    capped.eliminate_zeros()
    return capped
