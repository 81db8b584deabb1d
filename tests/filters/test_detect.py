import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters.claims import NameOverrides, PathJudge, claims_column
from gristmill.filters.detect import (
    detect_language,
    detect_repository,
)
from gristmill.filters.language_columns import COLUMNS, LanguageColumns
from gristmill.filters.language_settings import ContentSettings
from gristmill.filters.languages import language_table
from gristmill.filters.verdict import NOTHING

KNOWN = [
    ("a/Makefile", "all:\n", "Makefile", "filename"),
    ("Dockerfile", "FROM debian\n", "Dockerfile", "filename"),
    ("docker/Dockerfile.dev", "FROM debian\n", "Dockerfile", "filename"),
    ("x.docker", "FROM debian\n", "Docker", "extension"),
    ("debian/control", "Source: a\n", "Debian Control File", "filename"),
    ("Kconfig.debug", "config A\n", "Kconfig", "filename"),
    ("a.py", "x = 1\n", "Python", "extension"),
    ("a.PY", "x = 1\n", "Python", "extension"),
    ("a.html.erb", "<p><%= 1 %></p>\n", "HTML ERB", "extension"),
    ("a.tsconfig.json", "{}\n", "JSON", "extension"),
    ("a.C", "int x;\n", "C++", "extension"),
    ("a.c", "int x;\n", "C", "extension"),
    ("a.S", ".text\n", "GAS", "extension"),
    ("a.F", "      end\n", "Fortran Fixed Form", "extension"),
    ("a.R", "x\n", "R", "extension"),
    ("a.md", "# Title\n", "Markdown", "heuristic"),
    ("a.yml", "a: 1\n", "YAML", "extension"),
    ("a.jade", "p x\n", "Jade", "extension"),
    ("a.bro", "event x() {}\n", "Bro", "extension"),
    ("a.zeek", "event x() {}\n", "Zeek", "extension"),
    ("a.rhtml", "<p><%= 1 %></p>\n", "RHTML", "extension"),
    ("a.ssc", "x <- 1\n", "S", "extension"),
    ("a.m", "#!/usr/bin/octave\ndisp(1)\n", "Octave", "shebang"),
    ("a.m", "%% -*- octave -*-\ndisp(1);\n", "Octave", "modeline"),
    ("a.m", "function y = f(x)\n  y = x;\nend\n", "MATLAB", "heuristic"),
    ("a.webidl", "// -*- Mode: IDL -*-\ninterface A {};\n", "Web IDL", "modeline"),
    ("a.raku", "say 1\n", "Perl 6", "extension"),
    ("a.g4", "grammar A;\n", "ANTLR", "extension"),
    ("run", "#!/bin/bash\n", "Shell", "shebang"),
    ("run", "#!/usr/bin/env python3.11\n", "Python", "shebang"),
    ("run.js", "#!/usr/bin/env -S A=1 node --flag\n", "JavaScript", "extension"),
    ("run", "#! /usr/bin/lua5.4\n", "Lua", "content"),
    ("run", '#!/bin/sh\nexec tclsh "$0" ${1+"$@"}\n', "Tcl", "shebang"),
    ("a.h", "/* -*- Mode: C++; tab-width: 4 -*- */\n", "C++", "modeline"),
    ("a", "# -*- ruby -*-\n", "Ruby", "modeline"),
    ("a.t", "ok 1;\n# vim: set ft=perl sw=4:\n", "Perl", "modeline"),
    ("a.py", "# -*- coding: utf-8 -*-\n", "Python", "extension"),
    ("a.f90", "! vim: ft=fortran\n", "Fortran", "modeline"),
    ("a.f", "! vim: ft=fortran\n      end\n", "Fortran Fixed Form", "modeline"),
    ("feed", '<?xml version="1.0"?>\n<a/>\n', "XML", "heuristic"),
    ("LICENCE", "Permission is granted\n", "Text", "filename"),
    ("a.unknown", "x\n", None, "none"),
    ("", "", None, "none"),
]


@pytest.mark.parametrize(("path", "text", "language", "evidence"), KNOWN)
def test_file_is_known_by_its_best_evidence(
    path: str, text: str, language: str | None, evidence: str
) -> None:
    found = detect_language(path, text)
    assert (found.language, found.evidence) == (language, evidence)


def test_interpreter_of_two_languages_gives_a_guess_that_the_extension_settles() -> None:
    shebang = "#!/usr/bin/env -S A=1 node --flag\n"
    assert detect_language("run", shebang).evidence == "content"
    assert detect_language("run.ts", shebang).language == "TypeScript"


AMBIGUOUS = [
    ("a.h", "#import <Foundation/Foundation.h>\n@interface A : NSObject\n@end\n", "Objective-C"),
    ("a.h", "#include <vector>\nnamespace a {\nclass B;\n}\n", "C++"),
    ("a.h", "#ifndef A_H\n#define A_H\nint f(void);\n#endif\n", "C"),
    ("a.m", '#import "a.h"\n@implementation A\n@end\n', "Objective-C"),
    ("a.m", "% area of a circle\nfunction a = area(r)\na = pi * r^2;\nend\n", "MATLAB"),
    ("a.m", ":- module hello.\n:- interface.\n", "Mercury"),
    ("a.m", "(* integrals *)\nf[x_] := Sin[x]\n", "Wolfram Language"),
    ("a.pl", "use strict;\nmy $x = 1;\n", "Perl"),
    ("a.pl", "parent(tom, bob).\nancestor(X, Y) :- parent(X, Y).\n", "Prolog"),
    ("a.pl", "use v6;\nsay 'hi';\n", "Perl 6"),
    ("a.v", "module top(input clk);\nendmodule\n", "Verilog"),
    ("a.v", "Theorem t : True.\nProof. exact I. Qed.\n", "Rocq Prover"),
    ("a.v", "fn main() {\n\tprintln('hi')\n}\n", "V"),
    ("a.ts", "export const x: number = 1;\n", "TypeScript"),
    ("a.ts", '<?xml version="1.0"?>\n<TS version="2.1"></TS>\n', "XML"),
    ("a.inc", "<?php\n$x = 1;\n", "PHP"),
    ("a.asm", "section .text\nglobal _start\n_start:\n    mov eax, 1\n", "NASM"),
    ("a.asm", ".model small\n.code\n    mov ax, @data\n", "Assembly"),
    ("a.cbl", "IDENTIFICATION DIVISION.\nPROGRAM-ID. A.\n", "COBOLFree"),
    ("a.cbl", "       IDENTIFICATION DIVISION.\n", "COBOL"),
    ("a.mac", "/PREP7\nET,1,SHELL63\n", "ANSYS Parametric Design Language"),
    ("a.mac", "f(x) := x^2$\n", "Maxima"),
    ("a.js.in", "#ifdef MOZ_X\nlet a;\n#endif\n", "JavaScript MozPreproc"),
    ("a.js.in", "let a;\n", "JavaScript"),
    ("a.1", '.TH A 1 "now"\n.SH NAME\n', "Groff"),
    ("a.def", "EXPORTS\n  f @1\n", None),
    ("a.idl", "module m { interface i { void f(); }; };\n", "OMG Interface Definition Language"),
    ("a.idl", "[Exposed=Window]\ninterface A { attribute DOMString b; };\n", "Web IDL"),
    ("a.k", "f:{x+y}\n", "K"),
    ("a.sql", "SELECT 1;\nGO\n", "Transact-SQL"),
    ("a.rs", "fn main() {}\n", "Rust"),
]


@pytest.mark.parametrize(("path", "text", "language"), AMBIGUOUS)
def test_content_decides_between_languages_of_one_extension(
    path: str, text: str, language: str | None
) -> None:
    assert detect_language(path, text).language == language


def test_every_detected_name_stands_in_the_table() -> None:
    table = language_table()
    paths = [f"a{e}" for row in table.languages for e in row.extensions]
    found = {detect_language(path, None).language for path in paths} - {None}
    assert found <= {row.name for row in table.languages}
    assert len(found & table.paper_names) > 300


def test_unreadable_file_is_known_by_its_path_alone() -> None:
    assert detect_language("a.py", None).language == "Python"
    assert detect_language("a.h", None).confidence == 0.5
    assert detect_language("a.sol", None) == NOTHING  # too common an extension to say anything


HEADER = "#define A 1\n"


@pytest.mark.parametrize(
    ("others", "language", "evidence"),
    [
        (["a.c", "b.c", "c.cpp"], "C", "repository"),
        (["a.c", "b.cpp", "c.cc"], "C++", "repository"),
        (["a.cu", "b.cu"], "C++", "repository"),
        (["a.py"], "C", "content"),
        ([], "C", "content"),
    ],
)
def test_header_takes_the_language_of_its_repository(
    others: list[str], language: str | None, evidence: str
) -> None:
    found = detect_repository(["x.h", *others], [HEADER] + ["int x;\n"] * len(others))[0]
    assert (found.language, found.evidence) == (language, evidence)


def test_matlab_repository_decides_its_unclear_m_files() -> None:
    texts = ["\n", "% a\nfunction f()\nend\n", "% b\nfunction g()\nend\n"]
    found = detect_repository(["x.m", "f.m", "g.m"], texts)
    assert [d.language for d in found] == ["MATLAB"] * 3
    assert found[0].evidence == "repository"


ROWS: list[tuple[str, str, str | None, str, str | None]] = [
    ("o/cpp", "x.h", HEADER, "file", None),
    ("o/c", "x.h", HEADER, "file", "Python"),
    ("o/cpp", "a.cpp", "int x;\n", "file", None),
    ("o/c", "a.c", "int x;\n", "file", None),
    ("o/c", "b.py", None, "file", None),
    ("e.org", "https://e.org/", "Hello", "page", "en-US"),
    ("e.org", "https://e.org/z", "Hello", "page", "zh_CN"),
    ("e.org", "https://e.org/a", "Hello", "document", None),
    ("e.org", "https://e.org/b", "Hello", "page", "x-default"),
]
NAMES = ["collection", "path", "text", "kind", "language_hint"]


def columns_of(
    rows: list[tuple[str, str, str | None, str, str | None]], batch: int = 4
) -> pa.Table:
    types = [pa.large_string() if name == "text" else pa.string() for name in NAMES]
    schema = pa.schema(zip(NAMES, types, strict=True))
    table = pa.Table.from_pylist([dict(zip(NAMES, r, strict=True)) for r in rows], schema=schema)
    claims = claims_column(table["path"], table["kind"], PathJudge(NameOverrides()))
    columns = LanguageColumns(ContentSettings())
    for start in range(0, table.num_rows, batch):
        columns.add(table.slice(start, batch), claims.slice(start, batch))
    return columns.table()


def test_files_are_judged_by_repository_and_pages_by_their_hint() -> None:
    table = columns_of(ROWS)
    languages = table["language"].to_pylist()
    assert table.schema == COLUMNS
    assert languages == ["C++", "C", "C++", "C", "Python", "en", "zh", "und", "und"]
    assert table["language_evidence"].to_pylist()[4:] == [
        "extension",
        "hint",
        "hint",
        "none",
        "none",
    ]


@given(st.permutations(range(len(ROWS))))
@settings(max_examples=30, deadline=None)
def test_order_of_the_rows_does_not_matter(order: list[int]) -> None:
    expected = columns_of(ROWS).to_pylist()
    assert columns_of([ROWS[i] for i in order]).to_pylist() == [expected[i] for i in order]


def test_no_rows_give_no_rows() -> None:
    assert columns_of([]).schema == COLUMNS


def test_batches_of_any_size_give_the_same_columns() -> None:
    assert columns_of(ROWS, batch=1).equals(columns_of(ROWS, batch=9))


EXTENSIONS = sorted({e for row in language_table().languages for e in row.extensions})
ALPHABET = st.sampled_from(" \n\t:=()#%*-/\\.abX1'\"<>{}[];@!$&|~^\u00e9\u2028")


@given(st.sampled_from(EXTENSIONS), st.text(ALPHABET) | st.text())
@settings(max_examples=300, deadline=None)
def test_any_text_gets_the_same_verdict_twice(extension: str, text: str) -> None:
    found = detect_language("a" + extension, text)
    assert detect_language("a" + extension, text) == found
    assert 0 <= found.confidence <= 1
    assert (found.language is None) == (found.evidence == "none")


@given(st.text(), st.text())
@settings(max_examples=200, deadline=None)
def test_any_path_and_text_are_judged_without_an_error(path: str, text: str) -> None:
    assert detect_language(path, text).language in {None, *language_table().by_name}
