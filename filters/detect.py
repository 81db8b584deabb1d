"""Which language a file is written in: by modeline, name, shebang, extension, rules, repository.

Each kind of evidence narrows the languages that an earlier one left; the first to leave a single
one decides. Where several languages remain and no rule speaks, the most likely one is guessed at a
low confidence, and the unambiguous files of its repository may overrule the guess. Renamed and
indistinguishable names are emitted as one (Dockerfile, Zeek, Pug, HTML ERB, R, MATLAB).
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec
import pyarrow as pa

from ..corpus.record import LANGUAGE
from .clues import (
    Names,
    extension_languages,
    filename_languages,
    modeline_languages,
    prefix_languages,
    shebang_languages,
)
from .heuristics import SILENT, apply_rules, generic_extensions, has_rules, primary_language

Evidence = Literal[
    "modeline",
    "filename",
    "shebang",
    "extension",
    "heuristic",
    "repository",
    "hint",
    "none",
]

# Set below the share that was right for each on 3,532 sample files (linguist, sample-programs,
# hello-world), because our rules were written with those files in view. "repository" (scaled by
# the majority's share) and "hint" are not measured.
CONFIDENCE: dict[Evidence, float] = {
    "modeline": 0.95,
    "filename": 0.98,
    "shebang": 0.97,
    "extension": 0.98,
    "heuristic": 0.95,
    "repository": 0.9,
    "hint": 0.5,
    "none": 0.0,
}
DEFAULT_CONFIDENCE = 0.9  # linguist's last, open rule of an extension
GUESS_CONFIDENCE = 0.5

# Sources that speak for another language's headers.
KIN = {"CUDA": ("C++",), "Objective-C++": ("C++", "Objective-C")}

UNDETERMINED = "und"  # ISO 639-2: no language was found
READ_ROWS = 256  # texts turned into Python strings at a time
COLUMNS = pa.schema([field for field in LANGUAGE if field.name != "doc_id"])

_LANGUAGE_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_].*)?", re.DOTALL)


class Detection(msgspec.Struct, frozen=True):
    """A language (None: abstained), the evidence that decided, and how far to trust it (0 to 1)."""

    language: str | None
    evidence: Evidence
    confidence: float


class _Verdict(msgspec.Struct, frozen=True):
    """A detection, and the languages that its repository may still choose from."""

    detection: Detection
    open: Names = ()


NOTHING = Detection(None, "none", 0.0)


def detect_language(path: str, text: str | None) -> Detection:
    """Return the language of one file; without a text the path alone decides."""
    return _examine(path, text).detection


def detect_repository(paths: Sequence[str], texts: Sequence[str | None]) -> list[Detection]:
    """Return the languages of one repository's files.

    A file whose extension several languages claim, and on which no rule speaks (.h, .m, .inc),
    takes the one among them that most of the repository's decided files are written in.
    """
    return _refine([_examine(path, text) for path, text in zip(paths, texts, strict=True)])


def language_columns(
    collections: pa.ChunkedArray,
    paths: pa.ChunkedArray,
    texts: pa.ChunkedArray,
    kinds: pa.ChunkedArray,
    hints: pa.ChunkedArray,
) -> pa.Table:
    """Return language, language_evidence and language_confidence, row for row.

    Files are judged with the other files of their collection in the same call; pages and documents
    take the language that they claim, as a primary BCP-47 tag, or "und".
    """
    table = pa.table([collections, paths, texts, kinds, hints], names=list("cptkh"))
    found: list[Detection] = [NOTHING] * table.num_rows
    repositories: dict[str | None, list[tuple[int, _Verdict]]] = {}
    for row, fields in enumerate(_rows(table)):
        if fields["k"] == "file":
            verdict = _examine(fields["p"] or "", fields["t"])
            repositories.setdefault(fields["c"], []).append((row, verdict))
        else:
            found[row] = _hinted(fields["h"])
    for members in repositories.values():
        refined = _refine([verdict for _, verdict in members])
        for (row, _), detection in zip(members, refined, strict=True):
            found[row] = detection
    columns = [
        [detection.language for detection in found],
        [detection.evidence for detection in found],
        [detection.confidence for detection in found],
    ]
    arrays = [pa.array(c, type=f.type) for c, f in zip(columns, COLUMNS, strict=True)]
    return pa.table(arrays, schema=COLUMNS)


def _rows(table: pa.Table) -> Iterator[dict[str, str | None]]:
    for batch in table.to_batches(max_chunksize=READ_ROWS):
        yield from batch.to_pylist()


def _hinted(hint: str | None) -> Detection:
    match = _LANGUAGE_TAG.fullmatch((hint or "").strip())
    if match is None:
        return Detection(UNDETERMINED, "none", 0.0)
    return Detection(match.group(1).lower(), "hint", CONFIDENCE["hint"])


def _examine(path: str, text: str | None) -> _Verdict:
    extension, claimants = extension_languages(path)
    generic = extension in generic_extensions()
    left: Names = ()
    last: Evidence = "extension"
    for evidence, found in _claims(path, text, claimants, generic=generic):
        narrowed = tuple(name for name in found if name in left) if left else found
        if len(narrowed) == 1:
            return _decided(narrowed[0], evidence)
        if narrowed:
            left, last = narrowed, evidence
    return _examine_content(path, text, extension, left, last)


def _claims(
    path: str, text: str | None, claimants: Names, *, generic: bool
) -> Iterator[tuple[Evidence, Names]]:
    if text:
        named = modeline_languages(text)
        # "fortran" means either form: the extension knows which, else it is the first
        yield "modeline", tuple(name for name in named if name in claimants)[:1] or named[:1]
    yield "filename", filename_languages(path)
    if text:
        yield "shebang", shebang_languages(text)
    if not generic:
        yield "extension", claimants


def _examine_content(
    path: str, text: str | None, extension: str, left: Names, last: Evidence
) -> _Verdict:
    extension = extension if extension else _rule_extension(path)
    answer = apply_rules(extension, text) if text else SILENT
    spoken = tuple(name for name in answer.languages if name in left) or answer.languages
    if len(spoken) == 1:
        if answer.spoke == "pattern":
            return _decided(spoken[0], "heuristic")
        return _decided(spoken[0], "extension", DEFAULT_CONFIDENCE)
    left = spoken or left
    if not left:
        return _examine_unclaimed(path, text)
    primary = primary_language(extension)
    guess = primary if primary in left else left[0]
    return _Verdict(Detection(guess, last, GUESS_CONFIDENCE), left)


def _rule_extension(path: str) -> str:
    """Return the lower-case suffix that has rules although no language claims it (.eslintrc)."""
    name = path.rpartition("/")[2].lower()
    suffix = name[max(name.rfind("."), 0) :]
    return suffix if has_rules(suffix) else ""


def _examine_unclaimed(path: str, text: str | None) -> _Verdict:
    if prefixed := prefix_languages(path):
        return _decided(prefixed[0], "filename")
    if text and text.startswith("<?xml"):
        return _decided("XML", "heuristic")
    return _Verdict(NOTHING)


def _decided(language: str, evidence: Evidence, confidence: float | None = None) -> _Verdict:
    trust = CONFIDENCE[evidence] if confidence is None else confidence
    return _Verdict(Detection(language, evidence, trust))


def _refine(verdicts: Sequence[_Verdict]) -> list[Detection]:
    votes: Counter[str] = Counter()
    for verdict in verdicts:
        language = verdict.detection.language
        if language is not None and not verdict.open:
            votes.update((language, *KIN.get(language, ())))
    return [_settle(verdict, votes) for verdict in verdicts]


def _settle(verdict: _Verdict, votes: Counter[str]) -> Detection:
    guess = verdict.detection.language
    total = sum(votes[name] for name in verdict.open)
    if total == 0:
        return verdict.detection
    best = max(verdict.open, key=lambda name: (votes[name], name == guess))
    share = votes[best] / total
    return Detection(best, "repository", CONFIDENCE["repository"] * share)
