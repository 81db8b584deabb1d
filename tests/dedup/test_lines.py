"""Lines of web pages: the kernel agrees with its slow twin, and a cut text can be traced back."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gristmill.dedup.lines import (
    cut,
    line_keys,
    line_table,
    merge_spans,
    page_counts,
    uncut_position,
)
from gristmill.dedup.reference import slow_lines

LINE = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "\t",
            "\r",
            "About this site and its authors",
            "x = f(a, b);",
            "---",
            "```",
            "````py",
            "> ~~~",
            "a $$ b",
            "$$x$$ is",
        ]
    ),
    st.text("ab$`~ \x00\t\r{}>1\u00e9\u4e2d\U0001f600\u00a0", max_size=12),
)
TEXT = st.one_of(st.text(max_size=20), st.lists(LINE, max_size=8).map("\n".join))


def rows_of(texts: list[str | None], min_chars: int = 1) -> list[tuple[int, int, int, int]]:
    column = pa.chunked_array([pa.array(texts, pa.large_string())])
    rows = line_table(column, min_chars=min_chars).to_pylist()
    return [(r["row"], r["line_hash"], r["first_char"], r["end_char"]) for r in rows]


@given(st.lists(st.one_of(st.none(), TEXT), max_size=6), st.integers(0, 5))
@example(["", "a\n", "\n", "\na", None, "b\n\n\nc"], 1)
def test_lines_are_those_of_the_slow_twin(texts: list[str | None], min_chars: int) -> None:
    expected = [
        (row, *line)
        for row, text in enumerate(texts)
        for line in slow_lines(text or "", min_chars=min_chars)
    ]
    assert rows_of(texts, min_chars) == expected


def test_a_text_longer_than_a_batch_is_hashed_like_a_short_one() -> None:
    line = "Home | About | Terms of use"
    far = rows_of(["y" * (3 << 20) + "\n" + line])[-1]
    assert far[1] == rows_of([f" \t{line}".strip()])[0][1]


def test_lines_are_the_same_however_a_column_is_chunked() -> None:
    texts = [f"Line {i} of the page\n" * 3 for i in range(9)]
    whole = line_table(pa.chunked_array([texts]), min_chars=1)
    chunks = pa.chunked_array([texts[:1], texts[1:7], texts[7:]])
    assert line_table(chunks, min_chars=1) == whole


@pytest.mark.parametrize(
    "line",
    ["Short", "-" * 40, "    indented = True  # a comment", ">>> from sympy import symbols"],
)
def test_layout_and_code_are_protected(line: str) -> None:
    assert rows_of([f"{line}\nA line that is long enough\n"], 20)[0][2] == len(line) + 1


@pytest.mark.parametrize(
    "text",
    [
        "```python\nimport numpy as np\n\nprint about this site\n```",
        "````\n```\nimport numpy as np\n```\nimport numpy as np\n````",
        "> ~~~\n> import numpy as np\n> ~~~",
        "$$\\begin{align}\nx is what we look for\n\\end{align}$$",
        "where $x$ is a number of the field",
        "import `numpy` before all else here",
        "```\nimport numpy of a block without an end",
    ],
)
def test_what_is_marked_as_code_or_formula_is_protected(text: str) -> None:
    line = "All rights of this site are reserved"
    ((_, _, first, end),) = rows_of([f"{line}\n{text}"], 10)
    assert (first, end) == (0, len(line) + 1)


def test_a_mark_protects_no_other_text_and_nothing_behind_its_end() -> None:
    line = "All rights of this site are reserved"
    assert (
        len(rows_of(["```\nimport numpy as np", f"```\n```\n$$\nx + y\n$$\n{line}", line], 10)) == 2
    )


def test_blank_lines_go_with_the_line_before_them() -> None:
    text = "Welcome to the site\n\n \nThe first real line\n"
    (_, _, first, end), _ = rows_of([text])
    assert cut(text, [first, end]) == "The first real line\n"


def test_a_line_counts_once_a_page_and_by_host() -> None:
    keys = np.array([7, 7, 7, 9], dtype=np.uint64)
    hosts = np.array([1, 1, 2, 0], dtype=np.uint64)
    found, counts = page_counts(line_keys(keys, hosts), np.array([0, 0, 1, 2]))
    assert sorted(counts) == [1, 1, 1]
    found, counts = page_counts(keys, np.array([0, 0, 1, 2]))
    assert (found.tolist(), counts.tolist()) == ([7, 9], [2, 1])


def test_spans_that_touch_or_overlap_are_one_within_a_row_only() -> None:
    rows, first = np.array([0, 1, 0, 0, 0]), np.array([9, 12, 0, 4, 1])
    end = np.array([12, 14, 4, 6, 2])
    merged = [column.tolist() for column in merge_spans(rows, first, end)]
    assert merged == [[0, 0, 1], [0, 9, 12], [6, 12, 14]]


@given(TEXT, st.data())
def test_every_character_that_is_left_is_found_in_the_whole_text(
    text: str, data: st.DataObject
) -> None:
    bounds = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    spans = bounds[: len(bounds) // 2 * 2]
    left = cut(text, spans)
    removed = sum(spans[1::2]) - sum(spans[::2])
    assert len(left) == len(text) - removed
    assert [text[uncut_position(i, spans)] for i in range(len(left))] == list(left)
