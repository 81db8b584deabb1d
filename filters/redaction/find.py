"""Find everything in a text that a build may redact, every occurrence of it, in code points.

A secret that its context gave away (a password in a URL, a value assigned to a name) is looked for
again in the whole text, where it may stand without that context.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import pyarrow as pa

from ...corpus.text_batches import text_batches
from ..linear import utf8
from .addresses import find_emails, find_ip_addresses
from .assigned import find_assigned
from .keys import find_keys, find_private_keys, find_url_passwords
from .kinds import FINDINGS, Finding

__all__ = ["find_sensitive", "sensitive_column"]

BATCH_BYTES = 8 << 20
MIN_REPEATED_BYTES = 10  # a shorter value is left where no context says that it is a secret

# Of two that overlap, the earlier finder's counts.
_FINDERS = (
    find_private_keys,
    find_keys,
    find_url_passwords,
    find_emails,
    find_assigned,
    find_ip_addresses,
)
_SECRETS = frozenset(("url_password", "assigned_password", "assigned_key"))


def find_sensitive(text: str) -> list[Finding]:
    """Return what may be redacted of a text, in order and without overlaps, in code points."""
    data = utf8(text)
    found = _find(data)
    if not found or text.isascii():
        return found
    return _in_characters(data, found)


def sensitive_column(texts: pa.ChunkedArray) -> pa.Array:
    """Return a FINDINGS list for every text, null for null."""
    column: list[list[dict[str, str | int]] | None] = []
    for batch in text_batches(texts.cast(pa.large_string()), BATCH_BYTES):
        data, bounds = batch.data.data, batch.offsets.tolist()
        for start, stop in pairwise(bounds):
            text = bytes(data[start:stop])
            found = _find(text)
            if found and not text.isascii():
                found = _in_characters(text, found)
            column.append([finding._asdict() for finding in found])
    if texts.null_count:
        missing = texts.is_null().to_pylist()
        column = [None if gone else row for gone, row in zip(missing, column, strict=True)]
    return pa.array(column, FINDINGS)


def _find(data: bytes) -> list[Finding]:
    """Return the findings of a text's UTF-8, in bytes."""
    found: list[Finding] = []
    for finder in _FINDERS:
        found = _with(found, finder(data))
    secrets = {data[f.start : f.stop]: f.kind for f in found if f.kind in _SECRETS}
    for secret, kind in secrets.items():
        if len(secret) >= MIN_REPEATED_BYTES:
            found = _with(found, _repeats(data, secret, kind))
    return found


def _repeats(data: bytes, secret: bytes, kind: str) -> Iterator[Finding]:
    position = data.find(secret)
    while position >= 0:
        yield Finding(kind, position, position + len(secret))
        position = data.find(secret, position + len(secret))


def _with(found: list[Finding], more: Iterable[Finding]) -> list[Finding]:
    """Return both in order, without those of the second that overlap one before them."""
    added = sorted(more, key=lambda finding: (finding.start, -finding.stop))
    if not added:
        return found
    kept, taken = list(found), iter(found)
    ahead = next(taken, None)
    end = 0
    for finding in added:
        while ahead is not None and ahead.stop <= finding.start:
            ahead = next(taken, None)
        is_free = ahead is None or finding.stop <= ahead.start
        if is_free and finding.start >= end and finding.stop > finding.start:
            kept.append(finding)
            end = finding.stop
    return sorted(kept, key=lambda finding: finding.start)


def _in_characters(data: bytes, found: list[Finding]) -> list[Finding]:
    moved, position, chars = [], 0, 0
    for kind, start, stop in found:
        chars += len(data[position:start].decode("utf-8"))
        size = len(data[start:stop].decode("utf-8"))
        moved.append(Finding(kind, chars, chars + size))
        position, chars = stop, chars + size
    return moved
