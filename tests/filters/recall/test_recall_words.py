"""Words for fastText: the kernel equals its twin, and no word means something to fastText."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.corpus.tokenizer import load_tokenizer
from gristmill.filters.native import kernel
from gristmill.filters.recall.words import (
    WORD_KINDS,
    WordKind,
    WordSettings,
    count_words,
    fold,
    slow_words,
    word_column,
)

PIECES = st.sampled_from(
    [*"ab12 _.\n\t\0", "\u00c9", "\u4e2d\u6587", "\u304b", "\u023a", "\u0130", "\U0001d400", "\x85"]
)
TEXTS = st.lists(st.lists(PIECES | st.characters(codec="utf-8")).map("".join), max_size=6)


def column(*texts: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(texts, pa.large_string())])


def words(text: str, tokens: WordKind = "cjk") -> str:
    found: str = word_column(column(text), WordSettings(tokens=tokens))[0].as_py()
    return found


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_the_kernel_makes_the_words_of_its_twin(texts: list[str]) -> None:
    assert kernel() is not None, "the C extension was not built"
    found = word_column(column(*texts), WordSettings(max_characters=1 << 30))
    assert found.to_pylist() == [slow_words(text) for text in texts]


def test_words_of_kind_cjk_fold_case_numbers_and_chinese() -> None:
    text = "Let X1 = 3.14\u4e2d\u6587_Abc\u00c9"
    assert words(text) == "let x <NUM> = <NUM> . <NUM> \u4e2d \u6587 _ abc\u00e9"


def test_words_of_kind_bpe_are_the_ids_of_the_folded_text() -> None:
    ids = load_tokenizer().encode("let x0 = 0.0\n").tolist()
    assert words("Let X12 = 345.6\n", "bpe") == " ".join(map(str, ids))


def test_a_folded_text_has_one_zero_for_each_number() -> None:
    assert fold("ABC 123 4.56\u00c9\u0130") == "abc 0 0.0\u00e9\u0130"


def test_words_of_kind_whitespace_stay_as_they_are() -> None:
    assert words(" Let\tx_1 =\n\u4e2d\u6587, 3.0\0", "whitespace") == "Let x_1 = \u4e2d\u6587, 3.0"


@pytest.mark.parametrize("tokens", WORD_KINDS)
def test_no_word_ends_the_line_or_is_a_label(tokens: WordKind) -> None:
    found = words("a </s> __label__yes </s>\n__LABEL____label__ b", tokens).split(" ")
    assert "</s>" not in found
    assert not [word for word in found if word.startswith("__label__")]
    assert "\n" not in words("a\nb", tokens)


@pytest.mark.parametrize("tokens", WORD_KINDS)
def test_a_null_and_an_empty_text_have_no_words(tokens: WordKind) -> None:
    found = word_column(column(None, "", "a b", " "), WordSettings(tokens=tokens))
    assert count_words(found).to_pylist()[:2] == [0, 0]
    assert len(found) == 4


def test_only_the_head_of_a_text_is_read() -> None:
    settings = WordSettings(max_characters=3)
    assert word_column(column("\u4e2d\u6587\u4e2d\u6587 x"), settings)[0].as_py().count(" ") == 2


def test_the_digest_names_what_changes_the_words() -> None:
    options: list[WordSettings] = [WordSettings(tokens=kind) for kind in WORD_KINDS]
    options.append(WordSettings(max_characters=1))
    assert len({one.digest() for one in options}) == len(options)


def test_chunks_and_slices_make_no_difference() -> None:
    whole = column("a", "b", "c", "d", "e1")
    parts = pa.chunked_array([whole.chunk(0).slice(1, 2), whole.chunk(0).slice(3)])
    assert word_column(parts, WordSettings()).to_pylist() == ["b", "c", "d", "e <NUM>"]


@pytest.mark.parametrize("size", [0, 1])
def test_the_kernel_refuses_outputs_that_are_too_small(size: int) -> None:
    native = kernel()
    assert native is not None
    offsets = memoryview(bytearray(16)).cast("q")
    offsets[1] = 3
    with pytest.raises(ValueError, match="too small"):
        native.words(b"abc", offsets, bytearray(size), bytearray(16))
