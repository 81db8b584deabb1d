"""How a recipe has languages detected: its own names, which models, how sure they must be."""

from functools import cache
from hashlib import blake2b
from pathlib import Path

import msgspec

from ..corpus.storage import digest_file
from .claims import NameOverrides
from .clues import clue_index
from .content_fasttext import FastTextModel
from .content_model import MODEL, content_model
from .detector import Detector, Ranker
from .languages import language_table, read_heuristics
from .natural_engines import NaturalEngine, engine_digest

SHIPPED = "linear"
NO_MODEL = "none"


class ContentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What reads a text to name its language."""

    content_model: str = SHIPPED  # "none", or the path of a fastText model that you trained
    min_confidence: float = 0.8  # below it, a file named by its content alone is left unnamed
    natural: NaturalEngine = "eldc"  # names the language of pages and documents

    def __post_init__(self) -> None:
        if not 0 <= self.min_confidence <= 1:
            raise ValueError("min_confidence must lie between 0 and 1")


class LanguageSettings(ContentSettings, frozen=True, kw_only=True):
    """The `[languages]` section of a recipe."""

    extensions: dict[str, tuple[str, ...]] = {}
    filenames: dict[str, tuple[str, ...]] = {}

    @property
    def overrides(self) -> NameOverrides:
        """The part that judges paths."""
        return NameOverrides(extensions=self.extensions, filenames=self.filenames)

    @property
    def content(self) -> ContentSettings:
        """The part that judges texts."""
        return ContentSettings(
            content_model=self.content_model,
            min_confidence=self.min_confidence,
            natural=self.natural,
        )


def load_detector(settings: ContentSettings, overrides: NameOverrides | None = None) -> Detector:
    """Return the detector that a recipe asks for.

    Raises:
        GristmillError: where the content model cannot be loaded.
    """
    return Detector(
        _ranker(settings.content_model),
        overrides=overrides,
        min_confidence=settings.min_confidence,
    )


@cache
def content_assets(settings: ContentSettings) -> dict[str, str]:
    """Return the digests of the tables and models that read a text; the shipped model stays shut.

    Raises:
        GristmillError: where the content model is no fastText model.
    """
    return {
        "clues": _clues_digest(),
        "heuristics": blake2b(read_heuristics(), digest_size=16).hexdigest(),
        "content_model": _model_digest(settings.content_model),
        "natural": engine_digest(settings.natural),
    }


def _model_digest(name: str) -> str:
    if name == SHIPPED:
        return digest_file(str(MODEL))
    model = _ranker(name)
    return "" if model is None else model.digest


@cache
def _ranker(name: str) -> Ranker | None:
    if name == NO_MODEL:
        return None
    return content_model() if name == SHIPPED else FastTextModel(Path(name))


def _clues_digest() -> str:
    """Return the digest of the part of the language table that reads texts."""
    index = clue_index()
    families = {row.name: row.head for row in language_table().languages}
    parts = (index.interpreters, index.aliases, families)
    return blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()
