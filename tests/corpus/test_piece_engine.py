"""The C tokenizer, compared with the reference where its own rules meet."""

import itertools
import random
import threading
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.corpus import build_numbers, deepseek
from gristmill.corpus.piece_engine import PieceEngine, kernel
from gristmill.corpus.text_batches import TextBatch, text_batches
from gristmill.corpus.tokenizer import string_column

Reference = Callable[[str], list[int]]

# A character of each kind, and those on whose class two steps of the pre-tokenizer disagree.
KINDS = [
    *["a", "Z", "\u00e9", "\u0416", "\uff21", "\u1ebf", "\u10a0"],  # letters; CJK too the last two
    *["(", "_", "\uff0c", "\u201c", "\u3002"],  # punctuation; CJK too the last two
    *["\u4e2d", "\u3042", "\uac00", "\u2014"],  # CJK
    *["1", "\u00bd", "\u0967", "\u3007"],  # numbers; CJK too the last two
    *[" ", "\t", "\x0b", "\xa0", "\x85", "\u2003", "\u2028", "\u3000"],  # spaces; CJK: last three
    *["\n", "\r"],
    *["\x00", "\x1c", "\u05d0", "\u0301", "\u180e", "\U0001f600"],  # none of them
]
LONG = [
    *["a", "Ab", "\u00e9", "\u4e2d", "\u4e2d\u6587", " ", "\t", "-", "=", "_x", "\u3000", "\u2003"],
    *["\u05d0", " \u05d0", "\U0001f600", "\u3002", "\u201c", "ab ", "0", "\n", "\r\n", "\ud7ff"],
]


@cache
def engine() -> PieceEngine:
    return make_engine(1 << 16)


def make_engine(cache_bytes: int) -> PieceEngine:
    native = kernel()
    assert native is not None, "the extension is built for the tests"
    return PieceEngine(native, deepseek.read_file(), cache_bytes=cache_bytes)


def batch_of(texts: list[str]) -> TextBatch:
    (batch,) = text_batches(string_column(texts), 1 << 30)
    return batch


def ids_of(texts: list[str], engine: PieceEngine) -> list[list[int]]:
    ids, offsets = engine.encode(batch_of(texts))
    return [part.tolist() for part in np.split(ids, offsets[1:-1])]


@given(text=st.lists(st.sampled_from(KINDS), max_size=12).map("".join))
@settings(max_examples=400, deadline=None)
def test_ids_equal_the_reference_whatever_kinds_meet(reference_ids: Reference, text: str) -> None:
    assert ids_of([text], engine()) == [reference_ids(text)]


@given(text=st.text(max_size=40))
@settings(max_examples=300, deadline=None)
def test_ids_equal_the_reference_on_any_characters(reference_ids: Reference, text: str) -> None:
    assert ids_of([text], engine()) == [reference_ids(text)]


def test_ids_equal_the_reference_wherever_three_kinds_meet(reference_ids: Reference) -> None:
    texts = ["".join(kinds) for kinds in itertools.product(KINDS, repeat=3)]
    texts = ["\n".join(texts[i : i + 500]) for i in range(0, len(texts), 500)]
    assert ids_of(texts, engine()) == [reference_ids(text) for text in texts]


@given(
    text=st.text(st.sampled_from("ab()_ 1\t\n\x0b"), min_size=60, max_size=400),
    strange=st.sampled_from(["", "\x00", "\u05d0", "\u4e2d", "\u3000"]),
    place=st.integers(0, 400),
)
@settings(max_examples=300, deadline=None)
def test_whole_blocks_of_ascii_are_cut_like_single_characters(
    reference_ids: Reference, text: str, strange: str, place: int
) -> None:
    text = text[:place] + strange + text[place:]
    assert ids_of([text], engine()) == [reference_ids(text)]


def test_ids_equal_the_reference_at_both_ends_of_every_class(reference_ids: Reference) -> None:
    _, _, classes = deepseek.tables(deepseek.read_file())
    ends = np.flatnonzero(np.diff(classes)) + 1
    codes = sorted({code + shift for code in ends.tolist() for shift in (-1, 0)})
    chars = [chr(code) for code in codes if not 0xD800 <= code < 0xE000]
    assert len(chars) > 800
    lines = [f"a{char}\u05d0{char} {char}b  {char}{char}1\u4e2d{char}.{char}" for char in chars]
    text = "\n".join(lines)
    assert ids_of([text], engine()) == [reference_ids(text)]


def test_numbers_are_those_of_the_reference() -> None:
    _, _, classes = deepseek.tables(deepseek.read_file())
    found = np.flatnonzero(classes & deepseek.NUMBER).tolist()
    assert set(build_numbers.numbers()) >= set(found)


@pytest.mark.parametrize("run", LONG, ids=ascii)
def test_long_runs_stay_exact(reference_ids: Reference, run: str) -> None:
    texts = [run * (num // len(run)) + end for num in (63, 64, 65, 3000) for end in ("", "x", " ")]
    assert ids_of(texts, engine()) == [reference_ids(text) for text in texts]


@pytest.mark.parametrize("run", LONG, ids=ascii)
def test_a_million_bytes_of_one_run_repeat_the_tokens_of_a_shorter_one(run: str) -> None:
    num = (1 << 20) // len(run.encode())
    (long,) = ids_of([run * num], engine())
    (short,) = ids_of([run * 4096], engine())
    assert long[:30] == short[:30]
    assert len(long) == pytest.approx(len(short) * num / 4096, rel=0.01)


def test_every_token_that_is_text_is_its_own_result_or_never_one(
    reference_ids: Reference,
) -> None:
    tokens, _, _ = deepseek.tables(deepseek.read_file())
    parts = np.split(tokens.data, tokens.starts[1:-1])
    texts = []
    for part in random.Random(0).sample(parts, 4000):
        try:
            texts.append(part.tobytes().decode())
        except UnicodeDecodeError:
            continue
    assert ids_of(texts, engine()) == [reference_ids(text) for text in texts]


def test_a_cache_that_overflows_changes_no_id() -> None:
    small = make_engine(1 << 13)  # the least: 128 pieces and 1,024 pairs of tokens
    random_text = random.Random(0)
    words = ["".join(random_text.choices("abcde", k=6)) for _ in range(3000)]
    words += [
        "".join(random_text.choices("\u4e2d\u6587\u5b57\u7b26\u4e32", k=9)) for _ in range(1000)
    ]
    texts = [" ".join(random_text.choices(words, k=500)) for _ in range(40)]
    assert ids_of(texts, small) == ids_of(texts, make_engine(1 << 22))
    assert small.num_misses > 10_000


def test_a_cache_of_no_power_of_two_is_refused() -> None:
    with pytest.raises(ValueError, match="no power of two"):
        ids_of(["a"], make_engine(10_000))


def test_pieces_met_again_are_found_in_the_cache() -> None:
    fresh = make_engine(1 << 13)
    ids_of(["one two\n"], fresh)
    assert (fresh.num_hits, fresh.num_misses) == (0, 3)
    ids_of(["one two\n"], fresh)
    assert (fresh.num_hits, fresh.num_misses) == (3, 3)


def test_threads_give_the_ids_of_one(reference_ids: Reference) -> None:
    text = "def f(x):\n    return x\n" * 200
    expected, found = reference_ids(text), list[list[int]]()

    def work() -> None:
        found.extend(ids_of([text] * 20, engine()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 80


def test_a_vocabulary_whose_tokens_are_not_merges_is_refused() -> None:
    native = kernel()
    assert native is not None
    tokens, merges, classes = deepseek.tables(deepseek.read_file())
    order = np.arange(deepseek.NUM_TOKENS, dtype=np.int32)
    with pytest.raises(ValueError, match="neither a byte nor a merge"):
        native.vocabulary(*tokens, merges.lefts[::-1].copy(), merges.rights, order, classes)


@pytest.mark.parametrize("offsets", [[0, 5], [3, 2], [-1, 2]])
def test_offsets_outside_the_text_are_refused(offsets: list[int]) -> None:
    batch = TextBatch(np.zeros(4, np.uint8), np.array(offsets))
    with pytest.raises(ValueError, match="offsets do not fit"):
        engine().encode(batch)
