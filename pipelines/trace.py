"""Trace: from a token of a shard to its document and to repo@commit or a WARC record.

Only the row group that holds the row is read. What the row was made from is undone as it was
done: FIM puts the middle last, a file opens with a comment that names its path, and pieces of a
repository sample end with a newline.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ..corpus.errors import GristmillError
from ..corpus.fim import FimMode, split_fim, undo_fim, whole_spans
from ..corpus.mixture import read_mixture
from ..corpus.shards import ShardMetadata, footer_info
from ..corpus.storage import join
from ..corpus.tokenizer import Tokenizer, load_tokenizer
from ..corpus.toml_settings import unknown_name
from ..corpus.vocabulary import build_tokenizer
from ..filters.languages import path_comment
from ..filters.redaction.kinds import Finding
from ..filters.redaction.redact import original_span
from .artifact import open_parquet
from .published import BuildRecord
from .tables import BuildTables, open_tables
from .trace_text import Segment, Token, Trace, TracedOrigin

EXCERPT_CHARS = 60  # on either side of the token

Tokens = npt.NDArray[np.int32]


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """A token row as Python values."""

    doc_id: bytes
    tokens: Tokens
    language: str
    source: str
    fim: FimMode
    runs: tuple[tuple[bytes, int, int], ...]  # document, first token, end


def trace(out: str, shard: str, row: int, offset: int | None) -> Trace:
    """Return what stands at a row of a shard, and the token at an offset of it.

    Args:
        out: the build directory.
        shard: its path below the build, with or without `tokens/`.
        row: counted from 0 over the whole shard.
        offset: of the token in the row, or None for the row alone.

    Raises:
        GristmillError: there is no such build, shard, row or token.
    """
    with open_tables(out) as tables:
        path = _shard_path(tables.record, out, shard)
        url = join(out, path)
        with open_parquet(url) as file:
            metadata = footer_info(file.metadata, url).metadata
            group, found = _read_row(file, row, path)
        tables.add_ledger()
        origins = _origins(tables, sorted({run[0].hex() for run in found.runs}))
    token = None
    if offset is not None:
        mixture = read_mixture(join(out, "mixture.json"))
        tokenizer = load_tokenizer(build_tokenizer(out, mixture))
        where = f"{path} row {row}"
        token = _trace_token(found, offset, origins, metadata, tokenizer, where=where)
    segments = tuple(
        Segment(
            doc_id=doc.hex(), offset=start, num_tokens=end - start, origin=origins.get(doc.hex())
        )
        for doc, start, end in found.runs
    )
    return Trace(
        shard=path,
        row=row,
        row_group=group,
        sample_id=found.doc_id.hex(),
        component=metadata.component,
        language=found.language,
        source=found.source,
        fim=found.fim.name,
        num_tokens=len(found.tokens),
        segments=segments,
        token=token,
    )


def _shard_path(record: BuildRecord, out: str, shard: str) -> str:
    path = shard.removeprefix(join(out, ""))
    shards = {**record.tokens, **record.held_out}
    if path not in shards and f"tokens/{path}" in shards:
        path = f"tokens/{path}"
    if path not in shards:
        raise unknown_name(path, list(shards), where=out, what="shard")
    return path


def _read_row(file: pq.ParquetFile, row: int, path: str) -> tuple[int, _Row]:
    """Return the number of the row's row group, and the row."""
    start = 0
    for group in range(file.num_row_groups):
        count = file.metadata.row_group(group).num_rows
        if 0 <= row - start < count:
            table = file.read_row_group(group).slice(row - start, 1)
            return group, _row(table)
        start += count
    raise GristmillError(
        f"the shard has {start:,} rows, 0 to {start - 1:,}; there is no row {row:,}",
        where=path,
        todo="Name a row of the shard.",
    )


def _row(table: pa.Table) -> _Row:
    values = table.drop_columns(["tokens"]).to_pylist()[0]
    tokens = table["tokens"].combine_chunks().flatten().to_numpy()
    files = [(file["doc_id"], file["offset"]) for file in values["files"] or ()]
    files = files or [(values["doc_id"], 0)]
    ends = [*(offset for _, offset in files[1:]), len(tokens)]
    return _Row(
        doc_id=values["doc_id"],
        tokens=tokens,
        language=values["language"],
        source=values["source"],
        fim=FimMode(values["fim"]),
        runs=tuple((doc, first, end) for (doc, first), end in zip(files, ends, strict=True)),
    )


_ORIGINS = """
    SELECT lower(hex(doc_id)) AS doc_id, source, kind, collection, path, revision, origin_file,
        origin_offset, lower(hex(bytes_digest)) AS bytes_digest, licence, language, num_chars,
        COLUMNS('^(component|cut_spans|redactions)$')
    FROM ledger WHERE doc_id IN (SELECT unhex(unnest(?)))
"""  # a ledger has spans if the recipe asks for cuts; COLUMNS must match a column


def _origins(tables: BuildTables, doc_ids: Sequence[str]) -> dict[str, TracedOrigin]:
    return {origin.doc_id: origin for origin in tables.fetch(TracedOrigin, _ORIGINS, (doc_ids,))}


def _trace_token(
    row: _Row,
    offset: int,
    origins: dict[str, TracedOrigin],
    metadata: ShardMetadata,
    tokenizer: Tokenizer,
    *,
    where: str,
) -> Token:
    if not 0 <= offset < len(row.tokens):
        raise GristmillError(
            f"the row has {len(row.tokens):,} tokens; there is no token {offset:,}",
            where=where,
            todo=f"Name an offset from 0 to {len(row.tokens) - 1:,}.",
        )
    doc = next(doc for doc, start, end in row.runs if start <= offset < end)
    token = int(row.tokens[offset])
    name = tokenizer.sentinels.names.get(token)
    if name is not None:
        return Token(
            offset=offset,
            id=token,
            name=name,
            part="sentinel",
            text="",
            doc_id=doc.hex(),
            first_char=None,
            end_char=None,
            before="",
            after="",
        )
    return _text_token(row, offset, doc, origins.get(doc.hex()), metadata, tokenizer)


def _text_token(
    row: _Row,
    offset: int,
    doc: bytes,
    origin: TracedOrigin | None,
    metadata: ShardMetadata,
    tokenizer: Tokenizer,
) -> Token:
    order = _original_order(row, tokenizer)
    owner = np.concatenate([np.full(end - start, i) for i, (_, start, end) in enumerate(row.runs)])
    mine = np.isin(owner, [i for i, run in enumerate(row.runs) if run[0] == doc])
    own = order[mine[order]]
    position = int(np.flatnonzero(own == offset)[0])
    head = tokenizer.decode_bytes(row.tokens[own[:position]])
    text = tokenizer.decode_bytes(row.tokens[own[position : position + 1]])
    data = tokenizer.decode_bytes(row.tokens[own])
    first, end = _char_range(data, len(head), len(head) + len(text))
    piece = data.decode("utf-8")
    header_chars = _header_chars(origin, row.language)
    frame = None
    if end <= header_chars:
        frame = "path comment"
    place = _place(first - header_chars, end - header_chars, origin)
    if not frame and origin is not None and origin.num_chars in range(place[0] + 1):
        frame = "added newline"
    part = _fim_part(row, offset, metadata, tokenizer)
    return Token(
        offset=offset,
        id=int(row.tokens[offset]),
        name=None,
        part=f"{frame}, {part}" if frame else part,
        text=text.decode("utf-8", "backslashreplace"),
        doc_id=doc.hex(),
        first_char=None if frame else place[0],
        end_char=None if frame else place[1],
        before=piece[max(first - EXCERPT_CHARS, 0) : first],
        after=piece[end : end + EXCERPT_CHARS],
    )


def _place(start: int, stop: int, origin: TracedOrigin | None) -> tuple[int, int]:
    """Return which characters of the whole document stand behind those of a piece."""
    if origin is None or start < 0:
        return start, stop
    findings = [Finding(each.kind, each.start, each.stop) for each in origin.redactions or ()]
    return original_span(start, stop, findings, origin.cut_spans or ())


def _original_order(row: _Row, tokenizer: Tokenizer) -> npt.NDArray[np.int64]:
    """Return the offsets of the row's text tokens in the order of the text."""
    positions = np.arange(len(row.tokens))
    if row.fim == FimMode.NONE:
        return positions[:-1]
    parts = undo_fim(row.tokens, tokenizer.sentinels)
    hole = 1 + len(parts.prefix)
    end = hole + 1 + len(parts.suffix)
    return np.concatenate([positions[1:hole], positions[end + 1 : -1], positions[hole + 1 : end]])


def _char_range(data: bytes, start: int, stop: int) -> tuple[int, int]:
    """Return the characters that bytes start..stop-1 touch, half open."""
    leads = (np.frombuffer(data, np.uint8) & 0xC0) != 0x80  # not a continuation byte of UTF-8
    before = np.cumsum(leads)
    return int(before[start]) - 1, int(before[stop - 1])


def _header_chars(origin: TracedOrigin | None, language: str) -> int:
    """Return the length of the comment that names a file's path, newline included."""
    if origin is None or origin.kind != "file":
        return 0
    header = path_comment(language, origin.path)
    return 0 if header is None else len(header) + 1


def _fim_part(row: _Row, offset: int, metadata: ShardMetadata, tokenizer: Tokenizer) -> str:
    if row.fim == FimMode.NONE:
        return "text"
    parts = undo_fim(row.tokens, tokenizer.sentinels)
    hole = 1 + len(parts.prefix)
    end = hole + 1 + len(parts.suffix)
    if offset < hole:
        return "prefix"
    if offset < end:
        return "suffix"
    if row.fim == FimMode.PSM:
        return "middle"
    # SPM writes prefix and middle as one run; the cut is drawn again from the row's id.
    text = tokenizer.decode_bytes(np.concatenate([parts.middle, parts.suffix])).decode("utf-8")
    spans = whole_spans(text)
    split = split_fim(row.doc_id, len(text), metadata.fim, forbidden=spans)
    head = tokenizer.decode_bytes(row.tokens[end + 1 : offset + 1])
    _, last = _char_range(head, 0, len(head))
    return "middle" if split is None or last > split.start else "prefix"
