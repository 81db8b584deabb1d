"""What a source file says it needs: its import statements as normalised strings, in linear time.

Spelling, one string per imported name, in the order of the file, each once:

    Python      "import a.b", "from .a import x", "from a import *"
    Java        "package p", "import p.C", "import p.*", "import static p.C.m"
    C#          "namespace N", "using N", "using static N.T", "using = N.T" (an alias)
    C, C++      'include "x.h"', "include <x.h>"
    Go          "package p", "import host/path"; of a go.mod file "module host/path"
    Rust        "mod x", "use crate::a::b", "use super::x::*"
    JavaScript, TypeScript (with JSX, TSX)   the specifier: "./x", "react"

DeepSeek-Coder took them by regular expressions (section 2.2). So does this, but comments and
strings are matched by the same expression, so that a statement inside them is not seen. No
alternative can backtrack far: an unterminated comment or string runs to its end. A build asks a
parser first, in a process that may die (filters.parse_worker): tree-sitter 0.26 with the language
pack 0.13.0 takes over 20 s on 64 KB of `! , */` labelled Java, 16 GB on 64 KB of `a<`, and crashes
the process on `+if(.|`; no callback sees it in time. The file that kills it comes here.
`filters.imports_parser` is the exact twin for well-formed files.
"""

import re
from collections.abc import Callable, Iterator

MAX_SOURCE_CHARS = 262_144  # imports stand far before; bounds the time of one file
MAX_IMPORT_CHARS = 500  # no name that people wrote is longer, and prefixes are repeated
MAX_PATH_PARTS = 32

_BLOCK_COMMENT = r"/\*[^*]*(?:\*(?!/)[^*]*)*(?:\*/|\Z)"
_LINE_COMMENT = r"//[^\n]*"
_QUOTED = r'"(?:[^"\\\n]|\\[\s\S])*"?'
_TICKED = r"'(?:[^'\\\n]|\\[\s\S])*'?"
_CHARACTER = r"'(?:\\[^\n'][^'\n]{0,9}|\\'|[^'\\\n])'"
_TEXT_BLOCK = r'"""[^"\\]*(?:(?:\\[\s\S]|"(?!""))[^"\\]*)*(?:"""|\Z)'
_START = r"(?:^\ufeff?|(?<=[;{}/\]]))[ \t]*"  # of a statement: a line, or after another's end
_NAME = r"[\w.@$]{1,500}"


def _lexer(*skipped: str, **statements: str) -> re.Pattern[str]:
    """Return one expression: what to skip, then the statements, whose names tell the handlers."""
    named = [f"(?P<{name}>{pattern})" for name, pattern in statements.items()]
    return re.compile("|".join([*skipped, *named]), re.MULTILINE)


_PYTHON = _lexer(
    r"#[^\n]*",
    _TEXT_BLOCK,
    _TEXT_BLOCK.replace('"', "'"),
    _QUOTED,
    _TICKED,
    statement=r"(?:^\ufeff?|(?<=[;:]))[ \t]*(?:import\b(?P<modules>(?:[^#\n;\\]|\\\r?\n)+)"
    r"|from\b(?P<module>[\w. \t]{1,500}?)(?:\\\r?\n[ \t]*)?\bimport\b(?:[ \t]|\\\r?\n)*"
    r"(?P<names>\((?:[^)#]|#[^\n]*)*(?:\)|\Z)|(?:[^#\n;(\\]|\\\r?\n)+))",
)
_JAVA = _lexer(
    _BLOCK_COMMENT,
    _LINE_COMMENT,
    _TEXT_BLOCK,
    _QUOTED,
    _CHARACTER,
    statement=rf"{_START}(?P<kind>package|import(?:\s+static)?)\s+(?P<name>{_NAME}(?:\*)?)\s*;",
)
_CSHARP = _lexer(
    _BLOCK_COMMENT,
    _LINE_COMMENT,
    r'"""(?:[^"]|"(?!""))*(?:"""|\Z)',
    r'\$?@\$?"[^"]*(?:""[^"]*)*(?:"|\Z)',
    _QUOTED,
    _CHARACTER,
    scope=rf"{_START}namespace\s+(?P<namespace>{_NAME})\s*(?P<opener>[;{{])",
    using=rf"{_START}(?:global\s+)?using\s+(?P<static>static\s+)?(?P<alias>@?\w{{1,200}}\s*=\s*)?"
    rf"(?:global::)?(?P<target>{_NAME})\s*;",
    brace=r"[{}]",
)
_C = _lexer(
    _BLOCK_COMMENT,
    _LINE_COMMENT,
    r'R"(?P<fence>[^()\s\\"]{0,16})\((?:(?!\)(?P=fence)")[\s\S])*(?:\)(?P=fence)"|\Z)',
    _QUOTED,
    _CHARACTER,
    include=r"^\ufeff?[ \t]*#[ \t]*include[ \t]*(?P<path><[^>\n]+>|\"[^\"\n]+\")",
)
_GO = _lexer(
    _BLOCK_COMMENT,
    _LINE_COMMENT,
    _CHARACTER,
    package=rf"{_START}package[ \t]+(?P<name>\w+)",
    block=rf"{_START}import[ \t]*\(",
    one=rf"{_START}import(?=[ \t]*(?:[\w.]+[ \t]*)?[\"`])",
    string=rf"{_QUOTED}|`[^`]*(?:`|\Z)",
    end=r"\)",
)
_VISIBILITY = r"(?:pub\b[ \t]*(?:\([^()\n]*\)[ \t]*)?)?"
_RUST = _lexer(
    r"/\*[^*]*(?:\*(?!/)[^*]*)*(?:\*/|\Z)",
    _LINE_COMMENT,
    r'\bb?r(?P<fence>#*)"(?:(?!"(?P=fence))[\s\S])*(?:"(?P=fence)|\Z)',
    r'"[^"\\]*(?:\\[\s\S][^"\\]*)*(?:"|\Z)',
    _CHARACTER,
    module=rf"{_START}{_VISIBILITY}mod\s+(?P<name>\w+)\s*(?P<opener>[;{{])",
    use=rf"{_START}{_VISIBILITY}use\s+(?P<tree>[^;]+)(?:;|\Z)",
    brace=r"[{}]",
)
_SPECIFIER = r"(?P<{0}>\"[^\"\n]+\"|'[^'\n]+')"
_JAVASCRIPT = _lexer(
    _BLOCK_COMMENT,
    _LINE_COMMENT,
    r"`[^`\\]*(?:\\[\s\S][^`\\]*)*(?:`|\Z)",
    clause=rf"(?<![\w$.])(?:from|import)\s*{_SPECIFIER.format('source')}",
    call=rf"(?<![\w$.])(?:require|import)\s*\(\s*{_SPECIFIER.format('argument')}",
    string=rf"{_QUOTED}|{_TICKED}",
)
_GO_MODULE = re.compile(r"^module[ \t]+\"?([^\s\"]+)", re.MULTILINE)
_COMMENTS = re.compile(rf"{_BLOCK_COMMENT}|{_LINE_COMMENT}")


def extract_imports(language: str, text: str) -> list[str]:
    """Return the imports of a file, spelled as above; none for a language not listed there."""
    extract = _EXTRACTORS.get(language)
    if extract is None:
        return []
    spelled = extract(text[:MAX_SOURCE_CHARS])
    return list(dict.fromkeys(item for item in spelled if len(item) <= MAX_IMPORT_CHARS))


def _python(text: str) -> Iterator[str]:
    for match in _PYTHON.finditer(text):
        if match["statement"] is None:
            continue
        listed = re.sub(r"#[^\n]*|[()\\]", " ", match["modules"] or match["names"])
        module = "".join((match["module"] or "").split())
        if module == "__future__":
            continue  # no module: an instruction to the compiler
        for name in listed.split(","):
            if words := name.split():
                yield f"from {module} import {words[0]}" if module else f"import {words[0]}"


def _java(text: str) -> Iterator[str]:
    for match in _JAVA.finditer(text):
        if match["statement"] is not None:
            yield f"{' '.join(match['kind'].split())} {match['name']}"


def _csharp(text: str) -> Iterator[str]:
    scopes = _Scopes()
    for match in _CSHARP.finditer(text):
        if match.lastgroup == "brace":
            scopes.brace(match.group())
        elif match.lastgroup == "scope":
            yield f"namespace {'.'.join([*scopes.names(), match['namespace']])}"
            if match["opener"] == "{":
                scopes.open(match["namespace"])
        elif match.lastgroup == "using":
            kind = (
                "using = " if match["alias"] else "using static " if match["static"] else "using "
            )
            yield kind + match["target"]


def _c(text: str) -> Iterator[str]:
    for match in _C.finditer(text):
        if match["include"] is not None:
            yield f"include {match['path']}"


def _go(text: str) -> Iterator[str]:
    state = ""
    for match in _GO.finditer(text):
        if match.lastgroup == "package":
            yield f"package {match['name']}"
        elif match.lastgroup == "string":
            if state:
                yield f"import {match.group()[1:-1]}"
            state = "" if state == "one" else state
        elif match.lastgroup is not None:
            state = "" if match.lastgroup == "end" else match.lastgroup


def _go_module(text: str) -> Iterator[str]:
    return (f"module {name}" for name in _GO_MODULE.findall(text))


def _rust(text: str) -> Iterator[str]:
    scopes = _Scopes()
    for match in _RUST.finditer(text):
        if match.lastgroup == "brace":
            scopes.brace(match.group())
        elif match.lastgroup == "module" and match["opener"] == "{":
            scopes.open(match["name"])
        elif match.lastgroup == "module":
            yield f"mod {'::'.join([*scopes.names(), match['name']])}"
        elif match.lastgroup == "use":
            for parts in _use_paths(_COMMENTS.sub(" ", match["tree"])):
                yield f"use {'::'.join(_from_file(parts, scopes.names()))}"


def _javascript(text: str) -> Iterator[str]:
    for match in _JAVASCRIPT.finditer(text):
        specifier = match["source"] or match["argument"]
        if specifier is not None:
            yield specifier[1:-1]


class _Scopes:
    """The named braces around a statement."""

    def __init__(self) -> None:
        self._open: list[str] = []  # "" for a brace without a name

    def open(self, name: str) -> None:
        self._open.append(name)

    def brace(self, brace: str) -> None:
        if brace == "{":
            self._open.append("")
        elif self._open:
            self._open.pop()

    def names(self) -> list[str]:
        return [name for name in self._open[:MAX_PATH_PARTS] if name]


def _use_paths(tree: str) -> Iterator[list[str]]:
    """Yield the paths of a use tree, its braces multiplied out and its aliases dropped."""
    prefixes: list[list[str]] = [[]]
    path: list[str] = []
    alias = False
    for word in [*re.findall(r"\w+|[{},*]", tree), ","]:
        if word in ",}":
            leaf = path[:-1] if path[-1:] == ["self"] and len(path) > 1 else path
            if len(path) > len(prefixes[-1]) and len(leaf) <= MAX_PATH_PARTS:
                yield leaf
            if word == "}" and len(prefixes) > 1:
                prefixes.pop()
            path = list(prefixes[-1])
        elif word == "{":
            prefixes.append(path[: MAX_PATH_PARTS + 1])
        elif word == "as":
            alias = True
        elif alias:
            alias = False
        else:
            path.append(word)


def _from_file(parts: list[str], inline: list[str]) -> list[str]:
    """Return a path as the file's own module would write it, given the inline modules around it."""
    if not inline or parts[0] not in ("self", "super"):
        return parts
    num_supers = next((i for i, part in enumerate(parts) if part != "super"), len(parts))
    if num_supers > len(inline):
        return parts[len(inline) :]
    start = 1 if parts[0] == "self" else num_supers
    return ["self", *inline[: len(inline) - num_supers], *parts[start:]]


_EXTRACTORS: dict[str, Callable[[str], Iterator[str]]] = {
    "Python": _python,
    "Java": _java,
    "C#": _csharp,
    "C": _c,
    "C++": _c,
    "Go": _go,
    "Go Module": _go_module,
    "Rust": _rust,
    "JavaScript": _javascript,
    "JSX": _javascript,
    "TypeScript": _javascript,
    "TSX": _javascript,
}

IMPORT_LANGUAGES = frozenset(_EXTRACTORS)
