import asyncio
import json
import os
import signal
import subprocess
import sys
import sysconfig
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.filters.imports import MAX_IMPORT_CHARS, MAX_SOURCE_CHARS, extract_imports
from gristmill.filters.imports_parser import _GRAMMARS, extract_imports_parser
from gristmill.filters.parse_worker import (
    PARSED_LANGUAGES,
    ImportParser,
    ParsedImports,
    ParseLimits,
)

REPOSITORIES = Path(__file__).parents[2] / "fixtures/repositories"
SMALL = ParseLimits(cpu_seconds=0.3, memory_bytes=200 << 20)
LANGUAGE_OF = {".java": "Java", ".go": "Go", ".rs": "Rust", ".js": "JavaScript", ".h": "C++"}
LANGUAGE_OF |= {".py": "Python", ".c": "C", ".ts": "TypeScript", ".tsx": "TSX", ".cs": "C#"}


@pytest.fixture(scope="module")
def shared() -> Iterator[ImportParser]:
    with ImportParser() as parser:
        yield parser


@pytest.fixture
def small() -> Iterator[ImportParser]:
    with ImportParser(SMALL) as parser:
        yield parser


def child_of(parser: ImportParser) -> int:
    parser.extract("Python", "import a")
    assert parser.child_pid is not None
    return parser.child_pid


def is_gone(pid: int) -> bool:
    """Return whether a process has ended within ten seconds; a zombie has."""
    status = Path(f"/proc/{pid}/stat")
    for _ in range(200):
        try:
            state = status.read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def archived_files(name: str, limit: int) -> Iterator[tuple[str, str]]:
    with tarfile.open(REPOSITORIES / name) as archive:
        members = [member for member in archive if Path(member.name).suffix in LANGUAGE_OF]
        for member in members[:limit]:
            file = archive.extractfile(member)
            if file is not None:
                yield LANGUAGE_OF[Path(member.name).suffix], file.read().decode("utf-8", "replace")


def test_standard_library_gets_the_answers_of_the_parser(shared: ImportParser) -> None:
    standard = Path(sysconfig.get_path("stdlib"))
    paths = [*sorted(standard.glob("[a-d]*.py")), *Path(asyncio.__file__).parent.glob("*.py")]
    for path in paths:
        text = path.read_text("utf-8")
        expected = tuple(extract_imports_parser("Python", text))
        assert shared.extract("Python", text) == ParsedImports(
            imports=expected, evidence="parser"
        ), path


@pytest.mark.parametrize(
    "archive",
    [
        "google__gson.tar.gz",
        "spf13__pflag.tar.gz",
        "seanmonstar__httparse.tar.gz",
        "apache__thrift.tar.gz",
        "appandflow__react-native-safe-area-context.tar.gz",
        "open-source-parsers__jsoncpp.tar.gz",
    ],
)
def test_real_repositories_get_the_answers_of_the_parser(
    shared: ImportParser, archive: str
) -> None:
    num_imports = 0
    for language, text in archived_files(archive, 80):
        found = shared.extract(language, text)
        assert found.evidence == "parser"
        assert list(found.imports) == extract_imports_parser(language, text)
        num_imports += len(found.imports)
    assert num_imports > 10


def test_every_language_but_go_mod_is_parsed(shared: ImportParser) -> None:
    assert set(_GRAMMARS) == PARSED_LANGUAGES
    assert {shared.extract(name, "").evidence for name in _GRAMMARS} == {"parser"}
    assert shared.extract("Go Module", "module a.com/b\n") == ParsedImports(
        imports=("module a.com/b",), evidence="expression"
    )


@pytest.mark.parametrize(
    ("language", "unit", "num_chars"),
    [
        ("Java", "a<", 65_536),
        ("Java", "! , */", 65_536),
        ("Java", "+if(.|", 60_000),
        ("C++", "+if(.|", 60_000),
        ("C#", "+if(.|", 60_000),
    ],
)
def test_hostile_file_falls_to_the_expressions_and_the_next_is_parsed(
    small: ImportParser, language: str, unit: str, num_chars: int
) -> None:
    hostile = {"Java": "import a.B;\n", "C++": "#include <a>\n", "C#": "using A;\n"}[language]
    text = hostile + unit * (num_chars // len(unit))
    expected = ParsedImports(imports=tuple(extract_imports(language, text)), evidence="expression")
    assert expected.imports
    assert small.extract(language, text) == expected
    assert small.extract(language, hostile) == ParsedImports(
        imports=expected.imports, evidence="parser"
    )


def test_only_the_head_of_a_file_is_parsed(shared: ImportParser) -> None:
    text = "import a\n" + "x = 1\n" * (MAX_SOURCE_CHARS // 6 + 1) + "import b\n"
    assert shared.extract("Python", text) == ParsedImports(imports=("import a",), evidence="parser")


def test_names_too_long_to_be_written_by_people_are_left_out(shared: ImportParser) -> None:
    found = shared.extract("Python", f"import a\nimport {'b' * MAX_IMPORT_CHARS}\n")
    assert found == ParsedImports(imports=("import a",), evidence="parser")


def test_killed_child_is_replaced_and_its_file_parsed(small: ImportParser) -> None:
    pid = child_of(small)
    os.kill(pid, signal.SIGKILL)
    assert is_gone(pid)
    found = small.extract("Python", "import b")
    assert found == ParsedImports(imports=("import b",), evidence="parser")
    assert small.child_pid != pid


def test_stopped_child_costs_its_wall_time_only() -> None:
    limits = ParseLimits(wall_seconds=2.0)
    with ImportParser(limits) as parser:
        os.kill(child_of(parser), signal.SIGSTOP)
        found = parser.extract("Python", "import b")
    assert found == ParsedImports(imports=("import b",), evidence="parser")


def test_no_child_is_left_after_close(small: ImportParser) -> None:
    pid = child_of(small)
    small.close()
    assert small.child_pid is None
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_no_child_outlives_its_parent(ending: signal.Signals) -> None:
    code = (
        "import json, time\n"
        "from gristmill.filters.parse_worker import ImportParser\n"
        "with ImportParser() as parser:\n"
        "    parser.extract('Python', 'import a')\n"
        "    print(json.dumps(parser.child_pid), flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:
        assert parent.stdout is not None
        pid = json.loads(parent.stdout.readline())
        os.killpg(parent.pid, ending)
    assert is_gone(pid)


def test_parsing_ends_where_its_parent_is_killed() -> None:
    code = (
        "from gristmill.filters.parse_worker import ImportParser, ParseLimits\n"
        "with ImportParser(ParseLimits(cpu_seconds=1.0)) as parser:\n"
        "    parser.extract('Python', 'import a')\n"
        "    print(parser.child_pid, flush=True)\n"
        "    parser.extract('Java', '! , */' * 10_000)\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    assert is_gone(pid)


def test_modules_in_the_working_folder_are_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tree_sitter.py").write_text("raise SystemExit('loaded')\n")
    monkeypatch.chdir(tmp_path)
    with ImportParser() as parser:
        assert parser.extract("Python", "import a").evidence == "parser"


def test_child_without_room_for_its_grammars_is_an_error() -> None:
    limits = ParseLimits(memory_bytes=24 << 20)
    with (
        ImportParser(limits) as parser,
        pytest.raises((GristmillError, ChildProcessError), match="parser process"),
    ):
        parser.extract("Python", "import a")
