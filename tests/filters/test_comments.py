"""Comments come out without their signs; strings, licences and code stay behind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.filters.comments import comment_text
from gristmill.filters.languages import language_table

NAMES = sorted(language_table().by_name)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("Python", "x = 1  # add one\n", "add one"),
        ("Python", "# first\n# second\ny = 2\n# third\n", "first\nsecond\nthird"),
        ("C", "/* frees\n * it */\nint x; // twice\n", "twice\nfrees\nit"),
        ("Java", "/**\n * Opens it.\n */\nvoid f() {}\n", "\nOpens it.\n"),
        ("HTML", "<p>text</p><!-- hidden -->", "hidden"),
        ("OCaml", "(* one *) let x = 1 (* two *)", "one\ntwo"),
        ("SQL", "SELECT 1 -- number\n", "number"),
        ("TeX", "% note\n\\section{x}", "note"),
        ("Batchfile", "REM goes home\nREMOVE x\n", "goes home"),
    ],
)
def test_comments_lose_their_signs(language: str, text: str, expected: str) -> None:
    assert comment_text(text, language) == expected


def test_a_sign_without_a_blank_before_it_is_no_comment() -> None:
    assert comment_text('url = "http://host.org/a#b"\n', "JavaScript") == ""
    assert comment_text('url = "http://host.org/a#b"\n', "Python") == ""


def test_a_licence_header_is_left_out_as_a_whole() -> None:
    header = "# Copyright 2020\n# Redistribution is free.\n\n"
    assert comment_text(header + "# Sorts them.\n", "Python") == "Sorts them."


def test_a_comment_without_an_end_reaches_to_the_end() -> None:
    assert comment_text("int x; /* never\nclosed", "C") == "never\nclosed"


@pytest.mark.parametrize("language", [None, "JSON", "no such language"])
def test_a_language_without_known_comments_gives_nothing(language: str | None) -> None:
    assert comment_text("# x\n// y\n", language) == ""


@given(st.sampled_from(NAMES), st.text(alphabet="#/*-%;!'\"(){}<>.\\ \nab\u00e9", max_size=200))
def test_any_text_in_any_language_gives_a_text_no_longer_than_itself(
    language: str, text: str
) -> None:
    comments = comment_text(text, language)
    assert comments == comment_text(text, language)
    assert len(comments) <= len(text) + 1
