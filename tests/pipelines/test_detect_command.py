"""`gristmill detect`: every file has a line, in order, and no file or pipe can stop it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.sources.unit import ReadLimits
from gristmill.pipelines import detect_files
from gristmill.pipelines.cli import cli
from gristmill.pipelines.detect_command import FileLanguage, detect_paths
from gristmill.pipelines.detect_text import Summary, explained, table_line

PYTHON = "import os\n\n\ndef name() -> str:\n    return os.name\n"
HEADER = "#define A 1\n"
CPP = "#include <vector>\n\nint main() { return 0; }\n"


def fail(complaint: str) -> None:
    raise AssertionError(complaint)


def detect(
    *paths: object, content_only: bool = False, explain: bool = False
) -> dict[str, FileLanguage]:
    named = [str(path) for path in paths]
    batches = detect_paths(named, note=fail, content_only=content_only, explain=explain)
    return {found.path: found for batch in batches for found in batch}


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def gristmill(*arguments: object, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(cli, ["detect", *map(str, arguments)], input=stdin)


def rows(output: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.splitlines()]


def test_json_is_one_object_a_file_with_the_four_fields(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": PYTHON, "sub/b.rs": "fn main() {}\n"})
    shown = gristmill("--json", tmp_path)
    assert (shown.exit_code, shown.stderr) == (0, "")
    found = rows(shown.stdout)
    assert [row["language"] for row in found] == ["Python", "Rust"]
    assert [list(row) for row in found] == [["path", "language", "confidence", "evidence"]] * 2
    assert [row["path"] for row in found] == [f"{tmp_path}/a.py", f"{tmp_path}/sub/b.rs"]


def test_files_come_in_the_order_of_their_paths_bytes(tmp_path: Path) -> None:
    names = ["a-b.py", "a/z.py", "a.py", "a/b/c.py", "\u00e9.py", "Z.py", ".hidden.py", "a0.py"]
    write(tmp_path, dict.fromkeys(names, PYTHON))
    expected = sorted((f"{tmp_path}/{name}" for name in names), key=os.fsencode)
    assert list(detect(tmp_path)) == expected


def test_git_s_own_files_are_skipped(tmp_path: Path) -> None:
    write(tmp_path, {".git/config": "[core]\n", "sub/.git": "gitdir: x\n", "sub/a.py": PYTHON})
    assert list(detect(tmp_path)) == [f"{tmp_path}/sub/a.py"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n\0\0", "binary"),
        (b"x" * ((1 << 20) + 1), "huge"),
        (bytes(range(1, 256)) * 9, "undecodable"),
    ],
)
def test_a_file_without_text_says_why(tmp_path: Path, content: bytes, reason: str) -> None:
    (found,) = detect(write(tmp_path, {"a.py": content})).values()
    assert (found.language, found.evidence, found.confidence) == (None, "none", 0.0)
    assert found.reason == reason


def test_links_and_pipes_in_a_folder_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    reasons = [found.reason for found in detect(tmp_path).values()]
    assert reasons == ["symlink", "special_file"]


def test_a_link_that_is_named_itself_is_followed(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": PYTHON})
    (tmp_path / "link.py").symlink_to(tmp_path / "a.py")
    (found,) = detect(tmp_path / "link.py").values()
    assert found.language == "Python"


def test_a_device_without_an_end_is_huge() -> None:
    (found,) = detect("/dev/zero").values()
    assert found.reason == "huge"


def test_utf_16_is_read(tmp_path: Path) -> None:
    found = detect(write(tmp_path, {"a": f"#!/usr/bin/python\n{PYTHON}".encode("utf-16")}))
    assert found[f"{tmp_path}/a"].language == "Python"


def test_a_name_outside_utf_8_and_with_a_line_end_is_one_line(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n.py"))).write_text(PYTHON)
    (row,) = rows(gristmill("--json", tmp_path).stdout)
    assert row["path"] == f"{tmp_path}/\\xff\n.py"
    table = gristmill(tmp_path).stdout.splitlines()
    assert len(table) == 3
    assert table[2].endswith(r"\xff\n.py")


def test_the_files_of_a_repository_tell_what_a_header_is(tmp_path: Path) -> None:
    files = dict.fromkeys([f"src/{i}.cpp" for i in range(9)], CPP)
    write(tmp_path, {".git/HEAD": "", "include/a.h": HEADER, **files})
    assert detect(tmp_path)[f"{tmp_path}/include/a.h"].language == "C++"


def test_a_repository_does_not_vote_on_another(tmp_path: Path) -> None:
    files = dict.fromkeys([f"src/{i}.cpp" for i in range(9)], CPP)
    write(tmp_path, {"one/.git/HEAD": "", "two/.git/HEAD": "", "two/a.h": HEADER})
    write(tmp_path / "one", files)
    alone = detect(tmp_path / "two/a.h")
    assert detect(tmp_path)[f"{tmp_path}/two/a.h"] == alone[f"{tmp_path}/two/a.h"]


def test_content_only_ignores_names_and_neighbours(tmp_path: Path) -> None:
    script = f"#!/usr/bin/env python3\n{PYTHON}"
    write(tmp_path, {"a.rs": script, "b.cpp": script})
    found = detect(tmp_path, content_only=True)
    assert {row.language for row in found.values()} == {"Python"}
    assert {row.evidence for row in found.values()} == {"shebang"}


def test_stdin_has_a_name_only_if_it_is_given_one() -> None:
    (unnamed,) = rows(gristmill("--json", "-", stdin=b"x\n").stdout)
    (named,) = rows(gristmill("--json", "-", "--name", "src/a.rb", stdin=b"x\n").stdout)
    assert unnamed["path"] == "-"
    assert unnamed["evidence"] in ("content", "none")
    assert (named["path"], named["language"]) == ("src/a.rb", "Ruby")


@pytest.mark.parametrize("arguments", [(".", "--name", "a"), ("-", "-"), ()])
def test_wrong_usage_is_exit_2(arguments: tuple[str, ...]) -> None:
    assert gristmill(*arguments).exit_code == 2


def test_a_path_that_does_not_exist_stops_before_anything_is_printed(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": PYTHON})
    with pytest.raises(GristmillError, match="no such file or folder"):
        detect(tmp_path, tmp_path / "none")
    shown = gristmill(tmp_path, tmp_path / "none")
    assert isinstance(shown.exception, GristmillError)
    assert shown.stdout == ""


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_judged(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": PYTHON})
    # Linux's own: a regular file whose first page is never mapped, for root neither
    shown = gristmill("--json", "/proc/self/mem", tmp_path)
    assert shown.exit_code == 1
    assert "/proc/self/mem: Input/output error" in shown.stderr
    assert [row.get("reason") for row in rows(shown.stdout)] == ["unreadable", None]


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a/a.py": PYTHON,
            "b/b.py": PYTHON,
            "c/c.py": PYTHON,
            "a/.git/HEAD": "",
            "b/.git/HEAD": "",
        },
    )
    complaints: list[str] = []
    batches = detect_files.read_batches(
        [str(tmp_path)], name=None, limits=ReadLimits(), note=complaints.append
    )
    seen = [file.path for file in next(batches)]
    shutil.rmtree(tmp_path / "c")
    seen += [file.path for batch in batches for file in batch]
    assert seen == [f"{tmp_path}/a/a.py", f"{tmp_path}/b/b.py"]
    assert complaints == [f"{tmp_path}/c: No such file or directory"]


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    write(tmp_path, {f"{i}/a.py": PYTHON for i in range(3000)})
    command = f"{sys.executable} -m gristmill detect --json {tmp_path} | head -n 1"
    shown = subprocess.run(["bash", "-c", command], capture_output=True, check=True, timeout=60)
    assert shown.stdout.count(b"\n") == 1
    assert shown.stderr == b""


def test_a_batch_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {".git/HEAD": "", **{f"{i:03}.py": PYTHON for i in range(25)}})
    for name, value, sizes in (
        ("MAX_BATCH_FILES", 10, [10, 10, 5]),
        ("MAX_BATCH_BYTES", 2 * len(PYTHON), [2] * 12 + [1]),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(detect_files, name, value)
            assert [len(batch) for batch in detect_paths([str(tmp_path)], note=fail)] == sizes


@settings(max_examples=30, deadline=None)
@given(contents=st.lists(st.binary(max_size=200), max_size=4), explain=st.booleans())
def test_any_bytes_have_an_answer(
    tmp_path_factory: pytest.TempPathFactory, *, contents: list[bytes], explain: bool
) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    write(folder, {f"{i}.{'hpy'[i % 3]}": data for i, data in enumerate(contents)})
    found = detect(folder, explain=explain).values()
    assert len(found) == len(contents)
    for row in found:
        assert 0 <= row.confidence <= 1
        assert (row.language is None) == (row.evidence == "none")
        assert "\n" not in table_line(row)


def test_explain_ends_with_the_decision(tmp_path: Path) -> None:
    (found,) = detect(write(tmp_path, {"a.h": HEADER}), explain=True).values()
    assert found.steps is not None
    by_evidence = {step.evidence: step for step in found.steps}
    assert {"C", "C++"} <= set(by_evidence["extension"].languages)
    assert found.steps[-1].evidence == "decision"
    assert found.steps[-1].languages == (found.language,)
    assert f"decision    {found.language}" in explained(found)


def test_explain_tells_what_the_repository_changed(tmp_path: Path) -> None:
    files = dict.fromkeys([f"src/{i}.cpp" for i in range(9)], CPP)
    write(tmp_path, {".git/HEAD": "", "a.h": HEADER, **files})
    steps = detect(tmp_path, explain=True)[f"{tmp_path}/a.h"].steps
    assert steps is not None
    assert (steps[-2].evidence, steps[-2].languages) == ("repository", ("C++",))


def test_steps_are_in_the_json_only_where_asked_for(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": PYTHON})
    (row,) = rows(gristmill("--json", "--explain", tmp_path).stdout)
    steps = row["steps"]
    assert isinstance(steps, list)
    assert steps[-1]["languages"] == ["Python"]


def languages(names: Iterable[str]) -> list[FileLanguage]:
    return [
        FileLanguage(path=name, language=name, confidence=0.5, evidence="extension")
        for name in names
    ]


def test_the_summary_counts_every_file_and_names_the_most_frequent_first() -> None:
    summary = Summary()
    summary.add(languages(["C"] * 2 + ["Ada"] * 3 + [f"L{i}" for i in range(100)]))
    summary.add([FileLanguage(path="a", language=None, confidence=0, evidence="none")])
    lines = summary.text().splitlines()
    assert lines[2].split() == ["Ada", "3", "2.8%", "0.50"]
    assert any(line.split()[:3] == ["and", "42", "more"] for line in lines)
    assert any(line.startswith("none: not sure") for line in lines)
    assert lines[-1].split() == ["total", "106", "100.0%"]


def test_more_than_a_screenful_ends_with_a_summary(tmp_path: Path) -> None:
    write(tmp_path, {f"{i}.py": PYTHON for i in range(41)})
    assert "\ntotal " in gristmill(tmp_path).stdout
    (tmp_path / "0.py").unlink()
    assert "\ntotal " not in gristmill(tmp_path).stdout
