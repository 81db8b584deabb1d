"""The index of benchmarks: what is taken of real formats, what is left out, and the same bytes."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from gristmill.corpus.errors import GristmillError
from gristmill.dedup.contamination import ContaminationIndex
from gristmill.dedup.contamination_index import (
    IndexSummary,
    make_index,
    read_index,
    write_index,
)

HUMANEVAL = {
    "task_id": "HumanEval/900",
    "prompt": 'def mirror(value):\n    """Give it back as if a mirror had been put beside it."""\n',
    "entry_point": "mirror",
    "canonical_solution": "    return value[::-1]\n",
    "test": "def check(candidate):\n    assert candidate('ab') == 'ba'\n",
}
MBPP = {
    "text": "Write a function to fold a paper boat from a list of corners.",
    "code": "def fold(corners):\r\n    return corners",
    "task_id": 901,
    "test_setup_code": "",
    "test_list": ["assert fold([1, 2]) == [1, 2]", "assert fold([]) == []"],
}
GSM8K = {
    "question": "Ada has 3 pears and eats 1. How many are left?",
    "answer": "3 - 1 = 2\n#### 2",
}
CHAT = {
    "id": "7",
    "messages": [{"role": "user", "content": "\u5988\u54aa\u4e70\u4e86\u4e09\u76d2\u8336\u53f6"}],
}


def write(path: Path, *rows: object) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def fields_of(table: pa.Table) -> list[tuple[str, str, str]]:
    return [(row["benchmark"], row["item"], row["field"]) for row in table.to_pylist()]


def make(*urls: str, **options: object) -> tuple[pa.Table, IndexSummary]:
    return make_index(urls, **options)  # type: ignore[arg-type]


def test_items_and_strings_are_taken_from_the_formats_in_use(tmp_path: Path) -> None:
    table, summary = make(
        write(tmp_path / "HumanEval.jsonl", HUMANEVAL),
        write(tmp_path / "mbpp.jsonl", MBPP),
        write(tmp_path / "gsm8k.jsonl", GSM8K, GSM8K),
        write(tmp_path / "chat.jsonl", CHAT),
    )
    assert fields_of(table) == [
        ("HumanEval", "HumanEval/900", "canonical_solution"),
        ("HumanEval", "HumanEval/900", "prompt"),
        ("HumanEval", "HumanEval/900", "test"),
        ("chat", "7", "messages.content"),
        ("gsm8k", "line 1", "question"),
        ("gsm8k", "line 2", "question"),
        ("mbpp", "901", "code"),
        ("mbpp", "901", "test_list"),
        ("mbpp", "901", "text"),
    ]
    assert summary.items == {"HumanEval": 1, "mbpp": 1, "gsm8k": 2, "chat": 1}
    assert summary.fields["test_list"] == 2
    assert summary.short_answers == 2  # 3 1 2 2
    assert (summary.too_short, summary.without_words) == (1, 1)
    assert summary.ngrams[8] == 1  # the chat


def test_named_fields_are_taken_whatever_they_are_called(tmp_path: Path) -> None:
    url = write(tmp_path / "gsm8k.jsonl", GSM8K)
    table, summary = make(url, fields=("answer",))
    assert fields_of(table) == [("gsm8k", "line 1", "answer")]
    assert summary.short_answers == 0
    table, _ = make(write(tmp_path / "chat.jsonl", CHAT), fields=("messages",))
    assert fields_of(table) == [("chat", "7", "messages.content")]


def test_one_string_in_two_fields_of_an_item_is_one_passage(tmp_path: Path) -> None:
    row = {"test": "one two three", "tests": "One, two, three!", "text": "one two three four"}
    table, _ = make(write(tmp_path / "a.jsonl", row))
    assert [(r["field"], r["words"]) for r in table.to_pylist()] == [
        ("test", "one two three"),
        ("text", "one two three four"),
    ]


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [
        (".jsonl", bytes),
        (".jsonl.gz", gzip.compress),
        (".jsonl.xz", lzma.compress),
        (".jsonl.bz2", bz2.compress),
        (".jsonl.zst", zstandard.ZstdCompressor().compress),
    ],
)
def test_compressed_files_are_read_and_named_without_it(
    tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / f"mbpp{suffix}"
    path.write_bytes(compress(json.dumps(MBPP).encode()))
    table, _ = make(str(path))
    assert set(table["benchmark"].to_pylist()) == {"mbpp"}


def test_the_same_benchmarks_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    urls = [write(tmp_path / "a.jsonl", MBPP, HUMANEVAL), write(tmp_path / "b.jsonl", GSM8K)]
    for name, order in (("one", urls), ("two", urls[::-1])):
        write_index(str(tmp_path / name), make(*order)[0])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_an_index_is_read_as_it_was_written(tmp_path: Path) -> None:
    table, _ = make(write(tmp_path / "a.jsonl", MBPP, HUMANEVAL))
    write_index(str(tmp_path / "index"), table)
    assert read_index("index", (tmp_path / "index").read_bytes()) == table


def test_an_ignored_line_takes_its_n_grams_out_and_no_other(tmp_path: Path) -> None:
    words = [f"w{i}" for i in range(14)]
    url = write(tmp_path / "a.jsonl", {"prompt": " ".join(words)}, {"prompt": "int main void"})
    ignore = tmp_path / "ignore.txt"
    ignore.write_text(
        f"# forms\n{' '.join(words[:11]).upper()}\n#include; int main(void) {{ return\n"
    )
    table, summary = make(url, ignore=str(ignore))
    assert summary.ignored == 3
    assert summary.ngrams == {10: 3}
    index = ContaminationIndex(table)
    texts = [" ".join(words[:11]), " ".join(words[2:12]), "int main(void)"]
    found = index.find(pa.chunked_array([texts], pa.large_string())).to_pylist()
    assert [len(hits) for hits in found] == [0, 1, 0]


def test_n_grams_of_many_items_are_told_and_can_be_left_out(tmp_path: Path) -> None:
    form = "using system using system linq using system text namespace problem class"
    rows = [{"id": i, "prompt": f"{form} q{i} r{i} s{i}"} for i in range(12)]
    url = write(tmp_path / "cs.jsonl", *rows)
    _, summary = make(url)
    assert (summary.num_common, summary.ignored) == (2, 0)
    assert [(each.benchmark, each.items) for each in summary.common] == [("cs", 12), ("cs", 12)]
    table, summary = make(url, max_items=11)
    assert (summary.num_common, summary.ignored) == (0, 2)
    found = ContaminationIndex(table).find(
        pa.chunked_array([[form, f"{form} q3 r3"]], pa.large_string())
    )
    assert [[hit["item"] for hit in hits] for hits in found.to_pylist()] == [[], ["3"]]
    assert make(url, max_items=12)[1].ignored == 0


def test_an_item_counts_once_however_often_it_has_an_n_gram(tmp_path: Path) -> None:
    row = {"prompt": "again and again " * 20}
    _, summary = make(write(tmp_path / "a.jsonl", row), max_items=1)
    assert summary.ignored == 0


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([], {}, "a.jsonl: no item has text"),
        ([{"id": 1}], {}, "no item has text"),
        ([{"text": "one two"}], {}, "no string has 3 words or more"),
        ([MBPP], {"fields": ("text", "texd")}, "no item has a string in `texd`.*there are: text"),
        ([MBPP], {"fields": ("question",)}, "no item has a string in question"),
        ([[1]], {}, "line 1 is not an object"),
        ([{"text": "a b c"}] * 2, {"max_items": 1}, "every n-gram is ignored"),
    ],
)
def test_an_index_of_nothing_is_an_error(
    tmp_path: Path, rows: list[object], options: dict[str, object], message: str
) -> None:
    with pytest.raises(GristmillError, match=message):
        make(write(tmp_path / "a.jsonl", *rows), **options)


def test_damaged_and_double_files_are_errors_with_their_names(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"text": "a b c"}\n{"text"\n')
    with pytest.raises(GristmillError, match=r"bad\.jsonl: line 2 is not JSON"):
        make(str(tmp_path / "bad.jsonl"))
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(json.dumps(MBPP).encode())[:-9])
    with pytest.raises(GristmillError, match=r"cut\.jsonl\.gz: the file is damaged"):
        make(str(tmp_path / "cut.jsonl.gz"))
    (tmp_path / "other").mkdir()
    urls = [write(tmp_path / "a.jsonl", MBPP), write(tmp_path / "other/a.jsonl", HUMANEVAL)]
    with pytest.raises(GristmillError, match="two files are the benchmark `a`"):
        make(*urls)
    assert make(*urls, name="both")[1].items == {"both": 2}


def test_what_is_no_index_is_an_error(tmp_path: Path) -> None:
    for data in (b"", b"PAR1", (Path(__file__).read_bytes())):
        with pytest.raises(GristmillError, match="x: it is not an index of benchmarks"):
            read_index("x", data)
    pq.write_table(pa.table({"words": ["a b c"]}), tmp_path / "other.parquet")
    with pytest.raises(GristmillError, match="gristmill decontam index FILES"):
        read_index("x", (tmp_path / "other.parquet").read_bytes())
