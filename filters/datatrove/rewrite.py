"""Runs datatrove steps on records as they are read, and takes the texts that they make."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from ...corpus.record import Record
from .steps import LoadedStep, make_document

BATCH_RECORDS = 64
EMPTY = "empty"


def rewritten(records: Iterable[Record], steps: Sequence[LoadedStep]) -> Iterator[Record]:
    """Yield each record with the text that the steps make of it, one after the other.

    One that a step drops keeps its row: `read_drop` is the step's reason, and the text is gone.
    """
    source = iter(records)
    while batch := list(islice(source, BATCH_RECORDS)):
        for step in steps:
            batch = _apply(batch, step)
        yield from batch


def _apply(records: list[Record], step: LoadedStep) -> list[Record]:
    alive = [i for i, record in enumerate(records) if record.text is not None]
    documents = [
        make_document(records[i].text or "", str(i), {"path": records[i].path}) for i in alive
    ]
    for i, outcome in zip(alive, step.run(documents), strict=True):
        reason = outcome.reason or _unfit(outcome.text, step)
        text = None if reason else outcome.text
        records[i] = msgspec.structs.replace(records[i], text=text, read_drop=reason)
    return records


def _unfit(text: str, step: LoadedStep) -> str | None:
    """Return why a text that a step made cannot stay; a table holds no half of a character."""
    if not text:
        return f"{step.label}:{EMPTY}"
    try:
        text.encode()
    except UnicodeEncodeError:
        return f"{step.label}:undecodable"
    return None
