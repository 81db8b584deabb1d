"""Cuts in a build: lines that many pages of a host have, and substrings that repeat."""

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.tokenizer import load_tokenizer
from gristmill.pipelines.audit import audit
from gristmill.pipelines.build import build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.trace import trace

RECIPE = """\
name = "boilerplate"

[[source]]
name = "web"
kind = "warc"
component = "text"
paths = ["*.warc"]

[[source]]
name = "prose"
kind = "documents"
component = "text"
paths = ["prose.jsonl"]

[dedup]
partitions = 3

{settings}

[mixture.weights]
text = 1.0
"""
ON = "[dedup.boilerplate]\nmin_pages = 4"
MENU = "Home | Products | Prices | Contact us"
FOOTER = "All rights reserved by the owners of this site. \u00a9 \u4e2d\u6587"
Row = dict[str, object]


def body(topic: str) -> str:
    return "".join(f"The {topic} has a line {n} about {topic} {n * 7}.\n" for n in range(12))


def page(topic: str) -> str:
    return f"{MENU}\n\n{body(topic)}{FOOTER}"


PAGES = {
    **{f"http://a.example/{topic}": page(topic) for topic in ("ant", "bee", "cat", "dog")},
    "http://a.example/empty": f"{MENU}\n\nNothing.\n{FOOTER}",
    "http://b.example/elk": page("elk"),
    "http://b.example/fox": f"{body('fox')}{FOOTER}\n",
    # Five pages that differ in a line: one of them is kept, so their lines are on one page.
    **{f"http://c.example/{i}": f"{body('gnu') * 4}Number {i}\n" for i in range(5)},
}


def record(url: str, text: str, number: int) -> bytes:
    http = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}".encode()
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{number}>\r\n"
        f"WARC-Date: 2023-01-01T00:00:00Z\r\nWARC-Target-URI: {url}\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


def write_inputs(base: Path) -> None:
    records = [record(url, text, i) for i, (url, text) in enumerate(PAGES.items())]
    (base / "one.warc").write_bytes(b"".join(records[::2]))
    (base / "two.warc").write_bytes(b"".join(records[1::2]))
    prose = {"id": "p", "text": page("hen"), "language": "en"}
    (base / "prose.jsonl").write_text(json.dumps(prose) + "\n")


def run(base: Path, settings: str, out: str = "out") -> dict[str, Row]:
    """Build and return the ledger by path."""
    recipe = base / "recipe.toml"
    recipe.write_text(RECIPE.format(settings=settings))
    result = build(
        str(recipe),
        out=str(base / out),
        executor=LocalExecutor(),
        observer=JsonLines(sys.stderr),
    )
    assert not result.failures, result.failures
    return {str(row["path"]): row for row in pq.read_table(base / out / "ledger").to_pylist()}


def texts(out: Path) -> dict[object, str]:
    """Return the text of every training document by its id."""
    tokenizer, found = load_tokenizer(), {}
    for path in (out / "tokens").rglob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            found[row["doc_id"]] = tokenizer.decode_bytes(row["tokens"][:-1]).decode()
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with inputs and a build of them in `out`; tests only read it."""
    found = tmp_path_factory.mktemp("boilerplate")
    write_inputs(found)
    run(found, ON)
    return found


@pytest.fixture(scope="module")
def ledger(base: Path) -> dict[str, Row]:
    return {str(row["path"]): row for row in pq.read_table(base / "out/ledger").to_pylist()}


def test_lines_of_many_pages_of_a_host_are_cut(base: Path, ledger: dict[str, Row]) -> None:
    ant = ledger["http://a.example/ant"]
    assert texts(base / "out")[ant["doc_id"]] == body("ant")
    assert ant["cut_chars"] == len(MENU) + 2 + len(FOOTER)


def test_lines_that_are_rare_on_their_host_stay(base: Path, ledger: dict[str, Row]) -> None:
    elk = ledger["http://b.example/elk"]
    assert texts(base / "out")[elk["doc_id"]] == PAGES["http://b.example/elk"]
    assert elk["cut_chars"] == 0


def test_near_duplicates_do_not_make_each_others_lines_common(ledger: dict[str, Row]) -> None:
    rows = [row for path, row in ledger.items() if path.startswith("http://c.example/")]
    kept = [row for row in rows if row["dropped_by"] is None]
    assert [row["cut_chars"] for row in kept] == [0]


def test_a_page_without_a_text_of_its_own_is_dropped(ledger: dict[str, Row]) -> None:
    row = ledger["http://a.example/empty"]
    assert (row["dropped_by"], row["tokens"], row["keeper"]) == ("little_left", None, None)


def test_documents_that_are_no_pages_stay_whole(base: Path, ledger: dict[str, Row]) -> None:
    (row,) = (row for row in ledger.values() if row["kind"] == "document")
    assert row["cut_chars"] is None
    assert texts(base / "out")[row["doc_id"]] == page("hen")


def test_audit_agrees_and_counts_the_dropped(base: Path) -> None:
    found = audit(str(base / "out"), by=())
    assert not found.differences
    assert {d.reason: d.kind for d in found.funnel}["little_left"] == "duplicate"


def test_a_token_leads_to_its_place_in_the_whole_page(base: Path, ledger: dict[str, Row]) -> None:
    ant = ledger["http://a.example/ant"]
    out, shard = base / "out", str(ant["shard"])
    rows = pq.read_table(out / "tokens" / shard, columns=["doc_id"])["doc_id"].to_pylist()
    number = rows.index(ant["doc_id"])
    for offset in (0, 9, int(str(ant["tokens"])) - 2):
        token = trace(str(out), shard, number, offset).token
        assert token is not None
        assert token.first_char is not None
        whole = PAGES["http://a.example/ant"]
        assert whole[token.first_char : token.end_char] == token.text


def test_the_corpus_can_be_the_scope(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    ledger = run(tmp_path, f'{ON}\nscope = "corpus"')
    assert ledger["http://b.example/elk"]["cut_chars"] == len(MENU) + 2 + len(FOOTER)
    assert ledger["http://b.example/fox"]["cut_chars"] == len(FOOTER) + 1


def test_turning_it_on_and_off_gives_what_clean_builds_give(base: Path, tmp_path: Path) -> None:
    write_inputs(tmp_path)
    off = run(tmp_path, "")
    assert "cut_chars" not in off["http://a.example/ant"]
    assert not (tmp_path / "out/work/lines").exists()
    whole = texts(tmp_path / "out")
    assert whole[off["http://a.example/ant"]["doc_id"]] == PAGES["http://a.example/ant"]
    run(tmp_path, ON)
    assert texts(tmp_path / "out") == texts(base / "out")
    run(tmp_path, "")
    assert texts(tmp_path / "out") == whole


def test_a_substring_that_repeats_in_its_block_stays_once(tmp_path: Path) -> None:
    pytest.importorskip("pydivsufsort", reason="optional: pip install 'gristmill[substrings]'")
    write_inputs(tmp_path)
    rows = [{"id": f"p{i}", "text": body(f"horse {i}") + FOOTER * 5} for i in range(3)]
    (tmp_path / "prose.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ledger = run(tmp_path, "[dedup.substrings]\nmin_bytes = 200")
    documents = sorted(
        (row for row in ledger.values() if row["kind"] == "document"),
        key=lambda row: str(row["doc_id"]),
    )
    found = texts(tmp_path / "out")
    assert [FOOTER in found[row["doc_id"]] for row in documents] == [True, False, False]
    assert not audit(str(tmp_path / "out"), by=()).differences


def test_a_recipe_that_needs_the_suffix_sorter_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pydivsufsort", None)  # as if it were not installed
    with pytest.raises(GristmillError, match=r"gristmill\[substrings\]"):
        run(tmp_path, "[dedup.substrings]\nmin_bytes = 200")
