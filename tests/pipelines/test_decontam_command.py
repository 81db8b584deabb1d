"""`gristmill decontam`: what it indexes, what it finds in files and builds, and what it refuses."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ITEM = {"id": "q1", "question": "How many red kites did Ada fly over the hill on a windy day?"}
COPY = "Fly! How many RED kites did Ada fly, over the hill on a windy day? Nobody knows."


def gristmill(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gristmill", "decontam", *arguments]
    return subprocess.run(command, capture_output=True, text=True, input=stdin, check=False)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("index")
    (folder / "kites.jsonl").write_text(json.dumps(ITEM) + "\n")
    ran = gristmill("index", str(folder / "kites.jsonl"), "--out", str(folder / "kites.index"))
    assert ran.returncode == 0, ran.stderr
    return str(folder / "kites.index")


def checked(*arguments: str, stdin: str = "") -> list[dict[str, object]]:
    ran = gristmill("check", *arguments, "--json", stdin=stdin)
    assert ran.stderr == ""
    assert ran.returncode == (1 if ran.stdout else 0)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_index_says_what_it_took_and_what_it_left_out(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    rows = [ITEM | {"answer": "three or four", "source": "a book of kites"}, {"question": "Why?"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ran = gristmill("index", str(path), "--out", str(tmp_path / "own.index"))
    assert ran.stdout.splitlines() == [
        f"{tmp_path}/own.index: 2 items, 1 strings.",
        f"  {'own':<28}        2 items",
        "fields: answer 1, question 2",
        "n-grams: 5 of 10 words",
        "left out: 1 strings of one or two words, 1 answers of less than ten words",
    ]
    assert ran.stderr == ""
    found = json.loads(gristmill("index", str(path), "--out", str(tmp_path / "b"), "--json").stdout)
    assert found["ngrams"] == {"10": 5}
    assert (tmp_path / "b").read_bytes() == (tmp_path / "own.index").read_bytes()


def test_index_warns_of_the_form_that_all_items_have(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    form = "answer this question with one number and nothing else please"
    path.write_text("".join(json.dumps({"prompt": f"{form} q{i}"}) + "\n" for i in range(11)))
    ran = gristmill("index", str(path), "--out", str(tmp_path / "own.index"))
    assert f"  {form} (11 of own)" in ran.stderr
    ran = gristmill("index", str(path), "--out", str(tmp_path / "b"), "--max-items", "10")
    assert ran.stderr == ""
    assert "left out: 1 ignored n-grams" in ran.stdout


def test_check_names_the_file_the_item_and_the_place(index: str, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text(COPY)
    (tmp_path / "good.py").write_text("print('kites')\n")
    ran = gristmill("check", str(tmp_path), "--index", index)
    assert ran.returncode == 1
    assert ran.stdout.splitlines() == [
        f"{tmp_path}/bad.txt",
        "  kites q1, question: 14 words (ngram) at characters 5 to 65",
        "    How many RED kites did Ada fly, over the hill on a windy day",
        "1 of 2 documents are contaminated.",
    ]
    (found,) = checked(str(tmp_path), "--index", index)
    assert found["document"] == f"{tmp_path}/bad.txt"
    hits = found["hits"]
    assert isinstance(hits, list)
    (hit,) = hits
    assert COPY[hit["start"] : hit["start"] + hit["length"]] == hit["excerpt"]


def test_check_reads_documents_a_row_and_stdin(index: str, tmp_path: Path) -> None:
    lines = "".join(json.dumps({"text": text}) + "\n" for text in ("clean", COPY))
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(lines.encode()))
    assert [f["document"] for f in checked(str(path), "--index", index)] == [f"{path}#1"]
    table = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"body": [COPY, "clean"]}), table)
    found = checked(str(table), "--index", index, "--text-field", "body")
    assert [each["document"] for each in found] == [f"{table}#0"]
    assert len(checked("-", "--index", index, stdin=COPY)) == 1
    assert checked("-", "--index", index, stdin="clean") == []


def test_check_reads_the_texts_of_a_build(built: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps({"text": "It was day 3. It was day 3. It was day 3."}) + "\n")
    gristmill("index", str(path), "--out", str(tmp_path / "own.index"))
    found = checked(str(built), "--index", str(tmp_path / "own.index"))
    assert [each["document"] for each in found] == ["p3"]


def test_mistakes_are_told_in_one_line(index: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a b c"}\n')
    for arguments, message in (
        (("check", str(tmp_path / "none"), "--index", index), "no such file"),
        (("check", str(tmp_path / "none.jsonl"), "--index", index), "no such file"),
        (("check", str(tmp_path), "--index", str(tmp_path / "none")), "No such file"),
        (("check", str(tmp_path), "--index", str(tmp_path / "a.jsonl")), "not an index"),
        (("index", str(tmp_path / "a.jsonl"), "--fields", "b", "--out", "x"), "no item has"),
    ):
        ran = gristmill(*arguments)
        assert ran.returncode == 2, arguments
        assert message in ran.stderr
        assert "Traceback" not in ran.stderr
        assert ran.stdout == ""


def test_a_row_that_cannot_be_read_is_told_and_is_no_silence(index: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "clean"}\n{"body": "other"}\n')
    ran = gristmill("check", str(path), "--index", index)
    assert ran.returncode == 1
    assert "has no string named 'text'" in ran.stderr
    assert ran.stdout == "0 of 1 documents are contaminated.\n"
