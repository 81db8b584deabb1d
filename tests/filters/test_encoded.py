import base64
import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters.encoded import count_encoded, count_encoded_slow

BLOB = base64.b64encode(random.Random(7).randbytes(300)).decode()
PIECES = st.sampled_from(
    (
        *("A" * 48, "aGVsbG8g" * 8, "\n", "\r\n", "=", "/" * 70, "\\u00e9" * 8, "0x1f, ", "1f "),
        *("12,", "-1.5e3; ", "x = 1", "\u00e9", "f", " ", "{", "ab cd "),
    )
)
TEXTS = st.lists(PIECES, max_size=30).map("".join)


def counts(text: str) -> tuple[int, int, int]:
    found = count_encoded(pa.array([text], pa.large_string()))
    return int(found[0][0]), int(found[1][0]), int(found[2][0])


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS | st.none(), max_size=5))
def test_columns_equal_the_backtracking_twin(texts: list[str | None]) -> None:
    found = count_encoded(pa.array(texts, pa.large_string()))
    slow = [count_encoded_slow(text or "") for text in texts]
    assert [tuple(int(x) for x in row) for row in zip(*found, strict=True)] == slow


def test_base64_counts_from_64_characters() -> None:
    assert counts(f"x = '{BLOB[:63]}'")[:2] == (0, 0)
    assert counts(f"x = '{BLOB[:64]}'")[:2] == (64, 64)


def test_base64_of_many_lines_is_one_run() -> None:
    lines = "\n".join(BLOB[i : i + 60] for i in range(0, 400, 60))
    assert counts(f"-----BEGIN-----\n{lines}\n")[1] == len(lines)


@pytest.mark.parametrize(
    "text",
    ["\n".join(["word", "list", "every"] * 60), "/" * 200, "usr/local/lib/python/" * 8, "=" * 90],
)
def test_words_rulers_and_paths_are_not_base64(text: str) -> None:
    assert counts(text)[:2] == (0, 0)


def test_hexadecimal_bytes_and_unicode_escapes_count_from_eight() -> None:
    assert counts("{0x1f, 0x2e, 0x3d, 0x4c, 0x5b, 0x6a, 0x79}")[0] == 0
    assert counts("{0x1f, 0x2e, 0x3d, 0x4c, 0x5b, 0x6a, 0x79, 0x88}")[0] == 46
    assert counts("1f 2e 3d 4c 5b 6a 79 88")[0] == 23
    assert counts('"' + "\\u4e2d" * 8 + '"')[0] == 48


def test_lists_of_numbers_count_from_sixteen() -> None:
    assert counts("x = [" + "1.5, " * 15 + "]")[2] == 0
    assert counts("x = [" + "1.5, " * 16 + "]")[2] == 16 * 5 + 1
    assert counts("for i in range(10): a[i] = b[i, 2] + 3")[2] == 0


@pytest.mark.parametrize(
    "piece",
    [
        "1 ",
        "ab ",
        "ab cd ef 01 23 45 67 x ",
        "A" * 63 + " ",
        "\\u0041" * 7 + ".",
        "1," * 15 + "x",
        "\n",
        "=",
    ],
)
def test_hostile_texts_of_a_megabyte_end(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    encoded, longest, numbers = counts(text)
    assert 0 <= longest <= encoded <= len(text)
    assert 0 <= numbers <= len(text)
