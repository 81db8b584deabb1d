"""Which tree-sitter grammar reads a language, and whether its errors say anything of the file.

grammars.toml is written by filters.build_grammars, which parses labelled files of every language.
All grammars lie in installed packages, so nothing is ever fetched.
"""

import sys
import warnings
from functools import cache, cached_property
from hashlib import blake2b
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ..corpus.errors import GristmillError

if TYPE_CHECKING:
    import tree_sitter

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE = "grammars.toml"
PACK = "tree-sitter-language-pack"
RUNTIME = "tree-sitter"
MIN_FILES = 3  # from which quantiles say something of a grammar
MAX_GATE_MEDIAN = 0.1  # a grammar that fails on more of its own language's bytes is no gate,
MAX_GATE_P90 = 0.5  # nor one that fails on most of every tenth file

# Files of a language that have a grammar of their own, under the name that the table has for them.
VARIANTS: dict[tuple[str, str], str] = {
    ("TypeScript", ".tsx"): "TSX",
    ("OCaml", ".mli"): "OCaml Interface",
}

# Grammars outside the pack, by the names of their distributions' modules.
WHEELS: dict[str, str] = {
    "devicetree": "tree-sitter-devicetree",
    "dm": "tree-sitter-dm",
    "gcode": "tree-sitter-gcode",
    "gnuplot": "tree-sitter-gnuplot",
    "handlebars": "tree-sitter-handlebars",
    "jinja": "tree-sitter-jinja",
    "less": "tree-sitter-less",
    "miniscript": "tree-sitter-miniscript",
    "pod": "tree-sitter-pod",
    "robot": "tree-sitter-robot",
    "sas": "tree-sitter-sas",
    "systemverilog": "tree-sitter-systemverilog",
    "vb_dotnet": "tree-sitter-vb-dotnet",
    "zeek": "tree-sitter-zeek",
}

# The pack takes some of its grammars from distributions of their own.
PACKAGES: tuple[str, ...] = (
    RUNTIME,
    PACK,
    "tree-sitter-c-sharp",
    "tree-sitter-embedded-template",
    "tree-sitter-yaml",
    *WHEELS.values(),
)


class LanguageGrammar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The grammar of a language, and how it did on files of that language.

    `error_fraction` is the median share of bytes under an error, `error_fraction_p90` what nine of
    ten files stay below; both None without files.
    """

    name: str
    grammar: str
    num_files: int = 0
    error_fraction: float | None = None
    error_fraction_p90: float | None = None

    @property
    def is_gate(self) -> bool:
        """Whether many errors mean a broken file rather than a grammar that fails."""
        if self.error_fraction is None or self.error_fraction_p90 is None:
            return False
        return (
            self.num_files >= MIN_FILES
            and self.error_fraction <= MAX_GATE_MEDIAN
            and self.error_fraction_p90 <= MAX_GATE_P90
        )


class GrammarTable(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The rows of grammars.toml and their digest."""

    languages: tuple[LanguageGrammar, ...]
    digest: str

    @cached_property
    def by_name(self) -> dict[str, LanguageGrammar]:
        """The rows by the language's name."""
        return {row.name: row for row in self.languages}


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    language: tuple[LanguageGrammar, ...]


@cache
def grammar_table() -> GrammarTable:
    """Return the table of this installation, read once a process."""
    data = Path(__file__).with_name(TABLE).read_bytes()
    rows = msgspec.convert(tomllib.loads(data.decode("utf-8")), _File).language
    return GrammarTable(languages=rows, digest=blake2b(data, digest_size=16).hexdigest())


def grammar_of(language: str | None, path: str = "") -> LanguageGrammar | None:
    """Return what reads a language, if anything does; the path tells variants of a language."""
    if language is None:
        return None
    extension = path[path.rfind(".") :].lower()
    return grammar_table().by_name.get(VARIANTS.get((language, extension), language))


@cache
def grammar_versions() -> dict[str, str]:
    """Return the version of each package that syntax signals depend on.

    Raises:
        GristmillError: one of them is not installed.
    """
    return {package: _version(package) for package in PACKAGES}


def _version(package: str) -> str:
    try:
        return installed_version(package)
    except PackageNotFoundError:
        raise GristmillError(
            f"the package {package} is not installed",
            where=sys.prefix,
            todo="Install gristmill again with its dependencies.",
        ) from None


@cache
def load_grammar(grammar: str) -> "tree_sitter.Language":
    """Return a grammar; its code is loaded once a process."""
    from tree_sitter import Language

    if grammar in WHEELS:
        module = import_module(f"tree_sitter_{grammar}")
        with warnings.catch_warnings():  # tree-sitter-less gives its pointer as an integer
            warnings.simplefilter("ignore", DeprecationWarning)
            return Language(module.language())
    from tree_sitter_language_pack import get_language

    language: Language = get_language(grammar)  # type: ignore[arg-type]  # of the table
    return language
