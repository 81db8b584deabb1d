"""Loads datatrove steps and runs them on documents; the only module that imports the library.

Its word splitters are a dear part of its filters, so the words of a text are split once for all
steps that want them. That changes no answer.
"""

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any, Final, NamedTuple, Protocol, cast

from ...corpus.errors import GristmillError
from ..languages import check_language
from .refusals import check_args, check_module
from .settings import DatatroveStep

DROPPED: Final = "dropped"  # the reason of a step that gives none
_EXTRA = "Install it: pip install 'gristmill[text]'."


class Document(Protocol):
    """What the library passes from step to step."""

    text: str
    id: str
    metadata: dict[str, object]


class Outcome(NamedTuple):
    """What a step makes of a document: why it goes (None: it stays), and its text."""

    reason: str | None
    text: str


class LoadedStep:
    """A step that is ready to run; it may keep state, so a shard has its own."""

    def __init__(self, settings: DatatroveStep, where: str = "") -> None:
        where = f"{where}: datatrove.{settings.label}" if where else f"datatrove.{settings.label}"
        self.label = settings.label
        self.languages = frozenset(settings.languages)
        self._step = _make(settings, where)
        self._where = where
        language = getattr(self._step, "language", None)
        if isinstance(language, str):
            self._step.language = _words_of(language, where)

    @property
    def is_filter(self) -> bool:
        """Whether it tells documents apart; a formatter only makes texts."""
        return isinstance(self._step, _library("datatrove.pipeline.filters.base_filter").BaseFilter)

    def run(self, documents: Sequence[Document]) -> list[Outcome]:
        """Return what becomes of each document."""
        if self.is_filter:
            found = self._step.filter_batch(list(documents))
            pairs = zip(found, documents, strict=True)
            return [Outcome(self._reason(result), document.text) for result, document in pairs]
        left = {document.id: document.text for document in self._step.run(iter(documents))}
        if not left.keys() <= {document.id for document in documents}:
            what = "the step makes documents that were not there"
            raise GristmillError(what, where=self._where, todo="Use it on the source's files.")
        return [
            Outcome(None, left[document.id])
            if document.id in left
            else Outcome(f"{self.label}:{DROPPED}", document.text)
            for document in documents
        ]

    def _reason(self, result: object) -> str | None:
        is_kept, reason = result if isinstance(result, tuple) else (result, None)
        return None if is_kept else f"{self.label}:{reason or DROPPED}"


def make_document(text: str, name: str, metadata: Mapping[str, object]) -> Document:
    """Return a document of the library."""
    kind = _library("datatrove.data").Document
    return cast(Document, kind(text=text, id=name, metadata=dict(metadata)))


def check_steps(steps: Sequence[DatatroveStep], where: str) -> None:
    """Raise an error for the first step that cannot run here, as soon as a recipe is read."""
    seen: set[str] = set()
    for step in steps:
        if step.label in seen:
            raise GristmillError(
                f"two steps are called `{step.label}`",
                where=f"{where}: datatrove",
                todo="Give each step its own `name`.",
            )
        seen.add(step.label)
        for language in step.languages:
            check_language(language, where=f"{where}: datatrove.{step.label}.languages")
        loaded = LoadedStep(step, where)
        if step.texts == "judge" and not loaded.is_filter:
            raise GristmillError(
                f"`{step.label}` is no filter: it makes texts, and tells none apart",
                where=f"{where}: datatrove",
                todo='Set `texts = "rewrite"`.',
            )


def _make(settings: DatatroveStep, where: str) -> Any:  # noqa: ANN401  the library is untyped
    check_module(settings, where)
    base = _library("datatrove.pipeline.base").PipelineStep
    module_name, _, name = settings.step.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module_name), name, None)
    except ModuleNotFoundError as error:
        raise GristmillError(str(error), where=where, todo="Check `step`.") from None
    if not (isinstance(kind, type) and issubclass(kind, base)):
        raise GristmillError(
            f"`{settings.step}` is no pipeline step", where=where, todo="Check `step`."
        )
    check_args(settings, kind, where)
    try:
        return kind(**{name: _frozen(value) for name, value in settings.args.items()})
    except (TypeError, ValueError) as error:
        what = f"it cannot be made: {error}"
        raise GristmillError(what, where=where, todo="Correct `args`.") from None
    except ImportError as error:
        raise GristmillError(str(error), where=where, todo="Install what it needs.") from None


def _frozen(value: object) -> object:
    """Return a value with tuples for lists: some steps hand them to str.endswith."""
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _library(name: str) -> ModuleType:
    if importlib.util.find_spec("datatrove") is None:
        raise GristmillError("datatrove is not installed", where="[[datatrove]]", todo=_EXTRA)
    module = importlib.import_module(name)
    _hush()
    return module


@cache
def _hush() -> None:
    """Keep the library's own messages off the terminal, and everyone else's as they were."""
    importlib.import_module("loguru").logger.disable("datatrove")


def _words_of(language: str, where: str) -> object:
    """Return what splits texts of a language, the same for every step."""
    words = _library("datatrove.utils.word_tokenizers")
    try:
        inner = words.load_word_tokenizer(language)
    except ValueError as error:
        raise GristmillError(str(error), where=where, todo="Correct `language`.") from None
    except ImportError as error:
        raise GristmillError(str(error), where=where, todo="Install what it needs.") from None
    if isinstance(inner, words.StanzaTokenizer):
        what = f"the words of `{language}` need a model that is downloaded"
        raise GristmillError(what, where=where, todo="Leave the language out of `languages`.")
    return _last_words(language)


@cache
def _last_words(language: str) -> object:
    """Return the library's words of a language, which remembers those of the last text."""
    words = _library("datatrove.utils.word_tokenizers")
    inner = words.load_word_tokenizer(language)

    class LastWords(words.WordTokenizer):  # type: ignore[misc, name-defined]
        """Splits a text that comes again without splitting it again."""

        def __init__(self) -> None:
            super().__init__(language)
            self._last: tuple[str, tuple[str, ...]] = ("", ())

        def word_tokenize(self, text: str) -> list[str]:
            if text != self._last[0]:
                self._last = (text, tuple(inner.word_tokenize(text)))
            return list(self._last[1])

        def sent_tokenize(self, text: str) -> list[str]:
            found: list[str] = inner.sent_tokenize(text)
            return found

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            found: list[tuple[int, int]] = inner.span_tokenize(text)
            return found

    return LastWords()
