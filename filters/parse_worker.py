"""Imports by tree-sitter, in a child process that a file may kill (see filters.killable).

A file that the parser is not done with is read by the expressions of filters.imports.
"""

from typing import Literal

import msgspec

from .imports import IMPORT_LANGUAGES, MAX_SOURCE_CHARS, extract_imports
from .killable import DEFAULT_LIMITS, KillableWorker, ParseLimits

__all__ = ["PARSED_LANGUAGES", "Evidence", "ImportParser", "ParseLimits", "ParsedImports"]

Evidence = Literal["parser", "expression"]

PARSED_LANGUAGES = IMPORT_LANGUAGES - {"Go Module"}  # one line of go.mod needs no parser


class ParsedImports(msgspec.Struct, frozen=True, kw_only=True):
    """The imports of a file, spelled as filters.imports spells them, and what found them."""

    imports: tuple[str, ...]
    evidence: Evidence


class ImportParser(KillableWorker):
    """Finds imports with a parser where that is possible; a context manager, for one thread."""

    def __init__(self, limits: ParseLimits = DEFAULT_LIMITS) -> None:
        super().__init__("imports", limits)

    def extract(self, language: str, text: str) -> ParsedImports:
        """Return the imports of a file, of which the first MAX_SOURCE_CHARS are read.

        Raises:
            GristmillError: the child cannot load its grammars.
        """
        text = text[:MAX_SOURCE_CHARS]
        if language in PARSED_LANGUAGES:
            (answer,) = self.run([(language, text.encode("utf-8"))])
            if isinstance(answer, bytes):
                imports = msgspec.msgpack.decode(answer, type=tuple[str, ...])
                return ParsedImports(imports=imports, evidence="parser")
        return ParsedImports(imports=tuple(extract_imports(language, text)), evidence="expression")
