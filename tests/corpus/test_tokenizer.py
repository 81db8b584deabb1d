"""DeepSeek-V2's ids, compared with the reference library on real files and random text."""

import random
import sysconfig
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.corpus import deepseek
from gristmill.corpus import tokenizer as module
from gristmill.corpus.errors import GristmillError
from gristmill.corpus.tokenizer import (
    EOS,
    FIM_BEGIN,
    NUM_TEXT_TOKENS,
    load_tokenizer,
    string_column,
)

SENTINELS = [
    "<\uff5cfim\u2581begin\uff5c>",
    "<\uff5cfim\u2581hole\uff5c>",
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
    "<\uff5cbegin\u2581of\u2581sentence\uff5c>",
]
WORDS = [
    *SENTINELS,
    *["\r\n", "\n", "\r", "\t", " ", "    ", "def f(x):", "return", "''", "0123", "don't"],
    *["na\u00efve", "\u041f\u0440\u0438\u0432\u0435\u0442", "\u05e2\u05dd", "e\u0301"],
    *["\u4e2d\u6587", "\u5b57\uff0c\u3002", "\u65e5\u672c\u306e\u30c6\u30b9", "\ud55c\uad6d"],
    *["\U0001f600", "\U0001f469\u200d\U0001f4bb", "\u201cq\u201d", "\u2014", "\u2026"],
    *["\x00", "\x0b", "\x0c", "\x1c", "\x7f", "\x85", "\xa0", "\u180e", "\u2003", "\u2028"],
    *["\u3000", "\ufeff", "\uffff"],
]
texts = st.lists(st.sampled_from(WORDS) | st.text(max_size=4), max_size=12).map("".join)


INVALID = [
    *(b"\x80", b"\xc3", b"\xc3(", b"\xc0\xaf", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xe4\xb8"),
    *(b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5", b"\xff"),
    *(b"x" * 70 + b"\xbf", b"\xf0\x9f\x98", b"12345678\xe4\xb8("),
]


Reference = Callable[[str], list[int]]


@given(text=texts)
@settings(max_examples=200, deadline=None)
def test_ids_equal_the_reference_on_random_text(reference_ids: Reference, text: str) -> None:
    assert load_tokenizer().encode(text).tolist() == reference_ids(text)


@pytest.mark.parametrize("name", ["token.py", "this.py", "calendar.py", "encodings/cp1252.py"])
def test_ids_equal_the_reference_on_real_files(reference_ids: Reference, name: str) -> None:
    text = Path(sysconfig.get_path("stdlib"), name).read_text(encoding="utf-8")
    assert load_tokenizer().encode(text).tolist() == reference_ids(text)


def test_ids_equal_the_reference_around_sampled_code_points_of_all_planes(
    reference_ids: Reference,
) -> None:
    points = [*range(0x20, 0x800), *random.Random(0).sample(range(0x800, 0x110000), 500)]
    chars = [chr(point) for point in points if not 0xD800 <= point < 0xE000]
    lines = [f"a{char}b .{char}.  {char}" for char in chars]
    expected = [reference_ids(line) for line in lines]
    assert [ids.tolist() for ids in load_tokenizer().encode_batch(lines)] == expected


def test_the_reference_does_not_take_every_blank_for_a_space(reference_ids: Reference) -> None:
    blanks = [
        *map(chr, range(0x1C, 0x20)),
        "\x85",
        "\u180e",
        "\u200b",
        "\u2060",
        "\u3000",
        "\ufeff",
    ]
    for blank in blanks:
        start = f"\u00b0 {blank} \u013a\u0127"
        text = f"{start}{blank}ab{blank}.{blank}\u3042 {blank}{blank} {blank}\n{blank}1{blank}"
        assert load_tokenizer().encode(text).tolist() == reference_ids(text)


@given(first=texts, second=texts)
@settings(max_examples=200, deadline=None)
def test_every_newline_is_a_token_of_its_own(first: str, second: str) -> None:
    encode = load_tokenizer().encode
    joined = np.concatenate([encode(first), encode("\n"), encode(second)])
    assert encode("\n").size == 1
    assert np.array_equal(encode(f"{first}\n{second}"), joined)
    assert np.array_equal(encode(f"{first}\n"), joined[: len(encode(first)) + 1])


@given(batch=st.lists(texts, max_size=6))
@settings(max_examples=100, deadline=None)
def test_decoding_gives_the_bytes_back_and_batches_do_not_matter(batch: list[str]) -> None:
    tokenizer = load_tokenizer()
    for text, ids in zip(batch, tokenizer.encode_batch(batch), strict=True):
        assert tokenizer.decode_bytes(ids) == text.encode()
        assert np.array_equal(ids, tokenizer.encode(text))
        assert ids.dtype == np.int32


@pytest.mark.parametrize("sentinel", SENTINELS)
def test_a_text_that_spells_a_sentinel_stays_text(sentinel: str) -> None:
    ids = load_tokenizer().encode(f"x{sentinel}y")
    assert ids.max() < NUM_TEXT_TOKENS
    assert load_tokenizer().decode_bytes(ids) == f"x{sentinel}y".encode()


@pytest.mark.parametrize("strange", [EOS, FIM_BEGIN, -1])
def test_decoding_refuses_ids_that_stand_for_no_text(strange: int) -> None:
    with pytest.raises(GristmillError, match="stands for no text"):
        load_tokenizer().decode_bytes([5, strange])


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(GristmillError, match="surrogate"):
        load_tokenizer().encode_batch(["fine", "a\ud800b"])


def test_a_column_gives_the_same_ids_as_its_texts_and_a_null_none(reference_ids: Reference) -> None:
    texts = ["def f(x):\n", "", "\u4e2d\u6587\uff0c", " na\u00efve"]
    column = pa.chunked_array([[*texts[:2], None], texts[2:]], type=pa.string())
    ids, offsets = load_tokenizer().encode_column(column)
    expected = [reference_ids(text) for text in (*texts[:2], "", *texts[2:])]
    assert [part.tolist() for part in np.split(ids, offsets[1:-1])] == expected
    assert ids.dtype == np.int32
    assert offsets.dtype == np.int64


def test_a_slice_of_a_column_is_encoded_alone(reference_ids: Reference) -> None:
    column = string_column(["one", "two three", "\u4e2d"]).slice(1, 1)
    ids, offsets = load_tokenizer().encode_column(column)
    assert ids.tolist() == reference_ids("two three")
    assert offsets.tolist() == [0, len(ids)]


@pytest.mark.parametrize("strange", INVALID)
def test_bytes_that_are_not_utf8_are_refused(strange: bytes) -> None:
    buffers = [None, pa.py_buffer(np.array([0, 1, 1 + len(strange)])), pa.py_buffer(b"a" + strange)]
    column = pa.LargeStringArray.from_buffers(2, buffers[1], buffers[2])
    with pytest.raises(GristmillError, match=r"text 1 .* not UTF-8"):
        load_tokenizer().encode_column(pa.chunked_array([column]))


def test_another_vocabulary_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "other_vocabulary"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "tokenizer.json").write_text('{"model": {"vocab": {"a": 0}}}')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(deepseek, "_PACKAGE", "other_vocabulary")
    with pytest.raises(GristmillError, match="not DeepSeek-V2's"):
        deepseek.read_file()


def test_a_batch_larger_than_one_native_call_keeps_its_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch = [f"line {i}\n" * (i % 5) for i in range(40)]
    whole = [ids.tolist() for ids in load_tokenizer().encode_batch(batch)]
    monkeypatch.setattr(module, "_BATCH_BYTES", 20)
    assert [ids.tolist() for ids in load_tokenizer().encode_batch(batch)] == whole


def test_long_runs_of_one_character_stay_exact(reference_ids: Reference) -> None:
    for text in (
        " " * 4_000 + "1",
        "\t" * 2_000 + "x",
        "-" * 4_000,
        "\u00e9" * 2_000,
        " " * 3_000 + "\u00e9",
    ):
        assert load_tokenizer().encode(text).tolist() == reference_ids(text)
