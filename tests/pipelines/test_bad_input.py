"""Bad input costs itself and nothing else: a row with its reason, or one clear line, no trace."""

import gzip
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from ..conftest import Corpus

    CopyCorpus = Callable[[Path, Path], Corpus]

MORE_SOURCES = """
[read]
max_archive_bytes = 4_000_000

[[source]]
name = "pages"
kind = "warc"
component = "text"
paths = ["pages/*"]

[[source]]
name = "tables"
kind = "documents"
component = "text"
paths = ["tables/*.parquet"]
"""

LedgerRow = dict[str, object]


class Built(NamedTuple):
    """A corpus and what the command said when it was built."""

    corpus: "Corpus"
    rows: list[LedgerRow]
    stderr: str


def gristmill(*arguments: str, timeout: float = 120) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "gristmill", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def build(corpus: "Corpus", out: str | None = None) -> "subprocess.CompletedProcess[str]":
    where = out or str(corpus.out)
    return gristmill("build", str(corpus.recipe), "--out", where, "--workers", "0")


def ledger(out: Path) -> list[LedgerRow]:
    rows: list[LedgerRow] = pq.read_table(out / "ledger").to_pylist()
    return rows


def partial_files(out: Path) -> list[Path]:
    return [path for path in out.rglob("*") if path.name.endswith(".partial")]


def tar_of(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def code(name: str) -> bytes:
    """Return a Python file unlike those of other names."""
    lines = (f"def {name}_{i}():\n    return '{name} number {i}'" for i in range(12))
    return ("\n".join(lines) + "\n").encode()


def page(name: str) -> str:
    return f"<main>{''.join(f'<p>{name} has a paragraph {i}.</p>' for i in range(20))}</main>"


def _write_healthy(corpus: "Corpus", warc_record: Callable[[str, str], bytes]) -> None:
    corpus.write(extra=MORE_SOURCES)
    for folder in ("pages", "tables"):
        (corpus.base / folder).mkdir()
    record = warc_record("https://good.example.org/", page("good"))
    (corpus.base / "pages/good.warc.gz").write_bytes(gzip.compress(record, mtime=0))
    _write_table(corpus.base / "tables/good.parquet", "good")


def _write_table(path: Path, name: str) -> None:
    texts = [f"Verse {i} of {name}. " + f"{name} {i} " * 30 for i in range(300)]
    pq.write_table(pa.table({"text": texts}), path, row_group_size=100, compression="none")


def _write_damage(
    base: Path,
    warc_record: Callable[[str, str], bytes],
    repository: Callable[[Path, Mapping[str, str | bytes]], Path],
) -> None:
    _damage_pages(base / "pages", warc_record)
    _damage_tables(base / "tables")
    _damage_repositories(base / "repositories", repository)
    lines: list[bytes] = [
        b'{"id": "after", "text": "There is a good line after all of the damage."}',
        b'{"id": "cut", "text": "There is no',
        b'{"id": "nul", "text": "There is a \\u0000 in it"}',
        b'{"id": "surrogate", "text": "There is half \\ud800 a character"}',
        b'{"id": "bytes", "text": "\xff\xfe\x80"}',
        b'{"id": "textless"}',
        b'{"id": "line", "text": "' + b"x" * 10_000_000 + b'"}',
    ]
    (base / "prose/odd.jsonl").write_bytes(b"\n".join([*lines[1:], lines[0], b""]))


def _damage_pages(folder: Path, warc_record: Callable[[str, str], bytes]) -> None:
    cut = [warc_record(f"https://cut.example.org/{i}", page(f"cut {i}")) for i in range(3)]
    members = b"".join(gzip.compress(record, mtime=0) for record in cut)
    (folder / "cut.warc.gz").write_bytes(members[:-60])
    lying = [warc_record(f"https://lying.example.org/{i}", page(f"lying {i}")) for i in range(3)]
    head, empty_line, body = lying[1].partition(b"\r\n\r\n")
    lying[1] = re.sub(rb"Content-Length: \d+", b"Content-Length: 99999", head) + empty_line + body
    (folder / "lying.warc").write_bytes(b"".join(lying))


def _damage_tables(folder: Path) -> None:
    _write_table(folder / "flipped.parquet", "flipped")
    with pq.ParquetFile(folder / "flipped.parquet") as file:
        second = file.metadata.row_group(1).column(0)
        start = second.dictionary_page_offset or second.data_page_offset
    data = bytearray((folder / "flipped.parquet").read_bytes())
    data[start : start + 200] = b"\xff" * 200
    (folder / "flipped.parquet").write_bytes(data)
    _write_table(folder / "cut.parquet", "cut")
    (folder / "cut.parquet").write_bytes((folder / "cut.parquet").read_bytes()[:-100])


def _damage_repositories(
    folder: Path, repository: Callable[[Path, Mapping[str, str | bytes]], Path]
) -> None:
    names = ("missing", "flipped", "sound")
    broken = repository(folder / "broken", {f"{name}.py": code(name) for name in names})
    _loose_object(broken, "missing.py").unlink()
    _loose_object(broken, "flipped.py").write_bytes(b"this is no object")
    files = {"top/fine.py": code("fine"), "../../outside.py": code("outside")}
    (folder / "outside.tar.gz").write_bytes(tar_of(files))
    bomb = {"top/first.py": code("first")} | {f"top/{i}.txt": bytes(1 << 20) for i in range(40)}
    (folder / "bomb.tar.gz").write_bytes(tar_of(bomb))
    odd = folder / "odd"
    odd.mkdir()
    (odd / "line.js").write_bytes(b"var x = 1; " * 1_000_000)
    (odd / "nul.py").write_bytes(b"x = 1\n\0\0\0\0" * 50)
    (odd / "bytes.py").write_bytes("# caf\u00e9 \u00fc\n".encode() * 50 + b"# \xe9t\xe9 \xff\n")
    (odd / "fine.py").write_bytes(code("odd"))
    (odd / "self").symlink_to(".")
    (odd / "there").symlink_to("back")
    (odd / "back").symlink_to("there")


def _loose_object(folder: Path, name: str) -> Path:
    command = ["git", "rev-parse", f"HEAD:{name}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    identity = done.stdout.strip()
    path = folder / ".git/objects" / identity[:2] / identity[2:]
    path.chmod(0o644)
    return path


@pytest.fixture(scope="module")
def healthy(
    template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    copied_corpus: "CopyCorpus",
    warc_record: Callable[[str, str], bytes],
) -> Built:
    """The corpus without any damage."""
    corpus = copied_corpus(template, tmp_path_factory.mktemp("healthy") / "corpus")
    _write_healthy(corpus, warc_record)
    done = build(corpus)
    assert done.returncode == 0, done.stderr
    return Built(corpus, ledger(corpus.out), done.stderr)


@pytest.fixture(scope="module")
def damaged(
    template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    copied_corpus: "CopyCorpus",
    warc_record: Callable[[str, str], bytes],
    repository: Callable[[Path, Mapping[str, str | bytes]], Path],
) -> Built:
    """The same corpus with every kind of damage among its inputs, built by the command."""
    corpus = copied_corpus(template, tmp_path_factory.mktemp("damaged") / "corpus")
    _write_healthy(corpus, warc_record)
    _write_damage(corpus.base, warc_record, repository)
    done = build(corpus)
    assert done.returncode == 0, done.stderr
    return Built(corpus, ledger(corpus.out), done.stderr)


# (collection, path) -> why it has no text; paths that only say where reading stopped are "".
DAMAGE = {
    ("cut.example.org", "https://cut.example.org/2"): ("corrupt", "cut short"),
    ("lying.example.org", "https://lying.example.org/1"): ("corrupt", "Content-Length is 99999"),
    ("tables", "tables/cut.parquet#0"): ("corrupt", "not a parquet file"),
    ("tables", "tables/flipped.parquet#100"): ("corrupt", "rows 100 to 199 are lost"),
    ("broken", "missing.py"): ("corrupt", "missing or damaged"),
    ("broken", "flipped.py"): ("corrupt", "missing or damaged"),
    ("outside", "../../outside.py"): ("unsafe_path", None),
    ("bomb", ""): ("corrupt", "unpacks to more than 4000000 bytes"),
    ("odd", "line.js"): ("huge", "11000000 bytes, the limit is 1048576"),
    ("odd", "nul.py"): ("binary", None),
    ("odd", "bytes.py"): ("undecodable", None),
    ("odd", "self"): ("symlink", "to ."),
    ("odd", "there"): ("symlink", "to back"),
    ("odd", "back"): ("symlink", "to there"),
    ("prose", "prose/odd.jsonl#0"): ("corrupt", "line 1 is not JSON"),
    ("prose", "nul"): ("binary", "U+0000"),
    ("prose", "surrogate"): ("undecodable", "not valid UTF-8"),
    ("prose", "prose/odd.jsonl#3"): ("corrupt", "line 4 is not JSON"),
    ("prose", "prose/odd.jsonl#4"): ("corrupt", "no string named 'text'"),
    ("prose", "prose/odd.jsonl#5"): ("huge", "10000026 bytes"),
}


@pytest.mark.parametrize("place", DAMAGE, ids="/".join)
def test_damage_is_a_row_with_its_reason(damaged: Built, place: tuple[str, str]) -> None:
    (row,) = (row for row in damaged.rows if (row["collection"], row["path"]) == place)
    reason, detail = DAMAGE[place]
    assert row["dropped_by"] == reason
    assert detail is None or detail in str(row["read_error"])
    assert (row["tokens"], row["shard"], row["content_id"]) == (None, None, None)


def test_what_lies_beside_the_damage_is_read(damaged: Built) -> None:
    kept = {(row["collection"], row["path"]) for row in damaged.rows if row["dropped_by"] is None}
    assert kept >= {
        ("cut.example.org", "https://cut.example.org/0"),
        ("cut.example.org", "https://cut.example.org/1"),
        ("lying.example.org", "https://lying.example.org/0"),
        ("lying.example.org", "https://lying.example.org/2"),
        ("broken", "sound.py"),
        ("outside", "fine.py"),
        ("bomb", "first.py"),
        ("odd", "fine.py"),
        ("prose", "after"),
        *(("tables", f"tables/flipped.parquet#{i}") for i in (*range(100), *range(200, 300))),
    }


def test_rows_of_sound_inputs_are_what_they_are_without_the_damage(
    healthy: Built, damaged: Built
) -> None:
    names = ("dropped_by", "tokens", "keeper", "rule_hits", "language")
    found = {row["doc_id"]: [row[name] for name in names] for row in damaged.rows}
    for row in healthy.rows:
        assert found[row["doc_id"]] == [row[name] for name in names]
    assert len(damaged.rows) > len(healthy.rows) + len(DAMAGE)


def test_a_build_of_damaged_inputs_ends_well_and_leaves_no_partial_file(damaged: Built) -> None:
    assert "Traceback" not in damaged.stderr
    assert {json.loads(line)["event"] for line in damaged.stderr.splitlines()} == {"done"}
    assert partial_files(damaged.corpus.out) == []


LINES = """
name = "lines"
source = [{ name = "lines", kind = "documents", component = "text", paths = ["*.txt", "*.jsonl"] }]
read = { max_file_bytes = 16_000_000 }
mixture = { weights = { text = 1.0 } }
dedup = { partitions = 1 }
"""


def test_a_long_line_within_the_limit_becomes_tokens(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("word" + " word" * 1_999_999)
    (tmp_path / "letters.txt").write_text("a" * 100_000)
    (tmp_path / "nothing.jsonl").write_text("")
    (tmp_path / "recipe.toml").write_text(LINES)
    done = run(tmp_path, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    found = {row["path"]: row["tokens"] for row in ledger(tmp_path / "out")}
    assert found["words.txt"] == 2_000_001
    assert 1 < int(str(found["letters.txt"])) < 100_000


NOTHING = """
name = "nothing"
source = [
    { name = "folder", kind = "repository", component = "code", paths = ["folder"] },
    { name = "git", kind = "repository", component = "code", paths = ["git"] },
    { name = "pages", kind = "warc", component = "text", paths = ["a.warc*"] },
    { name = "prose", kind = "documents", component = "text", paths = ["a.jsonl", "a.txt"] },
]
mixture = { weights = { code = 0.5, text = 0.5 } }
"""


@pytest.mark.parametrize("order", ["random", "dependency"])
def test_inputs_that_hold_nothing_fail_no_stage(tmp_path: Path, order: str) -> None:
    for name in ("a.jsonl", "a.txt", "a.warc", "a.warc.gz"):
        (tmp_path / name).write_text("")
    for name in ("folder", "git"):
        (tmp_path / name).mkdir()
    subprocess.run(["git", "init", "-q"], cwd=tmp_path / "git", check=True)
    (tmp_path / "recipe.toml").write_text(f"{NOTHING}order = {{ method = '{order}' }}\n")
    done = run(tmp_path, tmp_path / "out")
    assert done.returncode == 2
    assert '"failed"' not in done.stderr
    assert "code has a weight of 0.5 and no tokens" in done.stderr
    assert not (tmp_path / "out/ledger").exists()


def run(base: Path, out: Path) -> "subprocess.CompletedProcess[str]":
    return gristmill("build", str(base / "recipe.toml"), "--out", str(out), "--workers", "0")


@pytest.mark.parametrize("blocker", ["out", "out/work", "out/work/lock/x"])
def test_an_out_that_cannot_be_written_is_one_clear_line(corpus: "Corpus", blocker: str) -> None:
    path = corpus.base / blocker
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("in the way")
    done = build(corpus)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "the build directory cannot be written" in done.stderr


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts that do not compress, in a corpus that is built in `out`."""
    base = tmp_path_factory.mktemp("noise")
    words = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(2000)]
    texts = [" ".join(words[i : i + 20]) for i in range(0, len(words), 20)]
    (base / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    (base / "a.txt").write_text("One more line.\n")
    (base / "recipe.toml").write_text(LINES)
    assert run(base, base / "out").returncode == 0
    return base


@pytest.mark.system  # mounts a disk, which only root may
def test_a_full_disk_stops_the_build_and_room_lets_it_finish(noise: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)], check=True)
    try:
        _check_stopped(run(noise, disk / "out"), disk / "out", "No space left on device")
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        _check_finished(run(noise, disk / "out"), disk / "out", noise / "out")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_file_size_limit_stops_the_build_and_none_lets_it_finish(
    noise: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    limit = f"ulimit -f 24; exec {sys.executable} -m gristmill build"  # 24 blocks of 1 KiB
    command = ["bash", "-c", f"{limit} {noise}/recipe.toml --out {out} --workers 0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    _check_stopped(done, out, "File too large")
    _check_finished(run(noise, out), out, noise / "out")


def _check_stopped(done: "subprocess.CompletedProcess[str]", out: Path, reason: str) -> None:
    assert done.returncode == 1, done.stderr
    assert reason in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert partial_files(out) == []
    assert not (out / "build.json").exists()
    assert not (out / "tokens").exists()


def _check_finished(done: "subprocess.CompletedProcess[str]", out: Path, clean: Path) -> None:
    assert done.returncode == 0, done.stderr
    paths = [path.relative_to(clean) for path in clean.glob("[tl]*/**/*.parquet")]
    assert len(paths) > 2
    for path in (*paths, Path("build.json"), Path("mixture.json")):
        assert (out / path).read_bytes() == (clean / path).read_bytes(), path
