"""What one file's evidence adds up to, and what its repository makes of it.

The files of a repository whose language is decided are votes. Where a file leaves several
languages open, each one's likelihood by content is weighed with its share of the votes.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec

from .clues import Names

Evidence = Literal[
    "modeline",
    "filename",
    "shebang",
    "extension",
    "heuristic",
    "content",
    "repository",
    "hint",
    "text",
    "none",
]

# Set below the share that was right for each on 3,532 sample files (linguist, sample-programs,
# hello-world), because our rules were written with those files in view. What content and
# repository say is a probability of its own.
CONFIDENCE: dict[Evidence, float] = {
    "modeline": 0.95,
    "filename": 0.98,
    "shebang": 0.97,
    "extension": 0.98,
    "heuristic": 0.95,
    "none": 0.0,
}
DEFAULT_CONFIDENCE = 0.9  # linguist's last, open rule of an extension
GUESS_CONFIDENCE = 0.5  # several languages remain, and there is no text to weigh them by
# A header's content says little of C or C++, and says it with too much confidence: its likelihood
# is weighed as if half as much had been seen.
CONTENT_WEIGHT = 0.5
UNSEEN_VOTES = 1.0  # what a repository says of a language that it holds no file of

# Sources that speak for another language's headers.
KIN = {"CUDA": ("C++",), "Objective-C++": ("C++", "Objective-C")}


class Detection(msgspec.Struct, frozen=True):
    """A language (None: abstained), the evidence that decided, and how far to trust it (0 to 1)."""

    language: str | None
    evidence: Evidence
    confidence: float


class Verdict(msgspec.Struct, frozen=True):
    """A detection, and the languages that its repository may still choose from.

    Each comes with its likelihood by the content.
    """

    detection: Detection
    open: tuple[tuple[str, float], ...] = ()


class Step(msgspec.Struct, frozen=True):
    """What one kind of evidence said of a file, for people."""

    evidence: str
    languages: Names
    detail: str = ""


NOTHING = Detection(None, "none", 0.0)


def settle(verdicts: Sequence[Verdict]) -> list[Detection]:
    """Return the detections of one repository's files."""
    votes: Counter[str] = Counter()
    for verdict in verdicts:
        language = verdict.detection.language
        if language is not None and not verdict.open and verdict.detection.evidence != "content":
            votes.update((language, *KIN.get(language, ())))
    return [_settle(verdict, votes) for verdict in verdicts]


def _settle(verdict: Verdict, votes: Counter[str]) -> Detection:
    names = [name for name, _ in verdict.open]
    total = sum(votes[name] for name in names)
    if total == 0:
        return verdict.detection
    weights = {
        name: likelihood**CONTENT_WEIGHT * (votes[name] + UNSEEN_VOTES)
        for name, likelihood in verdict.open
    }
    best = max(names, key=lambda name: weights[name])
    return Detection(best, "repository", weights[best] / max(sum(weights.values()), 1e-12))
