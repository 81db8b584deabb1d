"""Parse one text and walk its tree: what a killable child does for the syntax signals.

The walk uses a cursor and no recursion, so that a deep tree cannot overflow the stack; it takes
0.5 us a node, less than the parse. Each text gets a new parser: reused ones carry state from file
to file in jsonnet and elm, and a new one costs a microsecond.
"""

from functools import cache
from typing import NamedTuple

import msgspec
from tree_sitter import Node, Parser, Tree

from .grammars import load_grammar
from .killable import Kernel
from .node_kinds import SPAN_KINDS, SpanKind, node_kinds
from .tree_facts import Spans, TreeFacts

MAX_SPANS = 1024  # of a file; the first ones

_ERROR_ID = 0xFFFF  # the symbol of an ERROR node in every grammar of tree-sitter
_COMMENT = SPAN_KINDS.index("comment")


class _Kinds(NamedTuple):
    """What the ids of a grammar's nodes mean."""

    spans: dict[int, int]  # id -> index of SPAN_KINDS
    need_body: frozenset[int]
    present: frozenset[SpanKind]


def tree_facts(grammar: str, text: bytes) -> TreeFacts:
    """Return the facts of one text; it may hang, so only a process that may die calls it."""
    return walk(Parser(load_grammar(grammar)).parse(text), grammar)


def walk(tree: Tree, grammar: str) -> TreeFacts:
    """Return the facts of a tree; of nested errors and of nested comments the outermost count."""
    kinds = _kinds(grammar)
    root, cursor = tree.root_node, tree.walk()
    down, right, up = cursor.goto_first_child, cursor.goto_next_sibling, cursor.goto_parent
    has_errors, is_span = root.has_error, kinds.spans.keys()
    depth = max_depth = error_bytes = error_end = 0
    seen: set[int] = set()
    see = seen.add
    spans = _SpanCounts(kinds)
    while True:
        node = cursor.node
        assert node is not None
        kind_id = node.kind_id
        see(kind_id)
        if has_errors:
            error_bytes, error_end = _count_error(node, kind_id, error_bytes, error_end)
        if kind_id in is_span:
            spans.add(node, kind_id)
        if down():
            depth += 1
            if depth > max_depth:
                max_depth = depth
            continue
        while not right():
            if not up():
                return spans.facts(error_bytes, root.descendant_count, len(seen), max_depth)
            depth -= 1


def walk_slow(tree: Tree, grammar: str) -> TreeFacts:
    """Return the same from lists of nodes and their children: the exact twin of `walk`."""
    kinds = _kinds(grammar)
    spans = _SpanCounts(kinds)
    error_bytes = error_end = max_depth = 0
    nodes = [(tree.root_node, 0)]
    seen = []
    while nodes:
        node, depth = nodes.pop()
        nodes += [(child, depth + 1) for child in reversed(node.children)]
        seen.append(node.kind_id)
        max_depth = max(max_depth, depth)
        error_bytes, error_end = _count_error(node, node.kind_id, error_bytes, error_end)
        if node.kind_id in kinds.spans:
            spans.add(node, node.kind_id)
    return spans.facts(error_bytes, len(seen), len(set(seen)), max_depth)


class _SpanCounts:
    """Collects the spans of one tree."""

    def __init__(self, kinds: "_Kinds") -> None:
        self._kinds = kinds
        self._counts = [0] * len(SPAN_KINDS)
        self._comment_bytes = self._comment_end = 0
        self._spans: list[tuple[int, int, int]] = []

    def add(self, node: Node, kind_id: int) -> None:
        """Count a node that is a span by its kind."""
        kind, start, end = self._kinds.spans[kind_id], node.start_byte, node.end_byte
        if kind == _COMMENT:
            if start < self._comment_end:
                return
            self._comment_bytes, self._comment_end = self._comment_bytes + end - start, end
        elif kind_id in self._kinds.need_body and node.child_by_field_name("body") is None:
            return
        self._counts[kind] += 1
        if len(self._spans) < MAX_SPANS:
            self._spans.append((kind, start, end))

    def facts(
        self, error_bytes: int, num_nodes: int, num_node_types: int, max_depth: int
    ) -> TreeFacts:
        """Return these spans with what else was counted."""
        present, (functions, classes, _) = self._kinds.present, self._counts
        columns = zip(*self._spans, strict=True) if self._spans else ((), (), ())
        return TreeFacts(
            error_bytes=error_bytes,
            comment_bytes=self._comment_bytes if "comment" in present else None,
            num_nodes=num_nodes,
            num_node_types=num_node_types,
            max_depth=max_depth,
            num_functions=functions if "function" in present else None,
            num_classes=classes if "class" in present else None,
            spans=Spans(*columns),
        )


def _count_error(node: Node, kind_id: int, num_bytes: int, end: int) -> tuple[int, int]:
    """Return the bytes under errors with this node, and where the last error ends."""
    if node.start_byte < end:
        return num_bytes, end
    if kind_id == _ERROR_ID:
        return num_bytes + node.end_byte - node.start_byte, node.end_byte
    return num_bytes + node.is_missing, end


@cache
def _kinds(grammar: str) -> _Kinds:
    language = load_grammar(grammar)
    names = {
        i: name
        for i in range(language.node_kind_count)
        if language.node_kind_is_named(i)
        and language.node_kind_is_visible(i)
        and (name := language.node_kind_for_id(i)) is not None
    }
    table = node_kinds()
    spans = table.spans(grammar, names.values())
    return _Kinds(
        spans={i: SPAN_KINDS.index(spans[name]) for i, name in names.items() if name in spans},
        need_body=frozenset(i for i, name in names.items() if name in table.need_body),
        present=frozenset(spans.values()),
    )


def _prepare(grammar: str) -> None:
    _kinds(grammar)


def _answer(grammar: str, text: bytes) -> bytes:
    return msgspec.msgpack.encode(tree_facts(grammar, text))


KERNEL = Kernel(start=lambda: None, prepare=_prepare, answer=_answer)
