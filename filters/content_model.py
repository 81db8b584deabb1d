"""The content model: the language of a text from its tokens alone, among all or a few.

A linear model over hashed tokens and pairs of tokens, trained by train_content_model and shipped
with its card. A text costs about 1 ms per 5 KB; at most HEAD_BYTES of it are read.
"""

from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .content_features import count_features
from .content_file import Calibration, ModelData, read_model

MODEL: Final = Path(__file__).parent / "data" / "content" / "model.bin"
MIN_KNOWN: Final = 5  # known features; fewer are no evidence
DENSE_ROWS: Final = 64  # a feature that speaks for more languages has all its weights in a row
READ_ROWS: Final = 256  # texts turned into Python strings at a time

FloatArray = npt.NDArray[np.float32]


class Known(NamedTuple):
    """How many of a text's distinct features the model knows, and what share of all that is."""

    num_features: int
    fraction: float


class ContentModel:
    """Ranks languages by a text.

    The number beside a language is the probability that it is right, as measured on projects that
    the model had not seen (see the card): of 100 first places at 0.8, about 80 are right. The
    probabilities of the other places share what the first leaves.
    """

    def __init__(self, data: ModelData) -> None:
        self._data = data
        self._dense, self._row = _dense_rows(data)

    @property
    def digest(self) -> str:
        """The hex blake2b of the model's file."""
        return self._data.digest

    @property
    def languages(self) -> tuple[str, ...]:
        """Every language that the model can name, those outside the 338 among them."""
        return self._data.header.languages

    @property
    def num_features(self) -> int:
        """How many features it knows."""
        return self._data.header.num_features

    @property
    def num_weights(self) -> int:
        """How many weights it holds."""
        return self._data.header.num_weights

    def rank(
        self, text: str, candidates: Sequence[str] | None = None, top: int = 5
    ) -> list[tuple[str, float]]:
        """Return the likeliest languages with their probabilities, the best first.

        Args:
            text: of any length; its head decides.
            candidates: the languages to choose among; None means all. Those that the model does
                not know come last, with probability 0.
            top: how many are returned at most.
        """
        scores, known = self.scores(text)
        if candidates is None:
            return self._ranked(self.languages, scores, known, top, self._open)
        among = sorted({self._number[name] for name in candidates if name in self._number})
        names = [self.languages[i] for i in among]
        ranked = self._ranked(names, scores[among], known, top, self._closed)
        others = sorted({name for name in candidates if name not in self._number})
        return (ranked + [(name, 0.0) for name in others])[:top]

    def score_column(
        self,
        texts: pa.ChunkedArray,
        candidates: Sequence[Sequence[str] | None] | None = None,
    ) -> pa.Table:
        """Return the first language of each text and its probability; null for a null text.

        Args:
            texts: strings.
            candidates: for each text those to choose among; None means all.
        """
        names: list[str | None] = []
        probabilities: list[float] = []
        for chunk in texts.chunks:
            for start in range(0, len(chunk), READ_ROWS):
                for text in chunk.slice(start, READ_ROWS).to_pylist():
                    among = None if candidates is None else candidates[len(names)]
                    ranked = [] if text is None else self.rank(text, among, 1)
                    name, probability = ranked[0] if ranked else (None, 0.0)
                    names.append(name)
                    probabilities.append(probability)
        return pa.table(
            {
                "language": pa.array(names, pa.string()),
                "confidence": pa.array(probabilities, pa.float32()),
            }
        )

    def scores(self, text: str) -> tuple[FloatArray, Known]:
        """Return every language's score, [L], and how much of the text the model knows.

        The twin is content_reference.slow_scores.
        """
        features, counts = count_features(text)
        data = self._data
        at = np.searchsorted(data.features, features)
        at[at == len(data.features)] = 0
        known = data.features[at] == features
        at = at[known]
        values = (1 + np.log(counts[known])) * self._rarity[at]
        values = (values / max(np.sqrt(values @ values), 1e-9)).astype(np.float32)
        row = self._row[at]
        scores = values[row >= 0] @ self._dense[row[row >= 0]]
        scores += self._sparse_scores(at[row < 0], values[row < 0])
        scores += self._priors / np.float32(np.sqrt(1 + len(at)))
        return scores, Known(len(at), len(at) / max(len(features), 1))

    def _sparse_scores(self, at: npt.NDArray[np.int64], values: FloatArray) -> FloatArray:
        lengths = self._data.num_weights[at].astype(np.int64)
        ends = np.cumsum(lengths)
        places = np.repeat(self._start[at] - ends + lengths, lengths) + np.arange(lengths.sum())
        found = np.bincount(
            self._data.languages[places],
            self._weight[places] * np.repeat(values, lengths),
            len(self.languages),
        )
        return found.astype(np.float32)

    def _ranked(
        self,
        names: Sequence[str],
        scores: FloatArray,
        known: Known,
        top: int,
        calibration: Calibration,
    ) -> list[tuple[str, float]]:
        if not names:
            return []
        order = np.lexsort((np.arange(len(names)), -scores))
        shares = softmax(scores * self._data.header.sharpness)
        first = confidence(calibration, shares[order[0]], float(scores[order[0]]), known)
        rest = max(1 - float(shares[order[0]]), 1e-9)
        ranked = [(names[order[0]], first)]
        for i in order[1:top]:
            ranked.append((names[i], min(first, (1 - first) * float(shares[i]) / rest)))
        return ranked

    @property
    def _open(self) -> Calibration:
        return self._data.header.open_calibration

    @property
    def _closed(self) -> Calibration:
        return self._data.header.closed_calibration

    @cached_property
    def _number(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.languages)}

    @cached_property
    def _priors(self) -> FloatArray:
        return np.asarray(self._data.header.priors, np.float32)

    @cached_property
    def _rarity(self) -> npt.NDArray[np.float64]:
        return rarity(self._data.num_languages, len(self.languages))

    @cached_property
    def _start(self) -> npt.NDArray[np.int64]:
        lengths = self._data.num_weights.astype(np.int64)
        return np.cumsum(lengths) - lengths

    @cached_property
    def _weight(self) -> FloatArray:
        return unpack_weights(self._data)


@cache
def content_model() -> ContentModel:
    """Return the model of this installation, read once a process."""
    return ContentModel(read_model(MODEL))


def rarity(num_languages: npt.NDArray[np.integer], total: int) -> npt.NDArray[np.float64]:
    """Return what a feature counts for: the fewer languages show it, the more."""
    counts = np.maximum(num_languages, 1).astype(np.float64)
    found: npt.NDArray[np.float64] = np.log(1 + total / counts)
    return found


def unpack_weights(data: ModelData) -> FloatArray:
    """Return the weights as the training left them, to within their 7 bits."""
    share = data.weights.astype(np.float32) / 127
    scales = np.asarray(data.header.scales, np.float32)
    weights: FloatArray = (share * np.abs(share) * scales[data.languages]).astype(np.float32)
    return weights


def softmax(scores: FloatArray) -> npt.NDArray[np.float64]:
    """Return shares that add up to 1, [L]."""
    powers: npt.NDArray[np.float64] = np.exp(scores.astype(np.float64) - float(scores.max()))
    shares: npt.NDArray[np.float64] = powers / powers.sum()
    return shares


def confidence(calibration: Calibration, share: float, score: float, known: Known) -> float:
    """Return the probability that the first language of a ranking is right."""
    if known.num_features < MIN_KNOWN:
        return 0.0
    share = min(max(float(share), 1e-6), 1 - 1e-6)
    total = (
        calibration.constant
        + calibration.log_odds * float(np.log(share / (1 - share)))
        + calibration.log_features * float(np.log1p(known.num_features))
        + calibration.known_fraction * known.fraction
        + calibration.score * score
    )
    return round(float(1 / (1 + np.exp(-np.clip(total, -30, 30)))), 4)


def _dense_rows(data: ModelData) -> tuple[FloatArray, npt.NDArray[np.int32]]:
    """Return the weights of the features that most languages share, and who has which row."""
    common = np.flatnonzero(data.num_weights > DENSE_ROWS)
    row = np.full(len(data.features), -1, np.int32)
    row[common] = np.arange(len(common), dtype=np.int32)
    owner = np.repeat(np.arange(len(data.features)), data.num_weights)
    chosen = row[owner] >= 0
    dense = np.zeros((len(common), len(data.header.languages)), np.float32)
    dense[row[owner[chosen]], data.languages[chosen]] = unpack_weights(data)[chosen]
    return dense, row
