"""Imports by tree-sitter queries: the exact twin of filters.imports.

A parser knows comments, strings and nested scopes for certain, so it is what builds use and what
the expressions are tested against. It must not meet files that nobody has looked at, unless in a
process that may die: see filters.parse_worker.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache

import msgspec
from tree_sitter import Language, Node, Parser, Query, QueryCursor
from tree_sitter_language_pack import SupportedLanguage, get_language

from .imports import MAX_IMPORT_CHARS, MAX_PATH_PARTS, _from_file
from .killable import Kernel

_JAVASCRIPT = """
(import_statement source: (string) @import)
(export_statement source: (string) @import)
(call_expression function: (import) arguments: (arguments . (string) @import))
(call_expression function: (identifier) @name arguments: (arguments . (string) @import)
 (#eq? @name "require"))
"""
_TYPESCRIPT = _JAVASCRIPT + "(import_require_clause source: (string) @import)"
_INCLUDE = "(preproc_include path: [(string_literal) (system_lib_string)] @import)"

# language: grammar, query whose @import captures hold one statement each; a @scope surrounds some
_GRAMMARS: dict[str, tuple[SupportedLanguage, str]] = {
    "Python": ("python", "[(import_statement) (import_from_statement)] @import"),
    "Java": ("java", "[(package_declaration) (import_declaration)] @import"),
    "C#": (
        "csharp",
        "[(using_directive) (file_scoped_namespace_declaration)] @import"
        " (namespace_declaration) @import @scope",
    ),
    "C": ("c", _INCLUDE),
    "C++": ("cpp", _INCLUDE),
    "Go": ("go", "[(package_clause) (import_spec)] @import"),
    "Rust": (
        "rust",
        "[(mod_item !body) (use_declaration)] @import (mod_item body: (_)) @scope",
    ),
    "JavaScript": ("javascript", _JAVASCRIPT),
    "JSX": ("javascript", _JAVASCRIPT),
    "TypeScript": ("typescript", _TYPESCRIPT),
    "TSX": ("tsx", _TYPESCRIPT),
}


def extract_imports_parser(language: str, text: str) -> list[str]:
    """Return the imports of a file, spelled as filters.imports spells them."""
    grammar, pattern = _GRAMMARS[language]
    tree = Parser(_grammar(grammar)).parse(text.encode("utf-8"))
    captures = QueryCursor(_query(grammar, pattern)).captures(tree.root_node)
    spell = _SPELLINGS[grammar]
    spelled = [
        item
        for node, scopes in _with_scopes(captures.get("import", []), captures.get("scope", []))
        for item in spell(node, scopes)
    ]
    return list(dict.fromkeys(spelled))


def _answer(language: str, text: bytes) -> bytes:
    found = extract_imports_parser(language, text.decode("utf-8"))
    return msgspec.msgpack.encode([item for item in found if len(item) <= MAX_IMPORT_CHARS])


def load_grammars() -> None:
    """Load every grammar and compile its query, so that no file pays for it."""
    for grammar, pattern in _GRAMMARS.values():
        _query(grammar, pattern)


def _with_scopes(imports: list[Node], scopes: list[Node]) -> Iterator[tuple[Node, list[str]]]:
    """Yield the statements in order, each with the names of the scopes around it, outermost first.

    One pass with a stack: `Node.parent` walks down from the root, so asking it at every level of
    a deep file would be cubic. Statements deeper than MAX_PATH_PARTS scopes are left out.
    """
    events = [(node.start_byte, 0, node) for node in imports]
    events += [(node.start_byte, 1, node) for node in scopes]
    open_scopes: list[tuple[int, str]] = []
    for start, is_scope, node in sorted(events, key=lambda event: event[:2]):
        while open_scopes and open_scopes[-1][0] <= start:
            open_scopes.pop()
        if is_scope:
            open_scopes.append((node.end_byte, _text(node.child_by_field_name("name"))))
        elif len(open_scopes) <= MAX_PATH_PARTS:
            yield node, [name for _, name in open_scopes]


@cache
def _grammar(name: SupportedLanguage) -> Language:
    return get_language(name)


@cache
def _query(grammar: SupportedLanguage, pattern: str) -> Query:
    return Query(_grammar(grammar), pattern)


def _text(node: Node | None) -> str:
    """Return a node's source without white space, which a dotted name may contain."""
    if node is None or node.text is None:
        return ""
    return "".join(node.text.decode("utf-8", errors="replace").split())


def _python(node: Node, _scopes: list[str]) -> Iterator[str]:
    names = []
    for name in node.children_by_field_name("name"):
        inner = name.child_by_field_name("name") if name.type == "aliased_import" else name
        names.append(_text(inner))
    if any(child.type == "wildcard_import" for child in node.named_children):
        names.append("*")
    module = node.child_by_field_name("module_name")
    prefix = "import " if module is None else f"from {_text(module)} import "
    return (prefix + name for name in names if name)


def _java(node: Node, _scopes: list[str]) -> Iterator[str]:
    kinds = {child.type: child for child in node.children}
    name = _text(kinds.get("scoped_identifier") or kinds.get("identifier"))
    if not name:
        return
    if node.type == "package_declaration":
        yield f"package {name}"
    else:
        static = "static " if "static" in kinds else ""
        yield f"import {static}{name}{'.*' if 'asterisk' in kinds else ''}"


def _csharp(node: Node, scopes: list[str]) -> Iterator[str]:
    if node.type != "using_directive":
        yield f"namespace {'.'.join([*scopes, _text(node.child_by_field_name('name'))])}"
        return
    target = node.named_children[-1] if node.named_children else None
    name = _text(target).removeprefix("global::")
    if not re.fullmatch(r"[\w.@]+", name):
        return  # an alias of a generic or built-in type
    if node.child_by_field_name("name") is not None:
        yield f"using = {name}"
    elif any(child.type == "static" for child in node.children):
        yield f"using static {name}"
    else:
        yield f"using {name}"


def _include(node: Node, _scopes: list[str]) -> Iterator[str]:
    path = (node.text or b"").decode("utf-8", errors="replace").strip()
    if len(path) > 2:
        yield f"include {path}"


def _go(node: Node, _scopes: list[str]) -> Iterator[str]:
    if node.type == "package_clause":
        yield f"package {_text(node.named_children[0])}"
    else:
        yield f"import {_text(node.child_by_field_name('path'))[1:-1]}"


def _rust(node: Node, scopes: list[str]) -> Iterator[str]:
    if node.type == "mod_item":
        yield f"mod {'::'.join([*scopes, _text(node.child_by_field_name('name'))])}"
        return
    for parts in _use_paths(node.child_by_field_name("argument")):
        if len(parts) <= MAX_PATH_PARTS:
            yield f"use {'::'.join(_from_file(parts, scopes))}"


def _use_paths(tree: Node | None) -> Iterator[list[str]]:
    """Yield the paths of a use tree, its braces multiplied out and its aliases dropped."""
    pending: list[tuple[list[str], Node | None]] = [([], tree)]
    while pending:
        prefix, node = pending.pop()
        if node is None or len(prefix) > MAX_PATH_PARTS:
            continue
        path = _text(node.child_by_field_name("path"))
        if node.type == "scoped_use_list":
            inner = prefix + (path.split("::") if path else [])
            pending.append((inner, node.child_by_field_name("list")))
        elif node.type == "use_list":
            pending += [(prefix, child) for child in reversed(node.named_children)]
        elif node.type == "use_as_clause":
            yield prefix + path.split("::")
        elif node.type in ("identifier", "scoped_identifier", "crate", "super", "use_wildcard"):
            yield prefix + _text(node).removeprefix("::").split("::")
        elif node.type == "self":
            yield prefix or ["self"]


def _specifier(node: Node, _scopes: list[str]) -> Iterator[str]:
    specifier = _text(node)[1:-1]
    if specifier:
        yield specifier


_SPELLINGS: dict[str, Callable[[Node, list[str]], Iterator[str]]] = {
    "python": _python,
    "java": _java,
    "csharp": _csharp,
    "c": _include,
    "cpp": _include,
    "go": _go,
    "rust": _rust,
    "javascript": _specifier,
    "typescript": _specifier,
    "tsx": _specifier,
}

KERNEL = Kernel(start=load_grammars, prepare=lambda language: None, answer=_answer)
