"""Write grammars.toml: which grammar reads which language, and how well it does.

    python -m gristmill.filters.build_grammars SAMPLES...

Each of SAMPLES is a folder. Its labels.tsv (columns file, label338, source_label, path) names the
languages of its files; without one, files count whose name or extension only one language has.
Every language's files are parsed with its grammar, and the share of bytes under an error is noted.
"""

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec
import numpy as np

from .grammars import TABLE, VARIANTS, LanguageGrammar
from .killable import KillableWorker
from .languages import language_table
from .tree_facts import TreeFacts

MAX_FILES = 100  # of a language
MAX_BYTES = 65_536  # of a file
MAX_APPROXIMATE_P90 = 0.35  # of another language's grammar, to be used at all

# Grammars that languages.toml does not name: of single distributions, and of languages that are
# no part of the 338.
OTHERS: dict[str, str] = {
    "1C Enterprise": "bsl",
    "Apex": "apex",
    "Astro": "astro",
    "BibTeX": "bibtex",
    "Bicep": "bicep",
    "Bro": "zeek",
    "CSV": "csv",
    "Cairo": "cairo",
    "Cap'n Proto": "capnp",
    "Clarity": "clarity",
    "D": "d",
    "DM": "dm",
    "DeviceTree": "devicetree",
    "FIRRTL": "firrtl",
    "G-Code": "gcode",
    "GN": "gn",
    "Gleam": "gleam",
    "Gnuplot": "gnuplot",
    "Go Module": "gomod",
    "HTML Django": "jinja",
    "HTML+EEX": "heex",
    "Hack": "hack",
    "Handlebars": "handlebars",
    "Hare": "hare",
    "INI": "ini",
    "ISPC": "ispc",
    "Janet": "janet",
    "Java Properties": "properties",
    "Jsonnet": "jsonnet",
    "KDL": "kdl",
    "Less": "less",
    "Luau": "luau",
    "Markdown": "markdown",
    "Mermaid": "mermaid",
    "MiniScript": "miniscript",
    "OCaml Interface": "ocaml_interface",
    "Open Policy Agent": "rego",
    "Org": "org",
    "POD": "pod",
    "Prisma": "prisma",
    "RON": "ron",
    "Robot Framework": "robot",
    "SAS": "sas",
    "Starlark": "starlark",
    "Svelte": "svelte",
    "SystemVerilog": "systemverilog",
    "TOML": "toml",
    "TSX": "tsx",
    "Tree-sitter Query": "query",
    "Typst": "typst",
    "V": "v",
    "Visual Basic": "vb_dotnet",
    "WGSL": "wgsl",
    "YAML": "yaml",
    "Zeek": "zeek",
    "reStructuredText": "rst",
}

# Grammars of other languages, tried; they are written only where they do well.
APPROXIMATE: dict[str, str] = {
    "Arc": "scheme",
    "AspectJ": "java",
    "C2HS Haskell": "haskell",
    "COBOLFree": "cobol",
    "Cython": "python",
    "EJS": "embeddedtemplate",
    "Genshi": "xml",
    "Hy": "commonlisp",
    "JavaScript MozPreproc": "javascript",
    "Java Server Pages": "html",
    "LFE": "commonlisp",
    "Liquid": "jinja",
    "MQL": "cpp",
    "Metal": "cpp",
    "Objective-C++": "objc",
    "OpenCL": "c",
    "Processing": "java",
    "RAML": "yaml",
    "RenderScript": "c",
    "SMT": "scheme",
    "SWIG": "cpp",
    "Smarty": "html",
    "Unity3D Asset": "yaml",
    "UrWeb": "ocaml",
    "VCL": "c",
    "XC": "c",
    "XS": "c",
}


def main(arguments: Sequence[str]) -> int:
    """Write the table."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    table = language_table()
    own = {row.name: row.grammar for row in table.languages if row.grammar} | OTHERS
    files = choose_files([Path(folder) for folder in arguments])
    rows = []
    with KillableWorker("syntax") as worker:
        for name, grammar in sorted({**APPROXIMATE, **own}.items()):
            row = calibrate(worker, name, grammar, files.get(name, ()))
            if name in own or (
                row.error_fraction_p90 is not None and row.error_fraction_p90 <= MAX_APPROXIMATE_P90
            ):
                rows.append(row)
    Path(__file__).with_name(TABLE).write_text(as_toml(rows), encoding="utf-8")
    return 0


def choose_files(folders: Iterable[Path]) -> Mapping[str, Sequence[Path]]:
    """Return up to MAX_FILES files of each language, chosen by the digests of their contents."""
    found: dict[str, dict[bytes, Path]] = {}
    for folder in folders:
        named = _labelled(folder) if (folder / "labels.tsv").exists() else _named(folder)
        for language, path in named:
            name = VARIANTS.get((language, path.suffix.lower()), language)
            digest = blake2b(path.read_bytes(), digest_size=8).digest()
            found.setdefault(name, {}).setdefault(digest, path)
    return {
        name: [path for _, path in sorted(paths.items())][:MAX_FILES]
        for name, paths in found.items()
    }


def _labelled(folder: Path) -> Iterator[tuple[str, Path]]:
    with (folder / "labels.tsv").open(encoding="utf-8", newline="") as labels:
        for row in csv.DictReader(labels, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield row["label338"] or row["source_label"], folder / row["file"]


def _named(folder: Path) -> Iterator[tuple[str, Path]]:
    owners: dict[str, set[str]] = {}
    for row in language_table().languages:
        for name in (*row.extensions, *row.filenames):
            owners.setdefault(name, set()).add(row.name)
    for path in sorted(folder.rglob("*")):
        languages = owners.get(path.name) or owners.get(path.suffix) or ()
        if len(languages) == 1 and path.is_file() and not path.is_symlink():
            yield next(iter(languages)), path


def calibrate(
    worker: KillableWorker, name: str, grammar: str, paths: Iterable[Path]
) -> LanguageGrammar:
    """Return how a grammar does on a language's files; one that ends the parser is all error."""
    texts = []
    for path in paths:
        text = path.read_bytes().decode("utf-8", errors="replace").encode("utf-8")
        if 0 < len(text) <= MAX_BYTES:
            texts.append(text)
    fractions = []
    for text, answer in zip(texts, worker.run([(grammar, t) for t in texts]), strict=True):
        share = 1.0
        if isinstance(answer, bytes):
            facts = msgspec.msgpack.decode(answer, type=TreeFacts)
            share = min(1.0, facts.error_bytes / len(text))
        fractions.append(share)
    if not fractions:
        return LanguageGrammar(name=name, grammar=grammar)
    median, p90 = (round(float(q), 4) for q in np.quantile(fractions, [0.5, 0.9]))
    return LanguageGrammar(
        name=name,
        grammar=grammar,
        num_files=len(fractions),
        error_fraction=median,
        error_fraction_p90=p90,
    )


def as_toml(rows: Iterable[LanguageGrammar]) -> str:
    """Return the table as grammars.toml spells it."""
    lines = ["# Generated by gristmill.filters.build_grammars; edit its lists instead."]
    for row in rows:
        lines += ["", "[[language]]", f'name = "{row.name}"', f'grammar = "{row.grammar}"']
        if row.num_files:
            lines += [
                f"num_files = {row.num_files}",
                f"error_fraction = {row.error_fraction}",
                f"error_fraction_p90 = {row.error_fraction_p90}",
            ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
