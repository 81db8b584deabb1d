"""Contamination: every hit of the slow twin and no other, with places in the text as it is."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gristmill.dedup import contamination
from gristmill.dedup.columns import text_batches
from gristmill.dedup.contamination import (
    HITS,
    MAX_HITS,
    PASSAGES,
    ContaminationIndex,
    excerpt,
)
from gristmill.dedup.native import scanner
from gristmill.dedup.ngrams import TEXT_LIMIT, numpy_scan, scan, word_values
from gristmill.dedup.reference import slow_contamination, slow_words
from gristmill.dedup.words import find_words

WORDS = [
    "a",
    "B",
    "def",
    "x_1",
    "\u00c4\u00d6",
    "\u0130",
    "\u6f22",
    "\u5b57",
    "\u304b",
    "7",
    "\U00020000",
]
GAPS = [" ", " ", " ", "\n", ", ", " \u2014 ", " (\U0001f600) "]


@st.composite
def texts(draw: st.DrawFn, *, most: int = 40) -> str:
    """Return words of a small vocabulary, so that they repeat, between signs and spaces."""
    words = draw(st.lists(st.sampled_from(WORDS), max_size=most))
    return "".join(word + draw(st.sampled_from(GAPS)) for word in words)


TEA = "\u5988\u54aa\u4e70\u4e86\u4e09\u76d2\u8336\u53f6"
TEXT = texts() | st.text(max_size=40) | st.text(alphabet="+-<>[].,a ", max_size=80)


def make_index(passages: list[str], *, near: bool = False) -> ContaminationIndex:
    """Return an index of the passages, each an item that is called by its number."""
    words = [slow_words(passage) for passage in passages]
    rows = [
        {
            "benchmark": "b",
            "item": str(i),
            "field": "f",
            "words": " ".join(found),
            "num_words": len(found),
            "ignored": [],
        }
        for i, found in enumerate(words)
        if len(found) >= 3
    ]
    return ContaminationIndex(pa.Table.from_pylist(rows, schema=PASSAGES), near=near)


def column(*values: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.large_string())])


def hits_of(index: ContaminationIndex, text: str) -> list[dict[str, object]]:
    (hits,) = index.find(column(text)).to_pylist()
    assert isinstance(hits, list)
    return hits


def numbered(first: int, number: int) -> str:
    return " ".join(f"w{i}" for i in range(first, first + number))


@given(st.lists(texts(most=14), min_size=1, max_size=6), st.lists(TEXT, max_size=5))
@example(["a b c d e f g h i j"], ["x a b c d e f g h i j y", "a b c d e f g h i"])
@settings(max_examples=100, deadline=None)
def test_the_hits_are_those_of_the_slow_twin(passages: list[str], others: list[str]) -> None:
    long_enough = [passage for passage in passages if len(slow_words(passage)) >= 3]
    if not long_enough:
        return
    index = make_index(long_enough)
    documents = [*others, *long_enough, " , ".join(long_enough), "\u0130 - " + " 7 ".join(others)]
    for text, hits in zip(documents, index.find(column(*documents)).to_pylist(), strict=True):
        words = find_words(text)
        expected = [
            {
                "item": str(run.passage),
                "start": int(words.starts[run.place]),
                "stop": int(words.stops[run.place + run.num_words - 1]),
                "num_words": run.num_words,
            }
            for run in slow_contamination(text, long_enough)
        ]
        found = [
            {
                "item": hit["item"],
                "start": hit["start"],
                "stop": hit["start"] + hit["length"],
                "num_words": hit["num_words"],
            }
            for hit in hits
        ]
        assert found == expected[:MAX_HITS]


@given(TEXT)
@settings(max_examples=100, deadline=None)
def test_words_and_their_places_are_those_of_the_twin(text: str) -> None:
    words = find_words(text)
    assert words.strings() == slow_words(text)
    assert len(words.lowered) == len(text)
    for start, stop, word in zip(words.starts, words.stops, words.strings(), strict=True):
        assert slow_words(f"a {text[start:stop]} a")[1:-1] in ([word], []), "a sign is no word here"


@given(st.lists(texts(most=14), min_size=1, max_size=6), st.lists(TEXT, min_size=1, max_size=6))
@settings(max_examples=100, deadline=None)
def test_the_kernel_finds_what_numpy_finds(passages: list[str], documents: list[str]) -> None:
    assert scanner() is not None, "the C extension was not built: is there a compiler?"
    if not any(len(slow_words(passage)) >= 3 for passage in passages):
        return
    table = make_index(passages).table
    for batch in text_batches(column(*documents, *passages), 1 << 20):
        values, counts = word_values(batch)
        expected, found = numpy_scan(table, values, counts), scan(table, values, counts)
        for left, right in zip(found, expected, strict=True):
            assert left.tolist() == right.tolist()


def test_of_a_text_full_of_hits_the_kernel_and_numpy_note_the_same_first_ones() -> None:
    index = make_index(["a b c", "b c a"])
    (batch,) = text_batches(column("a b c " * 3000, "x", "a b c"), 1 << 20)
    values, counts = word_values(batch)
    expected, found = numpy_scan(index.table, values, counts), scan(index.table, values, counts)
    assert [part.tolist() for part in found] == [part.tolist() for part in expected]
    assert np.bincount(found.texts).tolist() == [TEXT_LIMIT, 0, 1]


def test_ten_words_in_a_row_are_a_hit_and_nine_are_none() -> None:
    index = make_index([numbered(0, 30)])
    assert not hits_of(index, f"x {numbered(5, 9)} y {numbered(0, 9)} z {numbered(21, 9)}")
    (hit,) = hits_of(index, f"x {numbered(5, 10)} y")
    assert (hit["kind"], hit["num_words"]) == ("ngram", 10)
    assert hits_of(index, numbered(20, 10))
    assert hits_of(index, numbered(0, 10))


@pytest.mark.parametrize("length", range(3, 10))
def test_a_short_passage_is_a_hit_only_as_a_whole(length: int) -> None:
    index = make_index([numbered(0, length), numbered(100, 40)])
    (hit,) = hits_of(index, f"x, {numbered(0, length)} y")
    assert (hit["kind"], hit["num_words"], hit["item"]) == ("exact", length, "0")
    assert not hits_of(index, numbered(0, length - 1))
    assert not hits_of(index, numbered(1, length - 1))
    assert not hits_of(index, f"{numbered(0, length - 1)} y w{length - 1}")


def test_case_and_punctuation_do_not_hide_a_passage() -> None:
    index = make_index(["Return the sum of all even numbers in the given list."])
    text = '"""RETURN the sum\n\n   of all (even) numbers -- in the *given* list"""'
    (hit,) = hits_of(index, text)
    start = int(str(hit["start"]))
    assert text[start : start + int(str(hit["length"]))].startswith("RETURN")
    assert hit["excerpt"] == "RETURN the sum of all (even) numbers -- in the *given* list"


def test_places_count_characters_of_the_text_as_it_is() -> None:
    index = make_index([TEA, "alpha beta gamma"])
    text = f"\u0130\u0130 \U0001f600 {TEA}\uff1f \u00c4 Alpha, beta gamma!"
    first, second = hits_of(index, text)
    for hit, part in (
        (first, TEA),
        (second, "Alpha, beta gamma"),
    ):
        start = int(str(hit["start"]))
        assert text[start : start + int(str(hit["length"]))] == part


def test_a_character_is_a_word_where_scripts_have_no_spaces() -> None:
    index = make_index(["\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341\u767e"])
    assert hits_of(
        index, "\u5341\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341\u5343"
    )
    assert not hits_of(index, "\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d")


def test_a_text_without_text_has_null_and_a_clean_one_an_empty_list() -> None:
    index = make_index([numbered(0, 12)])
    found = index.find(
        pa.chunked_array([["x", None], [], [numbered(0, 12), ""]], pa.large_string())
    )
    assert found.type == HITS
    assert [hits if hits is None else len(hits) for hits in found.to_pylist()] == [0, None, 1, 0]


def test_batches_do_not_change_the_hits(monkeypatch: pytest.MonkeyPatch) -> None:
    index = make_index([numbered(0, 12), "a b c d"])
    documents = column(*(f"{numbered(i, 30)} a b c d" for i in range(50)))
    whole = index.find(documents)
    monkeypatch.setattr(contamination, "BATCH_BYTES", 7)
    assert index.find(documents) == whole


def test_a_hash_that_is_not_its_words_is_no_hit() -> None:
    index = make_index([numbered(0, 12)])
    assert hits_of(index, numbered(0, 12))
    index._words = pa.array([numbered(50, 12)], pa.large_string())  # as if hashes had collided
    assert not hits_of(index, numbered(0, 12))


def test_of_very_many_hits_those_of_most_words_are_kept() -> None:
    passages = [numbered(100 * i, 10 + i) for i in range(40)]
    found = hits_of(make_index(passages), " x ".join(passages))
    assert [hit["num_words"] for hit in found] == [49 - i for i in range(MAX_HITS)]


def test_an_excerpt_is_one_short_line() -> None:
    assert excerpt("a\n\tb  c") == "a b c"
    assert len(excerpt("word " * 100)) == contamination.MAX_EXCERPT


def test_without_the_kernel_numpy_finds_the_same_and_says_so() -> None:
    script = """
import sys
sys.modules["gristmill.dedup.native._decontam"] = None
import pyarrow as pa
from gristmill.dedup.contamination import PASSAGES, ContaminationIndex
row = {"benchmark": "b", "item": "i", "field": "f", "words": "a b c", "num_words": 3, "ignored": []}
index = ContaminationIndex(pa.Table.from_pylist([row], schema=PASSAGES))
texts = pa.chunked_array([["x a B c", "a b"]], pa.large_string())
print([len(hits) for hits in index.find(texts).to_pylist()])
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "[1, 0]\n"
    assert ran.stderr.count("the C extension was not built") == 1


def test_the_kernel_refuses_buffers_that_do_not_fit() -> None:
    native = scanner()
    assert native is not None
    table = make_index(["a b c"]).table
    tables = (table.long_filter, table.short_filter, table.hashes, table.buckets)
    room = [np.empty(4, dtype=np.int64) for _ in range(3)]
    values = np.arange(3, dtype=np.uint64)
    for counts, limit in ((np.array([4]), 9), (np.array([-1]), 9), (np.array([3]), 0)):
        with pytest.raises(ValueError, match="do not fit"):
            native.scan(values, counts, *tables, table.lengths, limit, *room)
    with pytest.raises(ValueError, match="do not fit"):
        native.scan(values, np.array([3]), *tables[:3], table.buckets[:-1], 8, 9, *room)
