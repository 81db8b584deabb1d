"""The language table: what each language is called, how it is found, how it writes a comment.

languages.toml holds DeepSeek-Coder-V2's 338 names and, as background classes, every language of
linguist that no name covers: without them a Markdown file would be taken for one of the 338.
"""

import re
import sys
import unicodedata
from functools import cache, cached_property
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType

import msgspec

from ..corpus.toml_settings import unknown_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE = "languages.toml"
HEURISTICS = "data/heuristics.json"
_TAG = re.compile("[a-z]{2,3}")  # of a natural language, or und


class Comment(msgspec.Struct, frozen=True):
    """What stands before and after a comment's text; without a `close` the line's end closes it."""

    open: str
    close: str = ""


class Language(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the table.

    Extensions hold the dot and lie in linguist's order, the primary one first. A filename may be a
    path's end (`debian/control`) or end in `*`. `family` is the name under which audits count a
    language that has several, `part_of` a language whose aliases can also mean this one. `grammar`
    is a parser of `grammar_package`, where that is empty of tree-sitter-language-pack 0.13.0.
    `origin` names where the claims come from, `licence` what that data may be used under.
    """

    name: str
    family: str = ""
    part_of: str = ""
    background: bool = False
    popular: bool = False
    linguist: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    filenames: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()
    line: str = ""
    block: tuple[str, str] | None = None
    grammar: str = ""
    grammar_package: str = ""
    origin: tuple[str, ...] = ()
    licence: str = ""

    @property
    def head(self) -> str:
        """The family's name, under which the language is counted: its own if it has no other."""
        return self.family or self.name

    @property
    def comment(self) -> Comment | None:
        """How the language writes a comment on one line, if it is known to."""
        if self.block is not None:
            return Comment(*self.block)
        return Comment(self.line) if self.line else None


class Origin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source of the table, its licence as an SPDX expression, and the package that ships it."""

    name: str
    licence: str
    package: str


class LanguageTable(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The languages of languages.toml, and where it has them from."""

    languages: tuple[Language, ...]
    origins: tuple[Origin, ...] = ()

    @cached_property
    def comments_digest(self) -> str:
        """What decides the comments that are written: a hex blake2b over every row's syntax."""
        rows = [(row.name, row.linguist, row.line, row.block) for row in self.languages]
        return blake2b(msgspec.json.encode(rows), digest_size=16).hexdigest()

    @cached_property
    def by_name(self) -> MappingProxyType[str, Language]:
        """The rows by name; linguist's names of a language lead to it where they are free."""
        rows = {language.name: language for language in self.languages}
        for language in sorted(self.languages, key=lambda row: bool(row.part_of)):
            for name in language.linguist:
                rows.setdefault(name, language)
        return MappingProxyType(rows)

    @cached_property
    def paper_names(self) -> frozenset[str]:
        """The 338 names of DeepSeek-Coder-V2's list."""
        return frozenset(row.name for row in self.languages if not row.background)

    def comment(self, language: str) -> Comment | None:
        """Return how a language writes a comment, None where there is none or none is known."""
        row = self.by_name.get(language)
        return None if row is None else row.comment

    def family(self, language: str) -> str:
        """Return the name that a language is counted under; one outside the table is its own."""
        row = self.by_name.get(language)
        return language if row is None else row.head

    def grammar(self, language: str) -> str | None:
        """Return the language's parser, if it has one."""
        row = self.by_name.get(language)
        return None if row is None else row.grammar or None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    origin: tuple[Origin, ...]
    language: tuple[Language, ...]


@cache
def language_table() -> LanguageTable:
    """Return the table of this installation, read once a process."""
    text = Path(__file__).with_name(TABLE).read_bytes()
    file = msgspec.convert(tomllib.loads(text.decode("utf-8")), _File)
    return LanguageTable(languages=file.language, origins=file.origin)


def check_language(name: str, *, where: str) -> None:
    """Raise GristmillError for a name that is neither in the table nor shaped like a tag."""
    known = language_table().by_name
    if name not in known and not _TAG.fullmatch(name):
        raise unknown_name(name, list(known), where=where, what="language")


def read_heuristics() -> bytes:
    """Return the bytes of heuristics.json."""
    return (Path(__file__).parent / HEURISTICS).read_bytes()


def path_comment(language: str, path: str) -> str | None:
    """Return a comment line that holds a path, or None if the language has no known comment.

    Characters that would end the comment (control characters, line separators, the comment's own
    delimiters, a final backslash, which joins lines in C) are percent-encoded.
    """
    comment = language_table().comment(language)
    if comment is None:
        return None
    if not comment.close:
        path = _encode_last(path, "\\")
        return f"{comment.open} {_encode_controls(path)}"
    # Some languages nest comments, and XML forbids "--" in them: neither delimiter may occur.
    for delimiter in (comment.close, comment.open, *(["--"] if "--" in comment.close else [])):
        path = path.replace(delimiter, _percent(delimiter))
    return f"{comment.open} {_encode_controls(path)} {comment.close}"


def _encode_controls(path: str) -> str:
    if path.isascii() and path.isprintable():
        return path
    return "".join(
        _percent(c) if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in path
    )


def _encode_last(path: str, character: str) -> str:
    kept = path.rstrip(character)
    return kept + _percent(path[len(kept) :])


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))
