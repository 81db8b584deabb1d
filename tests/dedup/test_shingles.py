"""Shingles: every kernel equals the twin, and every text with a word has one."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gristmill.corpus.build_characters import SINGLE_CHARACTER_WORDS
from gristmill.dedup.columns import text_batches
from gristmill.dedup.mixing import mix64
from gristmill.dedup.native import kernel
from gristmill.dedup.reference import (
    slow_mix64,
    slow_shingle_hashes,
    slow_words,
)
from gristmill.dedup.shingles import (
    numpy_shingles,
    shingle_column,
    shingle_hashes,
)

PIECES = ["import", "os", "x_1", "ÄÖ", "İ", "ΑΣ", "ß", "漢字", "かな", "한글", "ｶﾅ", "_", " ", "\n"]
PIECES += ["\t", "(", ").", "\0", "e\u0301", "٣", "²", "\U0001f600", "\U00020000", "々", "中a国"]
TEXT = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    st.text(max_size=60),
    st.text(alphabet="ab_ 漢", max_size=300),
    st.text(alphabet="+-<>[].,\u2375a\u00c9 ", max_size=300),
)
COLUMN = st.lists(st.none() | TEXT, max_size=12)


@given(TEXT, st.integers(1, 6))
@example("+-" * 40 + "a", 3)
@example("a" * 64 + " " + "b" * 63 + "\u00c9" * 40, 2)
@settings(max_examples=300, deadline=None)
def test_shingles_equal_the_slow_twin_on_unicode_text(text: str, ngram: int) -> None:
    hashes = shingle_hashes(text, ngram=ngram)
    assert hashes.dtype == np.uint64
    assert hashes.tolist() == slow_shingle_hashes(text, ngram=ngram)


@given(COLUMN, st.integers(1, 6))
@settings(max_examples=200, deadline=None)
def test_every_instruction_set_gives_the_shingles_of_numpy(
    texts: list[str | None], ngram: int
) -> None:
    native = kernel()
    assert native is not None, "the C extension was not built: is there a compiler?"
    for batch in text_batches(pa.chunked_array([texts], pa.large_string()), 1 << 20):
        expected, lengths = numpy_shingles(batch, ngram)
        for target in native.supported():
            hashes = np.zeros(len(batch.data), dtype=np.uint64)
            counts = np.zeros(batch.num_texts, dtype=np.int64)
            num = native.shingles(batch.data, batch.offsets, ngram, hashes, counts, target)
            assert hashes[:num].tolist() == expected.tolist(), target
            assert counts.tolist() == lengths.tolist()


@pytest.mark.parametrize(("num_words", "repeats"), [(1, 9000), (2, 500), (5000, 40), (90_000, 1)])
def test_the_kernel_leaves_each_shingle_of_a_long_text_once(num_words: int, repeats: int) -> None:
    native = kernel()
    assert native is not None, "the C extension was not built: is there a compiler?"
    text = " ".join(f"w{i % num_words}" for i in range(num_words * repeats))
    (batch,) = text_batches(pa.chunked_array([["a b", text, ""]], pa.large_string()), 1 << 30)
    every, lengths = numpy_shingles(batch, 1)
    hashes, counts = np.zeros(len(batch.data), dtype=np.uint64), np.zeros(3, dtype=np.int64)
    num = native.distinct_shingles(batch.data, batch.offsets, 1, hashes, counts, None)
    parts = np.split(every, np.cumsum(lengths)[:-1])
    assert hashes[:num].tolist() == np.concatenate([np.unique(part) for part in parts]).tolist()
    assert counts.tolist() == [2, num_words, 0]


@given(COLUMN, st.integers(1, 200), st.data())
@settings(max_examples=150, deadline=None)
def test_a_column_has_the_shingles_of_its_texts_for_any_batches_and_chunks(
    texts: list[str | None], batch_bytes: int, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(texts)))
    column = pa.chunked_array([texts[:cut], texts[cut:]], type=pa.large_string())
    found = []
    for batch in shingle_column(column, ngram=2, batch_bytes=batch_bytes):
        found += np.split(batch.hashes, batch.offsets[1:-1])
        assert batch.offsets[-1] == len(batch.hashes)
    assert [part.tolist() for part in found] == [
        slow_shingle_hashes(t or "", ngram=2) for t in texts
    ]


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_the_mixer_equals_its_twin(values: list[int]) -> None:
    assert mix64(np.array(values, dtype=np.uint64)).tolist() == [slow_mix64(v) for v in values]


def test_words_are_runs_except_where_a_script_has_no_spaces() -> None:
    text = "Snake_Case2 = 漢字かなカナ한글abc + Ünï.x"
    expected = ["snake_case2", *"漢字かなカナ한글", "abc", "ünï", "x"]
    assert slow_words(text) == expected
    assert shingle_hashes(text, ngram=len(expected)).size == 1
    assert shingle_hashes(text, ngram=len(expected) - 1).size == 2


def test_every_ideograph_kana_and_hangul_syllable_is_a_word_of_its_own() -> None:
    names = ("CJK UNIFIED", "CJK COMPAT", "HIRAGANA LETTER", "KATAKANA LETTER", "HANGUL SYLLABLE")
    inside = {code for first, last in SINGLE_CHARACTER_WORDS for code in range(first, last + 1)}
    alphanumeric = {code for code in range(0x110000) if chr(code).isalnum()}
    named = {code for code in alphanumeric if unicodedata.name(chr(code), "").startswith(names)}
    assert len(named) > 90_000
    assert named <= inside
    others = {unicodedata.name(chr(code))[:8] for code in (inside & alphanumeric) - named}
    assert others <= {
        "HALFWIDT",
        "IDEOGRAP",
        "HANGZHOU",
        "KATAKANA",
        "HIRAGANA",
        "HENTAIGA",
        "VERTICAL",
        "MASU MAR",
    }


@pytest.mark.parametrize("text", ["import os", "a b c d", "MIT License", "漢字", " \n", "\0"])
def test_a_text_of_few_words_shares_its_one_shingle_with_its_copies_only(text: str) -> None:
    (shingle,) = shingle_hashes(text).tolist()
    for other in (text + "\n", text.upper() + ".", text + " x y z a b", "other"):
        assert shingle not in shingle_hashes(other).tolist()


def test_an_empty_text_has_no_shingles() -> None:
    assert shingle_hashes("").size == 0


@pytest.mark.parametrize(
    "text", ["++[>++<-]", "{\u2375\u2190\u2373\u2375}\u00a8\u2373 5", "+/ % # ;: ]"]
)
def test_signs_are_words_where_a_text_is_made_of_signs(text: str) -> None:
    assert slow_words(text) == [c for c in text if not c.isspace()]
    words = "and then some words that outweigh them"
    assert slow_words(f"{text} {words}")[-7:] == words.split()
    assert not set(slow_words(f"{text} {words}")) & set("+-<>[]{}%#")


def test_one_repeated_word_is_one_shingle_unlike_that_of_another_word() -> None:
    first, second = shingle_hashes("x " * 100), shingle_hashes("y " * 100)
    assert first.size == second.size == 1
    assert first[0] != second[0]


def test_case_and_punctuation_do_not_matter_but_order_does() -> None:
    text = "def run(self, x): return x"
    assert shingle_hashes(text).tolist() == shingle_hashes("DEF run self X -> return x").tolist()
    assert shingle_hashes(text).tolist() != shingle_hashes("def run(x, self): return x").tolist()


def test_shingle_values_are_fixed() -> None:
    assert shingle_hashes("one two three four five").tolist() == [12405796787040316895]


def test_distinct_short_words_have_distinct_hashes() -> None:
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789_"
    words = [a + b + c for a in alphabet for b in alphabet for c in alphabet]
    assert shingle_hashes(" ".join(words), ngram=1).size == len(words)


def test_a_word_longer_than_a_batch_keeps_its_hash() -> None:
    text = "a" * 5000 + " b c d é"
    (batch,) = shingle_column(pa.chunked_array([[text]]), batch_bytes=10)
    assert batch.hashes.tolist() == slow_shingle_hashes(text)
