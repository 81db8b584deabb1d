"""Judges a column of texts by datatrove filters: every reason to drop each, in their order."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from .steps import LoadedStep, make_document

HITS = pa.list_(pa.string())
Row = Mapping[str, object]


def judge(texts: pa.ChunkedArray, rows: Sequence[Row], steps: Sequence[LoadedStep]) -> pa.Array:
    """Return the reasons of each text; null for those that no step looks at.

    Each step sees the text as it was read, whatever the one before it made of it, so that the
    first reason is that of a datatrove pipeline whose steps leave texts alone.

    Args:
        texts: nulls are not looked at.
        rows: what else is known of each: `id`, and whatever steps find in the metadata, `language`
            among them.
    """
    found: list[list[str] | None] = []
    for text, row in zip(texts.to_pylist(), rows, strict=True):
        wanted = [step for step in steps if not step.languages or row["language"] in step.languages]
        if text is None or not wanted:
            found.append(None)
            continue
        reasons = (_reason(step, text, row) for step in wanted)
        found.append([reason for reason in reasons if reason is not None])
    return pa.array(found, HITS)


def _reason(step: LoadedStep, text: str, row: Row) -> str | None:
    (outcome,) = step.run([make_document(text, str(row["id"]), row)])
    return outcome.reason
