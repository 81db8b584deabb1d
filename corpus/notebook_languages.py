"""The language of a notebook's kernel, and how a script in it is named and commented."""

import re
from collections.abc import Mapping, Sequence

import msgspec


class ScriptSyntax(msgspec.Struct, frozen=True):
    """A script's extension, and the mark of a comment on one line ("": none is known)."""

    extension: str
    comment: str = ""


# Kernels' names of languages, in lower case, as in the list of kernels of the Jupyter wiki.
SYNTAX: dict[str, ScriptSyntax] = {
    "python": ScriptSyntax(".py", "#"),
    "sage": ScriptSyntax(".sage", "#"),
    "r": ScriptSyntax(".R", "#"),
    "julia": ScriptSyntax(".jl", "#"),
    "ruby": ScriptSyntax(".rb", "#"),
    "perl": ScriptSyntax(".pl", "#"),
    "raku": ScriptSyntax(".raku", "#"),
    "bash": ScriptSyntax(".sh", "#"),
    "powershell": ScriptSyntax(".ps1", "#"),
    "elixir": ScriptSyntax(".exs", "#"),
    "crystal": ScriptSyntax(".cr", "#"),
    "coffeescript": ScriptSyntax(".coffee", "#"),
    "gnuplot": ScriptSyntax(".gp", "#"),
    "tcl": ScriptSyntax(".tcl", "#"),
    "gap": ScriptSyntax(".g", "#"),
    "nim": ScriptSyntax(".nim", "#"),
    "c": ScriptSyntax(".c", "//"),
    "c++": ScriptSyntax(".cpp", "//"),
    "c#": ScriptSyntax(".cs", "//"),
    "f#": ScriptSyntax(".fs", "//"),
    "d": ScriptSyntax(".d", "//"),
    "dart": ScriptSyntax(".dart", "//"),
    "go": ScriptSyntax(".go", "//"),
    "groovy": ScriptSyntax(".groovy", "//"),
    "java": ScriptSyntax(".java", "//"),
    "javascript": ScriptSyntax(".js", "//"),
    "typescript": ScriptSyntax(".ts", "//"),
    "kotlin": ScriptSyntax(".kts", "//"),
    "php": ScriptSyntax(".php", "//"),
    "rust": ScriptSyntax(".rs", "//"),
    "scala": ScriptSyntax(".scala", "//"),
    "scilab": ScriptSyntax(".sci", "//"),
    "stata": ScriptSyntax(".do", "//"),
    "swift": ScriptSyntax(".swift", "//"),
    "q": ScriptSyntax(".q", "/"),
    "haskell": ScriptSyntax(".hs", "--"),
    "lua": ScriptSyntax(".lua", "--"),
    "sql": ScriptSyntax(".sql", "--"),
    "matlab": ScriptSyntax(".m", "%"),
    "octave": ScriptSyntax(".m", "%"),
    "prolog": ScriptSyntax(".pro", "%"),
    "erlang": ScriptSyntax(".erl", "%"),
    "clojure": ScriptSyntax(".clj", ";"),
    "common lisp": ScriptSyntax(".lisp", ";"),
    "scheme": ScriptSyntax(".scm", ";"),
    "racket": ScriptSyntax(".rkt", ";"),
    "hy": ScriptSyntax(".hy", ";"),
    "fortran": ScriptSyntax(".f90", "!"),
    "sas": ScriptSyntax(".sas"),
    "ocaml": ScriptSyntax(".ml"),
    "wolfram language": ScriptSyntax(".wl"),
}

ALIASES: dict[str, str] = {
    "ipython": "python",
    "python2": "python",
    "python3": "python",
    "python 2": "python",
    "python 3": "python",
    "pyspark": "python",
    "conda": "python",
    "sagemath": "sage",
    "ir": "r",
    "xcpp": "c++",
    "c++11": "c++",
    "c++14": "c++",
    "c++17": "c++",
    "c++20": "c++",
    ".net-csharp": "c#",
    "csharp": "c#",
    ".net-fsharp": "f#",
    "fsharp": "f#",
    "ijavascript": "javascript",
    "babel": "javascript",
    "node": "javascript",
    "tslab": "typescript",
    "deno": "typescript",
    "gophernotes": "go",
    "spark": "scala",
    "almond": "scala",
    "ihaskell": "haskell",
    "shell": "bash",
    "sh": "bash",
    "common-lisp": "common lisp",
    "lisp": "common lisp",
    "ocaml-jupyter": "ocaml",
    "mathematica": "wolfram language",
    "postgresql": "sql",
    "sqlite": "sql",
}

MAX_NAME_CHARS = 40
DEFAULT = "python"  # notebooks of format 3 need not say it
_VERSION = re.compile(r"[- ]?v?\d[\d.]*$")


def notebook_language(
    document: Mapping[str, object], raw_cells: Sequence[Mapping[str, object]]
) -> str:
    """Return the kernel's language, in lower case and without its version.

    It is what the kernel said of itself (`language_info`), else what the kernel's specification
    says, else the kernel's name, else the language of the first cell that names one (format 3),
    else Python.
    """
    metadata = _table(document.get("metadata"))
    info, spec = _table(metadata.get("language_info")), _table(metadata.get("kernelspec"))
    named = [info.get("name"), spec.get("language"), metadata.get("language"), spec.get("name")]
    named += [cell.get("language") for cell in raw_cells]
    for name in named:
        if isinstance(name, str) and name.strip():
            return _normal(name)
    return DEFAULT


def script_syntax(language: str) -> ScriptSyntax:
    """Return how a script in a kernel's language is named; an unknown one makes a `.txt`."""
    return SYNTAX.get(language) or ScriptSyntax(".txt")


def _normal(name: str) -> str:
    name = " ".join(name.lower().split())[:MAX_NAME_CHARS]
    for form in (name, _VERSION.sub("", name)):
        found = ALIASES.get(form, form)
        if found in SYNTAX:
            return found
    return name


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
