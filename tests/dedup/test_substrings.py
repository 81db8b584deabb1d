"""Repeated substrings: the suffix array finds what comparing all windows finds."""

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gristmill.dedup.columns import TextBatch, text_batches
from gristmill.dedup.lines import cut
from gristmill.dedup.reference import slow_repeats
from gristmill.dedup.substrings import Substrings, blocks, repeated_spans

pytest.importorskip("pydivsufsort", reason="optional: pip install 'gristmill[substrings]'")


def batch(texts: list[str]) -> TextBatch:
    (found,) = text_batches(pa.chunked_array([pa.array(texts, pa.large_string())]), 1 << 30)
    return found


def spans(texts: list[str], min_bytes: int) -> list[tuple[int, int, int]]:
    columns = repeated_spans(batch(texts), min_bytes=min_bytes)
    return list(zip(*(column.tolist() for column in columns), strict=True))


TEXTS = st.lists(
    st.lists(st.sampled_from(["ab", "abc", "\u00e9", "\u4e2d\u6587", "x", ""]), max_size=9).map(
        "".join
    ),
    min_size=1,
    max_size=6,
)


@given(TEXTS, st.integers(1, 7))
@example(["aaaaaaaa"], 3)
@example(["", "ab", "", "ab"], 2)
@example(["\u4e2d\u6587\u4e2d", "\u6587\u4e2d"], 4)
def test_repeats_are_those_of_the_slow_twin(texts: list[str], min_bytes: int) -> None:
    assert spans(texts, min_bytes) == slow_repeats(texts, min_bytes=min_bytes)


def test_the_first_copy_stays_and_the_second_goes() -> None:
    quote = "To be, or not to be, that is the question. "
    texts = [f"Hamlet: {quote}End.", f"He said: {quote}And left."]
    (span,) = spans(texts, 30)
    assert cut(texts[1], list(span[1:])) == "He saidAnd left."  # the colon is repeated too
    assert span[0] == 1


@given(st.lists(st.integers(0, 30), max_size=9), st.integers(1, 40))
def test_blocks_hold_all_texts_and_no_more_bytes_than_allowed(sizes: list[int], most: int) -> None:
    found = list(blocks(sizes, most))
    assert [i for first, end in found for i in range(first, end)] == list(range(len(sizes)))
    assert all(end - first == 1 or sum(sizes[first:end]) <= most for first, end in found)


def test_repeats_of_a_few_bytes_are_an_error() -> None:
    with pytest.raises(ValueError, match="between 16"):
        Substrings(min_bytes=5)
