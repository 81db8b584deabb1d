"""What a syntax tree says of its text: the answer that a parsing child sends to its parent."""

from typing import Literal

import msgspec

SyntaxStatus = Literal[
    "parsed", "no_grammar", "not_chosen", "too_large", "timeout", "crashed", "memory"
]


class Spans(msgspec.Struct, frozen=True, array_like=True):
    """Where functions, classes and comments lie, in the order of the text; three columns."""

    kinds: tuple[int, ...]  # indices of node_kinds.SPAN_KINDS
    starts: tuple[int, ...]  # bytes
    ends: tuple[int, ...]


class TreeFacts(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """What a tree says of its text; counts are None where the grammar has no such node."""

    error_bytes: int  # under ERROR nodes, and one for each MISSING node
    comment_bytes: int | None
    num_nodes: int
    num_node_types: int
    max_depth: int  # of the deepest node; the root's is 0
    num_functions: int | None
    num_classes: int | None
    spans: Spans
