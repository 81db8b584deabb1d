"""Which language a file is written in: by modeline, name, shebang, extension, rules, content.

Each kind of evidence narrows the languages that an earlier one left; the first to leave a single
one decides. Where several languages remain and no rule speaks, the content model weighs them and
the repository's other files are its prior. A file that nothing claims is named by its content
alone, or left unnamed where the model is not sure.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from .claims import NameOverrides, PathClaims, PathJudge
from .clues import Names, modeline_languages, shebang_languages
from .heuristics import SILENT, apply_rules, primary_language
from .languages import language_table
from .verdict import (
    CONFIDENCE,
    DEFAULT_CONFIDENCE,
    GUESS_CONFIDENCE,
    NOTHING,
    Detection,
    Evidence,
    Step,
    Verdict,
    settle,
)

# How much likelier an extension's usual language is than another that claims it, where no rule
# speaks: a header of three lines is C's.
USUAL_PRIOR = 3.0

# An extension that no table knows, or that anyone uses, is mostly that of a language that no model
# knows.
UNKNOWN_EXTENSION_CONFIDENCE = 0.8


class Ranker(Protocol):
    """A content model: the languages of a text with their probabilities, the best first."""

    @property
    def digest(self) -> str:
        """What the model holds."""

    def rank(
        self, text: str, candidates: Sequence[str] | None = None, top: int = 5
    ) -> list[tuple[str, float]]:
        """Rank all languages, or the candidates alone."""


class Detector:
    """Detects languages with one content model and one set of names.

    Args:
        model: ranks what names leave open; None leaves a guess at a low confidence.
        overrides: a recipe's own extensions and file names.
        min_confidence: below it, a language named by content alone is left unnamed.
    """

    def __init__(
        self,
        model: Ranker | None,
        *,
        overrides: NameOverrides | None = None,
        min_confidence: float,
    ) -> None:
        self._model = model
        self._judge = PathJudge(overrides or NameOverrides())
        self._min_confidence = min_confidence

    def detect(self, path: str, text: str | None) -> Detection:
        """Return the language of one file; without a text the path alone decides."""
        return self.examine(path, text).detection

    def detect_repository(
        self, paths: Sequence[str], texts: Sequence[str | None]
    ) -> list[Detection]:
        """Return the languages of one repository's files."""
        return settle([self.examine(p, text) for p, text in zip(paths, texts, strict=True)])

    def examine(
        self,
        path: str,
        text: str | None,
        *,
        claims: PathClaims | None = None,
        steps: list[Step] | None = None,
    ) -> Verdict:
        """Return the verdict on one file, before its repository is asked.

        Args:
            path: in the repository.
            text: None where it could not be read.
            claims: what the path claims, where that is known already.
            steps: takes what each kind of evidence said.
        """
        claims = self._judge.judge(path) if claims is None else claims
        left: Names = ()
        last: Evidence = "extension"
        for evidence, found in _claimed(claims, text):
            _tell(steps, evidence, found)
            narrowed = tuple(name for name in found if name in left) if left else found
            if len(narrowed) == 1:
                return _decided(narrowed[0], evidence)
            if narrowed:
                left, last = narrowed, evidence
        return self._examine_content(claims, text, left, last, steps)

    def _examine_content(
        self,
        claims: PathClaims,
        text: str | None,
        left: Names,
        last: Evidence,
        steps: list[Step] | None,
    ) -> Verdict:
        answer = apply_rules(claims.extension, text) if text else SILENT
        if claims.extension:
            _tell(steps, "heuristic", answer.languages, answer.spoke)
        spoken = tuple(name for name in answer.languages if name in left) or answer.languages
        if len(spoken) == 1:
            if answer.spoke == "pattern":
                return _decided(spoken[0], "heuristic")
            return _decided(spoken[0], "extension", DEFAULT_CONFIDENCE)
        left = spoken or left
        if left:
            primary = primary_language(claims.extension)
            guess = primary if primary in left else left[0]
            return self._weigh(text, left, guess, last, steps)
        return self._examine_unclaimed(claims, text, steps)

    def _weigh(
        self,
        text: str | None,
        left: Names,
        guess: str,
        last: Evidence,
        steps: list[Step] | None,
    ) -> Verdict:
        ranked = self._rank(text, left, steps)
        if not any(share for _, share in ranked):
            even = sorted(left, key=lambda name: name != guess)
            likelihoods = tuple((name, 1 / len(left)) for name in even)
            return Verdict(Detection(guess, last, GUESS_CONFIDENCE), likelihoods)
        weights = {name: share * (USUAL_PRIOR if name == guess else 1) for name, share in ranked}
        best = max(weights, key=lambda name: weights[name])
        confidence = round(weights[best] / sum(weights.values()), 3)
        return Verdict(Detection(best, "content", confidence), tuple(ranked))

    def _examine_unclaimed(
        self, claims: PathClaims, text: str | None, steps: list[Step] | None
    ) -> Verdict:
        if claims.by_prefix:
            _tell(steps, "filename", claims.by_prefix, "by its beginning")
            return _decided(claims.by_prefix[0], "filename")
        if text and text.startswith("<?xml"):
            _tell(steps, "heuristic", ("XML",), "<?xml")
            return _decided("XML", "heuristic")
        ranked = self._rank(text, None, steps)
        needed = self._min_confidence
        if claims.is_unknown or claims.is_generic:
            needed = max(needed, UNKNOWN_EXTENSION_CONFIDENCE)
        if not ranked or ranked[0][1] < needed:
            return Verdict(NOTHING)
        return Verdict(Detection(ranked[0][0], "content", ranked[0][1]))

    def _rank(
        self, text: str | None, candidates: Names | None, steps: list[Step] | None
    ) -> list[tuple[str, float]]:
        if self._model is None or not text or text.isspace():
            return []
        if candidates is None:
            ranked = self._model.rank(text)
        else:
            named = {language_table().family(name): name for name in reversed(candidates)}
            found = self._model.rank(text, tuple(named), len(named))
            ranked = [(named[family], confidence) for family, confidence in found]
        # the last bits of a sum of products are the machine's own
        ranked = [(name, round(confidence, 3)) for name, confidence in ranked]
        detail = ", ".join(f"{name} {confidence:.2f}" for name, confidence in ranked)
        _tell(steps, "content", tuple(name for name, _ in ranked), detail)
        return ranked


def _claimed(claims: PathClaims, text: str | None) -> Iterator[tuple[Evidence, Names]]:
    if text:
        named = modeline_languages(text)
        # "fortran" means either form: the extension knows which, else it is the first
        yield "modeline", tuple(n for n in named if n in claims.by_extension)[:1] or named[:1]
    yield "filename", claims.by_filename
    if text:
        yield "shebang", shebang_languages(text)
    if not claims.is_generic:
        yield "extension", claims.by_extension


def _decided(language: str, evidence: Evidence, confidence: float | None = None) -> Verdict:
    trust = CONFIDENCE[evidence] if confidence is None else confidence
    return Verdict(Detection(language, evidence, trust))


def _tell(steps: list[Step] | None, evidence: str, languages: Names, detail: str = "") -> None:
    if steps is not None:
        steps.append(Step(evidence, languages, detail))
