"""Which nodes of a grammar are functions, classes and comments.

Classes are all types with named members: structs, records, interfaces, traits, enums, unions,
contracts, services. The names lie in node_kinds.toml.
"""

import sys
from collections.abc import Iterable
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import msgspec

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SpanKind = Literal["function", "class", "comment"]
SPAN_KINDS: tuple[SpanKind, ...] = ("function", "class", "comment")
TABLE = "node_kinds.toml"


class GrammarKinds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The names that one grammar has for functions and classes."""

    functions: frozenset[str]
    classes: frozenset[str]


class NodeKinds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rows of node_kinds.toml."""

    functions: frozenset[str]
    classes: frozenset[str]
    not_comments: frozenset[str]
    need_body: frozenset[str]  # are a class only with a field called `body`
    grammars: dict[str, GrammarKinds]

    def spans(self, grammar: str, names: Iterable[str]) -> dict[str, SpanKind]:
        """Return what the named nodes of a grammar are, as far as they are one of SPAN_KINDS."""
        own = self.grammars.get(grammar)
        functions, classes = (own or self).functions, (own or self).classes
        found: dict[str, SpanKind] = {}
        for name in names:
            if name in functions:
                found[name] = "function"
            elif name in classes:
                found[name] = "class"
            elif "comment" in name.lower() and name not in self.not_comments:
                found[name] = "comment"
        return found


@cache
def node_kinds() -> NodeKinds:
    """Return the table of this installation, read once a process."""
    return msgspec.convert(tomllib.loads(_read().decode("utf-8")), NodeKinds)


def node_kinds_digest() -> str:
    """Return the digest of the table."""
    return blake2b(_read(), digest_size=16).hexdigest()


def _read() -> bytes:
    return Path(__file__).with_name(TABLE).read_bytes()
