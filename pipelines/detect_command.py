"""The languages of files and folders, batch by batch, with what decided and every step to it.

Files are judged a repository at a time, since its other files tell what a bare .h is; nothing of
a batch is held once it is printed.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from ..corpus.sources.unit import ReadLimits
from ..filters.detect import (
    Detection,
    Step,
    detect_language,
    detect_repository,
    explain_language,
)
from .detect_files import FoundFile, Note, Reason, read_batches

ALONE_FILES = 64  # judged between two prints, where no repository is asked
DIGITS = 4


class FileLanguage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file's language (None: abstained), what decided, and how far to trust it (0 to 1).

    `reason` says why a file has no text to judge; `steps` are there where they were asked for.
    """

    path: str
    language: str | None
    confidence: float
    evidence: str
    reason: Reason | None = None
    steps: tuple[Step, ...] | None = None


def detect_paths(
    paths: Iterable[str],
    *,
    note: Note,
    name: str | None = None,
    content_only: bool = False,
    explain: bool = False,
) -> Iterator[list[FileLanguage]]:
    """Yield the languages of files, of all files below folders, and of stdin ("-"), in batches.

    Args:
        paths: what to read; a folder's files come in the order of their paths' bytes.
        note: is told of each file and folder that cannot be read.
        name: what stdin is called; it has no name otherwise.
        content_only: judge every file as if it had no name and no repository.
        explain: add what each kind of evidence said.

    Raises:
        GristmillError: a path does not exist.
    """
    for batch in read_batches(paths, name=name, limits=ReadLimits(), note=note):
        num_files = ALONE_FILES if content_only or not batch[0].repository else len(batch)
        for at in range(0, len(batch), num_files):
            yield _judge(batch[at : at + num_files], content_only=content_only, explain=explain)


def _judge(batch: Sequence[FoundFile], *, content_only: bool, explain: bool) -> list[FileLanguage]:
    readable = [(file.name, file.text) for file in batch if file.text is not None]
    if content_only:
        detections = [detect_language("", text) for _, text in readable]
    elif not batch[0].repository:
        detections = [detect_language(name, text) for name, text in readable]
    else:
        detections = detect_repository(*zip(*readable, strict=True)) if readable else []
    found = iter(detections)
    return [
        _without_text(file, file.reason)
        if file.text is None
        else _with_text(file, next(found), content_only=content_only, explain=explain)
        for file in batch
    ]


def _without_text(file: FoundFile, reason: Reason | None) -> FileLanguage:
    return FileLanguage(
        path=file.path, language=None, confidence=0.0, evidence="none", reason=reason
    )


def _with_text(
    file: FoundFile, found: Detection, *, content_only: bool, explain: bool
) -> FileLanguage:
    path = "" if content_only else file.name
    return FileLanguage(
        path=file.path,
        language=found.language,
        confidence=round(found.confidence, DIGITS),
        evidence=found.evidence,
        steps=_steps(path, file.text, found) if explain else None,
    )


def _steps(path: str, text: str | None, found: Detection) -> tuple[Step, ...]:
    """Return what each kind of evidence said, then the decision."""
    steps = list(explain_language(path, text))
    alone = detect_language(path, text)
    if alone != found:
        detail = f"alone {alone.language or 'nothing'} {alone.confidence:.2f}, by {alone.evidence}"
        steps.append(Step("repository", _names(found), detail))
    detail = f"{found.evidence} {found.confidence:.2f}"
    return (*steps, Step("decision", _names(found), detail))


def _names(found: Detection) -> tuple[str, ...]:
    return () if found.language is None else (found.language,)
