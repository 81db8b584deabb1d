"""What a path alone claims about a file's language: file name, extension, and a recipe's own.

Paths are short and texts are long, so this is a table of its own: when the language table or a
recipe's extensions change, paths are judged again and a text only where its claims changed.
"""

import re
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b

import msgspec
import pyarrow as pa

from ..corpus.errors import GristmillError
from .clues import Names, clue_index, extension_languages, filename_languages, prefix_languages
from .heuristics import generic_extensions, has_rules
from .languages import language_table

CLAIMS = pa.schema(
    [
        ("by_filename", pa.list_(pa.string())),  # who claims this file name; null: not a file
        ("extension", pa.string()),  # the longest suffix that is claimed or has rules, lower case
        ("by_extension", pa.list_(pa.string())),  # who claims it, the likelier ones first
        ("is_generic", pa.bool_()),  # too common an extension: claims nothing unless a rule speaks
        ("is_unknown", pa.bool_()),  # it has an extension, and nobody claims that
        ("by_prefix", pa.list_(pa.string())),  # who claims a file name that begins so
    ]
)


# Prose without an extension, which a content model would take for anything; Text in linguist's
# table has some of these names.
_PROSE = re.compile(
    r"(?:readme|licen[cs]es?|copying|copyright|notice|authors|contributors|maintainers|credits"
    r"|thanks|change_?log|changes|history|news|todo|install|bugs|faq|code_of_conduct)(?:[-_][\w-]*)?",
    re.IGNORECASE,
)


class PathClaims(msgspec.Struct, frozen=True, kw_only=True):
    """One row of CLAIMS."""

    by_filename: Names = ()
    extension: str = ""
    by_extension: Names = ()
    is_generic: bool = False
    is_unknown: bool = False
    by_prefix: Names = ()


class NameOverrides(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recipe's own file names and extensions; what it names, it names for good.

    Both map a language's name to what belongs to it. A language of its own claims an extension
    alone: claimants of the table are not heard, and neither are linguist's rules.
    """

    extensions: dict[str, tuple[str, ...]] = {}
    filenames: dict[str, tuple[str, ...]] = {}


class PathJudge:
    """Judges paths by the language table and a recipe's overrides.

    Raises:
        GristmillError: for an override of an unknown language, an extension without a dot, or one
            that two languages claim.
    """

    def __init__(self, overrides: NameOverrides, *, where: str = "languages") -> None:
        self._extensions = _inverted(overrides.extensions, where=f"{where}.extensions")
        self._filenames = _inverted(overrides.filenames, where=f"{where}.filenames", lower=False)
        for extension in self._extensions:
            if not extension.startswith(".") or "/" in extension:
                raise GristmillError(
                    f"`{extension}` is not an extension",
                    where=f"{where}.extensions",
                    todo="Write it with its dot, as in `.hs`.",
                )

    def judge(self, path: str) -> PathClaims:
        """Return what a path claims."""
        name = path.rpartition("/")[2]
        if language := self._filenames.get(name):
            return PathClaims(by_filename=(language,))
        extension, claimants = extension_languages(path)
        own = self._own_extension(name, at_least=len(extension))
        if own is not None:
            return PathClaims(extension=own, by_extension=(self._extensions[own],))
        by_filename = filename_languages(path)
        if not claimants and not by_filename and _PROSE.fullmatch(name):
            by_filename = ("Text",)
        return PathClaims(
            by_filename=by_filename,
            extension=extension or _rule_extension(name),
            by_extension=claimants,
            is_generic=extension in generic_extensions(),
            is_unknown=not extension and "." in name[1:],
            by_prefix=prefix_languages(path),
        )

    def _own_extension(self, name: str, *, at_least: int) -> str | None:
        start = name.find(".")
        while self._extensions and 0 <= start <= len(name) - at_least:
            suffix = name[start:].lower()
            if suffix in self._extensions:
                return suffix
            start = name.find(".", start + 1)
        return None


def claims_column(paths: pa.ChunkedArray, kinds: pa.ChunkedArray, judge: PathJudge) -> pa.Table:
    """Return CLAIMS for every path, row for row; null for pages and documents."""
    rows = [
        msgspec.structs.asdict(judge.judge(path or "")) if kind == "file" else {}
        for path, kind in zip(paths.to_pylist(), kinds.to_pylist(), strict=True)
    ]
    columns = [pa.array([row.get(field.name) for row in rows], field.type) for field in CLAIMS]
    return pa.table(columns, schema=CLAIMS)


@cache
def claims_digest() -> str:
    """Return the digest of the part of the language table that judges paths."""
    index = clue_index()
    parts = (
        index.filenames,
        index.path_ends,
        index.prefixes,
        index.exact_extensions,
        index.extensions,
        sorted(generic_extensions()),
    )
    return blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()


def _rule_extension(name: str) -> str:
    """Return the lower-case suffix that has rules although no language claims it (.eslintrc)."""
    lower = name.lower()
    suffix = lower[max(lower.rfind("."), 0) :]
    return suffix if has_rules(suffix) else ""


def _inverted(
    claims: Mapping[str, tuple[str, ...]], *, where: str, lower: bool = True
) -> dict[str, str]:
    found: dict[str, str] = {}
    for language, names in claims.items():
        if language not in language_table().by_name:
            raise GristmillError(
                f"unknown language `{language}`",
                where=where,
                todo="filters/languages.toml lists the names.",
            )
        for name in names:
            key = name.lower() if lower else name
            if found.setdefault(key, language) != language:
                raise GristmillError(
                    f"`{name}` is given to {found[key]} and to {language}",
                    where=where,
                    todo="Give it to one of them.",
                )
    return found
