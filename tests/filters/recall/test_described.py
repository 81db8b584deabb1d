"""Files with detailed descriptions: what counts as one, and the slow twin."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters.languages import language_table
from gristmill.filters.recall.described import (
    DOCSTRINGS,
    FENCED,
    DescribedSettings,
    describe,
    is_described,
    is_prose,
    measure_described,
)
from gristmill.filters.recall.described_reference import describe_slow

LANGUAGES = [None, "Python", "Elixir", "C", "Java", "OCaml", "COBOL", "Batchfile", "Markdown"]
PIECES = [
    *('"""', "'''", 'x = """', '@doc """', 'r"""', "#", "//", "/*", "*/", "(*", "*)", "REM", "*"),
    *("```", "~~~", "\n", "\n\n", "    ", "\t", "x = 1", "licence", "Opens the old file again"),
    *("\u6253\u5f00\u6587\u4ef6\u3002", "if (a) { return b[1]; }", "- ", "\u00e9t\u00e9", "a_1"),
]


def test_every_language_named_is_in_the_table() -> None:
    assert language_table().by_name.keys() >= (DOCSTRINGS | FENCED)


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join), st.sampled_from(LANGUAGES))
def test_the_patterns_find_what_the_slow_twin_finds(text: str, language: str | None) -> None:
    assert describe(text, language) == describe_slow(text, language)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Returns the number of files that were read.", True),
        ("the file is open", True),
        ("see the file", False),  # three words
        ("return x[i] + y[i] * 2.0", False),  # code
        ("\u6253\u5f00\u6587\u4ef6", True),
        ("", False),
    ],
)
def test_a_line_of_words_is_prose(line: str, expected: bool) -> None:  # noqa: FBT001
    assert is_prose(line) is expected


@pytest.mark.parametrize(
    ("language", "text", "words", "code_lines"),
    [
        ("Python", 'def f():\n    """Open the old file."""\n    return 1\n', 4, 2),
        ("Python", 'x = """\nOpen the old file.\n"""\n# Close the new file.\n', 4, 3),
        ("C", "/* Opens the old file\n * and reads it all. */\nint x; // again\n", 8, 1),
        ("Markdown", "# How to open files\n\n```\nopen(x)\n\nclose(x)\n```\n", 4, 2),
        ("Elixir", '@doc """\nOpens the old file.\n"""\ndef f, do: 1\n', 4, 1),
        (None, "Open the old file.\n", 0, 1),
    ],
)
def test_prose_is_told_from_code(
    language: str | None, text: str, words: int, code_lines: int
) -> None:
    found = describe(text, language)
    assert (found.prose_words, found.num_code_lines) == (words, code_lines)


def test_a_licence_is_no_description() -> None:
    header = "# Copyright of the old authors.\n# Redistribution of this is free.\n"
    text = header + "\n# Opens the old file.\n"
    assert describe(text, "Python").prose_words == 4


def described(text: str, settings: DescribedSettings) -> bool:
    measured = measure_described(
        pa.chunked_array([[text]], pa.large_string()), pa.chunked_array([["Python"]])
    )
    return bool(is_described(measured, settings)[0])


@pytest.mark.parametrize(
    "settings",
    [
        DescribedSettings(least_words=13, least_fraction=0, least_code_lines=0),
        DescribedSettings(least_words=0, least_fraction=0.8, most_fraction=1, least_code_lines=0),
        DescribedSettings(least_words=0, least_fraction=0, most_fraction=0.5, least_code_lines=0),
        DescribedSettings(least_words=0, least_fraction=0, least_code_lines=4),
    ],
)
def test_each_bar_alone_refuses_a_file(settings: DescribedSettings) -> None:
    text = "# Opens the old file again.\n" * 2 + "# Close the file.\nx = 1\ny = 2\nz = 3\n"
    open_bars = DescribedSettings(least_words=0, least_fraction=0, least_code_lines=0)
    assert described(text, open_bars)
    assert not described(text, settings)


def test_a_file_that_could_not_be_read_is_not_described() -> None:
    measured = measure_described(
        pa.chunked_array([[None]], pa.large_string()), pa.chunked_array([[None]], pa.string())
    )
    assert not is_described(measured, DescribedSettings(least_words=0, least_fraction=0)).any()


@pytest.mark.parametrize("bars", [{"least_words": -1}, {"least_fraction": 0.9}])
def test_bars_that_nothing_passes_are_refused(bars: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        DescribedSettings(**bars)  # type: ignore[arg-type]
