"""The tokenizer without its C extension: fastokens' two engines, compared with the reference."""

import random
import subprocess
import sys
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.corpus.deepseek import read_file
from gristmill.corpus.line_engines import LineEngines, is_plain
from gristmill.corpus.text_batches import text_batches
from gristmill.corpus.tokenizer import load_tokenizer, string_column

Reference = Callable[[str], list[int]]

PLAIN = [
    *["\t", " ", "  ", "\n", "\r", "a", "Z", "_", "(", "~", "0", "9"],
    *["\u00e9", "\u00b5", "\u0416", "\u03c9", "\u0556"],  # letters
    *["\uff0c", "\uff5e", "\u201c", "\u2018", "\u3002", "\u3001"],  # punctuation
    *["\u2014", "\u2026", "\u300c", "\u30c6", "\u3042", "\u4e00", "\u9fa5", "\uac00", "\ud7a3"],
]
STRANGE = [
    *["\x00", "\x0b", "\x7f", "\xa0", "\xd7", "\u180e", "\u2003", "\u3000", "\u3007", "\u0661"],
    *["\u05d0", "\u1ebf", "\U0001f600", "\U00010400"],
]

WITHOUT_KERNEL = """
import sys
sys.modules["gristmill.corpus.native._tokenizer"] = None
from gristmill.corpus.tokenizer import load_tokenizer
print(load_tokenizer().encode("na\\u00efve \\u05d0 x\\n1").tolist())
"""


@cache
def engines() -> LineEngines:
    return LineEngines(read_file())


def line_ids(text: str) -> list[int]:
    (batch,) = text_batches(string_column([text]), 1 << 20)
    ids, _ = engines().encode(batch)
    return list(map(int, ids))


@given(text=st.lists(st.sampled_from(PLAIN), max_size=30).map("".join))
@settings(max_examples=300, deadline=None)
def test_ids_equal_the_reference_on_plain_text(reference_ids: Reference, text: str) -> None:
    assert is_plain(text)
    assert line_ids(text) == reference_ids(text)


@given(text=st.lists(st.sampled_from([*PLAIN, *STRANGE]), max_size=30).map("".join))
@settings(max_examples=300, deadline=None)
def test_ids_equal_the_reference_on_any_text(reference_ids: Reference, text: str) -> None:
    assert line_ids(text) == reference_ids(text)


def test_ids_equal_the_reference_around_every_sixth_plain_character(
    reference_ids: Reference,
) -> None:
    points = [point for point in range(0x20, 0x10000) if not 0xD800 <= point < 0xE000]
    chars = [char for char in map(chr, points) if is_plain(char)]
    assert len(chars) > 30_000
    common = [char for char in chars if char < "\u0800"]
    sampled = [*common[::6], *random.Random(0).sample(chars, 1500)]
    text = "\n".join(f"a{char} {char}{char}.{char}  {char}1" for char in sampled)
    assert line_ids(text) == reference_ids(text)


@pytest.mark.parametrize("char", STRANGE)
def test_other_characters_are_not_plain(char: str) -> None:
    assert not is_plain(f"a{char}b")


def test_without_its_extension_the_tokenizer_says_so_once_and_gives_the_same_ids() -> None:
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_KERNEL], capture_output=True, text=True, check=True
    )
    ids = load_tokenizer().encode("na\u00efve \u05d0 x\n1").tolist()
    assert run.stdout == f"{ids}\n"
    assert run.stderr.count("the C extension was not built") == 1
