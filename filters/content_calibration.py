"""Turn a model's scores into probabilities, on projects that it has not seen."""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from .clues import extension_languages
from .content_file import Calibration
from .content_model import ContentModel, Known, confidence, softmax
from .content_samples import Sample

FloatArray = npt.NDArray[np.float64]
SHARPNESS = 45.0  # of the softmax whose log-odds the curve takes
MAX_SNIPPET = 12  # lines


class Ranking(msgspec.Struct, frozen=True):
    """What the curve sees of one ranking, and whether its first language was right."""

    share: float
    score: float
    known: Known
    right: bool


def fit_curve(rankings: Sequence[Ranking]) -> Calibration:
    """Return the logistic curve of greatest likelihood, its weights held near 0 by a small penalty.

    Newton's method from 0; twenty-five rounds are far more than it takes.
    """
    share = np.clip([r.share for r in rankings], 1e-6, 1 - 1e-6)
    columns = [
        np.ones(len(rankings)),
        np.log(share / (1 - share)),
        np.log1p([r.known.num_features for r in rankings]),
        np.array([r.known.fraction for r in rankings]),
        np.array([r.score for r in rankings]),
    ]
    x = np.stack(columns, axis=1)
    right = np.array([r.right for r in rankings], np.float64)
    weights = np.zeros(5)
    for _ in range(25):
        found = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        slope = x.T @ (right - found) - weights
        curve = (x * (found * (1 - found))[:, None]).T @ x + np.eye(5)
        weights = weights + np.linalg.solve(curve, slope)
    constant, log_odds, log_features, known_fraction, score = (round(float(w), 6) for w in weights)
    return Calibration(
        constant=constant,
        log_odds=log_odds,
        log_features=log_features,
        known_fraction=known_fraction,
        score=score,
    )


def rankings(model: ContentModel, samples: Sequence[Sample], *, closed: bool) -> list[Ranking]:
    """Return the model's rankings of samples, among all languages or those of the extension.

    A closed ranking needs a choice: samples whose extension one language claims, or whose own
    language does not claim it, are left out. Each counts twice, whole and as a few of its lines:
    a confidence has to hold for snippets too.
    """
    made = []
    number = {name: i for i, name in enumerate(model.languages)}
    for sample in samples:
        known = list(range(len(model.languages)))
        if closed:
            claimants = extension_languages(sample.member)[1]
            known = [number[name] for name in claimants if name in number]
            if len(known) < 2 or sample.label not in claimants:
                continue
        for text in (sample.text, _snippet(sample)):
            scores, seen = model.scores(text)
            among = scores[known]
            best = int(np.argmax(among))
            share = float(softmax(among * SHARPNESS)[best])
            right = model.languages[known[best]] == sample.label
            made.append(Ranking(share, float(among[best]), seen, right))
    return made


def _snippet(sample: Sample) -> str:
    """Return one to MAX_SNIPPET lines of a sample; its digest decides which, as a die would."""
    lines = sample.text.split("\n")
    dice = int(sample.digest, 16)
    num_lines = 1 + dice % MAX_SNIPPET
    start = dice // MAX_SNIPPET % max(len(lines) - num_lines, 1)
    return "\n".join(lines[start : start + num_lines])


def calibration_error(calibration: Calibration, found: Sequence[Ranking]) -> float:
    """Return the mean distance of confidence and accuracy over ten bins, weighted by their size."""
    sure = np.array([confidence(calibration, r.share, r.score, r.known) for r in found])
    right = np.array([r.right for r in found], np.float64)
    bins = np.minimum((sure * 10).astype(int), 9)
    gaps = [
        abs(float(sure[bins == i].mean()) - float(right[bins == i].mean())) * (bins == i).mean()
        for i in range(10)
        if (bins == i).any()
    ]
    return float(sum(gaps))
