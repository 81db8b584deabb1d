"""What a trace tells of a row of tokens and of one token, and the same as people read it."""

import msgspec

from .explanation import Origin
from .printable import printable


class Redaction(msgspec.Struct, frozen=True, kw_only=True):
    """What a placeholder stands for: its kind, and where it stood in the document."""

    kind: str
    start: int
    stop: int


class TracedOrigin(Origin, frozen=True, kw_only=True, omit_defaults=True):
    """Where a document of the row came from, its length, what was cut of it and redacted."""

    num_chars: int | None
    cut_spans: list[int] | None = None  # first, end, ... in characters of the document
    redactions: list[Redaction] | None = None  # likewise


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A run of one document's tokens in the row; `origin` is null if the ledger lacks it."""

    doc_id: str
    offset: int
    num_tokens: int
    origin: TracedOrigin | None


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """One token: its part of the row, its text, and where that stands in its document.

    `first_char` and `end_char` count the characters of the whole document, half open; they are
    null for a sentinel, for the line that names the path, and for a newline that the document
    lacked.
    """

    offset: int
    id: int
    name: str | None  # of a sentinel
    part: str  # prefix, middle, suffix, text, path comment, added newline, or sentinel
    text: str  # bytes of a torn character are escaped
    doc_id: str
    first_char: int | None
    end_char: int | None
    before: str
    after: str


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a token shard with its documents, and one token of it if that was asked for."""

    shard: str
    row: int
    row_group: int
    sample_id: str
    component: str
    language: str
    source: str
    fim: str  # none, PSM or SPM
    num_tokens: int
    segments: tuple[Segment, ...]
    token: Token | None


def format_trace(trace: Trace) -> str:
    """Return a trace as people read it."""
    lines = [
        f"{trace.shard} row {trace.row:,} (row group {trace.row_group}): {trace.num_tokens:,} "
        f"tokens, {trace.component}/{trace.language}, FIM {trace.fim.lower()}, "
        f"training document {trace.sample_id}",
    ]
    token = trace.token
    if token is None:
        for segment in trace.segments:
            lines.append(f"  {segment.offset:>8,}  {segment.num_tokens:>8,}  {_origin(segment)}")
    else:
        lines += _token_lines(token)
        segment = next(part for part in trace.segments if part.doc_id == token.doc_id)
        lines.append(f"document  {segment.doc_id}")
        lines.append(f"origin    {_origin(segment)}")
        if segment.origin is not None and segment.origin.bytes_digest is not None:
            lines.append(f"bytes     blake2b-128 {segment.origin.bytes_digest}")
    return "\n".join(printable(line) for line in lines)


def _token_lines(token: Token) -> list[str]:
    if token.name is not None:
        return [f"token     {token.offset:,}: {token.name} ({token.id})"]
    lines = [f"token     {token.offset:,}: {token.text!r} ({token.id}), {token.part}"]
    if token.first_char is not None and token.end_char is not None:
        lines.append(f"place     characters {token.first_char:,} to {token.end_char:,}")
    context = token.before.rpartition("\n")[2], token.text, token.after.partition("\n")[0]
    lines.append(f"excerpt   {context[0]}[{context[1].strip(chr(10))}]{context[2]}")
    return lines


def _origin(segment: Segment) -> str:
    if segment.origin is None:
        return f"{segment.doc_id}, which the ledger does not know"
    return segment.origin.place
