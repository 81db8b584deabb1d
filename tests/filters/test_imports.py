import asyncio
import sysconfig
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters.imports import MAX_IMPORT_CHARS, extract_imports
from gristmill.filters.imports_parser import extract_imports_parser

EXAMPLES = {
    "Python": (
        '"""import doc"""\nimport a.b as c, d\nfrom .x import (y as z,  # not (this)\n  w)\n'
        "from ..p import *\nfrom __future__ import annotations\nif c:\n    import e; import f\n"
        "s = '''\nimport no\n'''\nfrom g import \\\n    h\n",
        [
            "import a.b",
            "import d",
            "from .x import y",
            "from .x import w",
            "from ..p import *",
            "import e",
            "import f",
            "from g import h",
        ],
    ),
    "Java": (
        "/* import no.A; */ package a.b;\nimport p.C; import static p.D.m;\n// import no.B;\n"
        'import q.*;\nclass X { String s = "import no.C;"; }\n',
        ["package a.b", "import p.C", "import static p.D.m", "import q.*"],
    ),
    "C#": (
        "using System;\nusing static A.B;\nusing T = A.C;\nglobal using G;\n"
        "namespace N { using Z; namespace M.O { class Q { void f() { using (var x = y) {} } } } }\n"
        "namespace P { }\n",
        [
            "using System",
            "using static A.B",
            "using = A.C",
            "using G",
            "namespace N",
            "using Z",
            "namespace N.M.O",
            "namespace P",
        ],
    ),
    "C": (
        '#include "a/b.h"\n#ifdef X\n# include <c.h>\n#endif\n// #include "no.h"\n'
        'const char *s = "\\\n#include <no.h>\\\n";\n#include MACRO\n',
        ['include "a/b.h"', "include <c.h>"],
    ),
    "C++": ('#include <v>\nauto s = R"x(\n#include "no.h"\n)x";\n', ["include <v>"]),
    "Go": (
        'package main\nimport "fmt"\nimport (\n\tx "a.com/b" // )\n\t_ `c`\n)\n'
        'var s = "import"\nfunc f() { g("no") }\n',
        ["package main", "import fmt", "import a.com/b", "import c"],
    ),
    "Rust": (
        "mod a;\npub(crate) mod b;\nuse crate::{c::d, e as f, g::{self, h::*}};\n"
        "mod t { use super::i; use super::super::j; mod k; }\n/* use no; */ pub use self::l;\n"
        "fn f<'x>(s: &'x str) { use std::io; }\n",
        [
            "mod a",
            "mod b",
            "use crate::c::d",
            "use crate::e",
            "use crate::g",
            "use crate::g::h::*",
            "use self::i",
            "use super::j",
            "mod t::k",
            "use self::l",
            "use std::io",
        ],
    ),
    "JavaScript": (
        "import a, {b} from './a';\nimport \"./b\";\nexport * from './c';\n// from './no'\n"
        "const d = require('./d'), s = \"require('./no')\", t = `import './no'`;\n"
        "x.require('./no');\nasync () => import('./e');\n",
        ["./a", "./b", "./c", "./d", "./e"],
    ),
    "TypeScript": (
        "import type {A} from './a';\nimport b = require('./b');\nlet c = <any>b;\n",
        ["./a", "./b"],
    ),
    "TSX": ("import A from './a';\nconst b = <A>{'x'}</A>;\n", ["./a"]),
}


@pytest.mark.parametrize("language", EXAMPLES)
def test_imports_are_spelled_as_documented(language: str) -> None:
    text, expected = EXAMPLES[language]
    assert extract_imports(language, text) == expected


@pytest.mark.parametrize("language", EXAMPLES)
def test_examples_agree_with_the_parser(language: str) -> None:
    text, expected = EXAMPLES[language]
    assert extract_imports_parser(language, text) == expected


def test_go_mod_names_its_module() -> None:
    assert extract_imports("Go Module", "// x\nmodule a.com/b/v2\n\ngo 1.22\n") == [
        "module a.com/b/v2"
    ]


def test_other_languages_have_no_imports() -> None:
    assert extract_imports("COBOL", "COPY x.") == []


def real_files(language: str) -> list[Path]:
    if language == "Python":
        standard = Path(sysconfig.get_path("stdlib"))
        return sorted(standard.glob("[a-m]*.py")) + sorted(Path(asyncio.__file__).parent.glob("*"))
    if language == "C":
        return sorted(Path(np.get_include()).glob("numpy/np*.h"))
    return sorted(Path(pa.get_include()).glob("arrow/*.h"))


@pytest.mark.parametrize("language", ["Python", "C", "C++"])
def test_real_files_agree_with_the_parser(language: str) -> None:
    files = [path for path in real_files(language) if path.is_file() and path.suffix != ".pyc"]
    files = files[:60]
    assert len(files) > 5
    for path in files:
        text = path.read_text("utf-8")
        assert extract_imports(language, text) == extract_imports_parser(language, text), path


PIECES = {
    "Python": [
        "import a.b",
        "from .c import d, e",
        "# import no",
        "x = 'import no'",
        "def f(): 1",
        "'''\nimport no\n'''",
        "from g import (h,\n  i)",
        "z = {1: 'it''s'}",
    ],
    "Java": [
        "import a.B;",
        "import static c.D.*;",
        "// import no;",
        "/*\nimport no;\n*/",
        "class X { char c = '\"'; }",
        'class Y { String s = "\\"import no;"; }',
    ],
    "C#": [
        "using A.B;",
        "namespace N { using C; }",
        "// using No;",
        "/*\nusing No;\n*/",
        'class X { string s = @"\nusing No;\n""x"; char c = \'"\'; }',
    ],
    "C++": [
        '#include "a.h"',
        "#include <b/c.h>",
        '// #include "no.h"',
        "/*\n#include <no>\n*/",
        "int x = '\"';",
        'auto s = R"(\n#include <no>\n)";',
    ],
    "Go": [
        'import "a/b"',
        'import (\n\tc "d"\n\t"e"\n)',
        "// import `no`",
        'var s = "\\"x"',
        "/*\nimport `no`\n*/",
        "var r = '\"'",
        'func f() { g("no") }',
    ],
    "Rust": [
        "mod a;",
        "use crate::{b, c::{self, d}};",
        "mod m { mod n; use super::o::*; }",
        "// use no;",
        "/*\nuse no;\n*/",
        'const S: &str = r#"\nuse no;\n"#;',
        "fn f<'a>() {}",
        "const C: char = '\"';",
        'const T: &str = "\nmod no;\n";',
    ],
    "TypeScript": [
        "import a from './a';",
        'export {b} from "./b";',
        "// from './no'",
        "let x = 'y';",
        "/*\nimport './no';\n*/",
        "const c = require('./c');",
        "const t = `\nimport './no';\n`;",
    ],
}


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_generated_files_agree_with_the_parser(data: st.DataObject) -> None:
    language = data.draw(st.sampled_from(sorted(PIECES)))
    head = "package p\n" if language == "Go" else ""
    text = head + "\n".join(data.draw(st.lists(st.sampled_from(PIECES[language]), max_size=8)))
    assert extract_imports(language, text + "\n") == extract_imports_parser(language, text + "\n")


@pytest.mark.parametrize("language", EXAMPLES)
@pytest.mark.parametrize(
    "unit", ["a<", "/*", '"', "'", "import (", "use a::{", "from x ", "namespace a{", 'R"(', " "]
)
def test_megabyte_lines_end(language: str, unit: str) -> None:
    found = extract_imports(language, unit * (1_000_000 // len(unit)))
    assert all(len(item) <= MAX_IMPORT_CHARS for item in found)


def test_only_the_head_of_a_file_is_read() -> None:
    text = "import a\n" + "x = 1\n" * 60_000 + "import b\n"
    assert extract_imports("Python", text) == ["import a"]


def test_windows_line_ends_are_no_part_of_a_name() -> None:
    assert extract_imports("Python", "import a\r\nimport b\r\n") == ["import a", "import b"]
    assert extract_imports("C", '#include "a.h"\r\n') == ['include "a.h"']
