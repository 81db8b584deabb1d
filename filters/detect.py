"""Detection as installed: the shipped content model, no names of a recipe's own.

Who asks about a file wants an answer: one named by content alone is named at a lower confidence
than a build asks for, and the confidence says so.
"""

from collections.abc import Sequence
from functools import cache

from .detector import Detector
from .language_settings import ContentSettings, load_detector
from .verdict import Detection, Step

__all__ = ["Detection", "Step", "detect_language", "detect_repository", "explain_language"]

# At this, .88 of the files of projects held out are named rightly by content alone, and .06 of
# the files in other languages are taken for one of the 338 (data/content/CARD.md).
MIN_CONFIDENCE = 0.4


def detect_language(path: str, text: str | None) -> Detection:
    """Return the language of one file; without a text the path alone decides."""
    return _detector().detect(path, text)


def detect_repository(paths: Sequence[str], texts: Sequence[str | None]) -> list[Detection]:
    """Return the languages of one repository's files.

    A file that leaves several languages open (.h, .m, .inc) is weighed with what the repository's
    decided files are written in.
    """
    return _detector().detect_repository(paths, texts)


def explain_language(path: str, text: str | None) -> list[Step]:
    """Return what each kind of evidence says of one file, up to the one that decides."""
    steps: list[Step] = []
    _detector().examine(path, text, steps=steps)
    return steps


@cache
def _detector() -> Detector:
    return load_detector(ContentSettings(min_confidence=MIN_CONFIDENCE))
