"""Syntax signals: what tree-sitter makes of a text, and where its functions and comments lie.

Parsing costs 10 to 25 times what everything else does, so only chosen rows are parsed (see
filters.syntax_scope), in a child process that a file may kill. A file is parsed whole or not at
all: cut at a limit, its open brackets would be errors that it does not have.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .grammars import LanguageGrammar, grammar_of
from .killable import Failure, KillableWorker
from .node_kinds import SPAN_KINDS
from .tree_facts import SyntaxStatus, TreeFacts

SYNTAX_SIGNALS = pa.schema(
    [
        ("syntax_status", pa.string()),  # a SyntaxStatus; null without a text
        ("syntax_error_fraction", pa.float64()),  # null where the grammar is no gate
        ("syntax_raw_error_fraction", pa.float64()),  # of the bytes: under an error, or missing
        ("syntax_comment_fraction", pa.float64()),  # of the bytes
        ("syntax_num_nodes", pa.int64()),
        ("syntax_num_node_types", pa.int64()),
        ("syntax_max_depth", pa.int64()),
        ("syntax_num_functions", pa.int64()),  # null where the grammar has no such node
        ("syntax_num_classes", pa.int64()),
    ]
)
SPAN = pa.struct(
    [("kind", pa.string()), ("start_byte", pa.int32()), ("end_byte", pa.int32())]
)  # of the text as UTF-8
SYNTAX = SYNTAX_SIGNALS.append(pa.field("syntax_spans", pa.list_(SPAN)))  # the first MAX_SPANS

Flags = npt.NDArray[np.bool_]


def syntax_columns(
    worker: KillableWorker,
    texts: pa.ChunkedArray,
    languages: Sequence[str | None],
    paths: Sequence[str],
    *,
    chosen: Flags,
    max_bytes: int,
) -> pa.Table:
    """Return the columns of SYNTAX, row for row.

    Args:
        worker: of the job `syntax`.
        texts: null where there is none.
        languages: names of the language table.
        paths: tell variants of a language.
        chosen: the rows that may be parsed.
        max_bytes: a longer text is not parsed.
    """
    grammars = [grammar_of(name, path) for name, path in zip(languages, paths, strict=True)]
    sizes = pc.fill_null(pc.binary_length(texts), -1).to_numpy()
    statuses = [
        _status_before(grammar, int(size), is_chosen=bool(flag), max_bytes=max_bytes)
        for grammar, size, flag in zip(grammars, sizes, chosen, strict=True)
    ]
    facts: list[TreeFacts | None] = [None] * len(statuses)
    rows = [i for i, status in enumerate(statuses) if status == "parsed"]
    items = [
        (grammar.grammar, texts[i].as_py().encode("utf-8"))
        for i in rows
        if (grammar := grammars[i]) is not None
    ]
    for i, answer in zip(rows, parse(worker, items), strict=True):
        if isinstance(answer, TreeFacts):
            facts[i] = answer
        else:
            statuses[i] = answer
    return _table(statuses, facts, grammars, sizes)


def parse(worker: KillableWorker, items: Sequence[tuple[str, bytes]]) -> list[TreeFacts | Failure]:
    """Return what each text's tree says, given its grammar, or why there is none."""
    return [
        msgspec.msgpack.decode(answer, type=TreeFacts) if isinstance(answer, bytes) else answer
        for answer in worker.run(items)
    ]


def _status_before(
    grammar: LanguageGrammar | None, num_bytes: int, *, is_chosen: bool, max_bytes: int
) -> SyntaxStatus | None:
    """Return what is known of a row before it is parsed; `parsed` means that it shall be."""
    if num_bytes < 0:
        return None
    if grammar is None:
        return "no_grammar"
    if not is_chosen:
        return "not_chosen"
    return "too_large" if num_bytes > max_bytes else "parsed"


def _table(
    statuses: Sequence[SyntaxStatus | None],
    facts: Sequence[TreeFacts | None],
    grammars: Sequence[LanguageGrammar | None],
    sizes: npt.NDArray[np.int64],
) -> pa.Table:
    columns: dict[str, list[str | float | None]] = {name: [] for name in SYNTAX_SIGNALS.names}
    for status, fact, grammar, size in zip(statuses, facts, grammars, sizes, strict=True):
        for name, column in columns.items():
            column.append(None if fact is None else _signal(name, fact, int(size)))
        columns["syntax_status"][-1] = status
        if grammar is None or not grammar.is_gate:
            columns["syntax_error_fraction"][-1] = None
    arrays = [pa.array(columns[field.name], field.type) for field in SYNTAX_SIGNALS]
    return pa.table([*arrays, _spans(facts)], schema=SYNTAX)


def _signal(name: str, fact: TreeFacts, num_bytes: int) -> float | None:
    """Return one signal of a tree; MISSING nodes, a byte each, can be more than the bytes."""
    if name in ("syntax_error_fraction", "syntax_raw_error_fraction"):
        return min(1.0, fact.error_bytes / max(1, num_bytes))
    if name == "syntax_comment_fraction":
        return None if fact.comment_bytes is None else fact.comment_bytes / max(1, num_bytes)
    value: float | None = getattr(fact, name.removeprefix("syntax_"), None)
    return value


def _spans(facts: Sequence[TreeFacts | None]) -> pa.ListArray:
    """Return a list column of SPAN; null where nothing was parsed."""
    known = [fact.spans for fact in facts if fact is not None]
    lengths = [0 if fact is None else len(fact.spans.kinds) for fact in facts]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    names = pa.array(SPAN_KINDS, pa.string())
    kinds = pa.array([kind for spans in known for kind in spans.kinds], pa.int32())
    values = pa.StructArray.from_arrays(
        [
            names.take(kinds),
            pa.array([start for spans in known for start in spans.starts], pa.int32()),
            pa.array([end for spans in known for end in spans.ends], pa.int32()),
        ],
        fields=list(SPAN),
    )
    missing = pa.array([fact is None for fact in facts], pa.bool_())
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=missing)
