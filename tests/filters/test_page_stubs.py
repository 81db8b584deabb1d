"""Pages that say only that what was asked for is elsewhere, gone, or not for everyone."""

import pytest

from gristmill.filters.page_stubs import MAX_PROSE_CHARS, stub_kind
from gristmill.filters.page_text import measure_page


def stub(text: str) -> str | None:
    return stub_kind(text, measure_page(text))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("# Top\n\nThe node you are looking for is at Arithmetic.", "redirect"),
        ("You are being redirected to the new site.", "redirect"),
        ("This page has been moved to another address.", "redirect"),
        ("# Redirecting...", "redirect"),
        ("# Sorry\n\nThe page you requested could not be found.", "not_found"),
        ("# 404 Not Found\n\nnginx", "not_found"),
        ("The requested URL /a was not found on this server.", "not_found"),
        ("The requested page does not exist.", "not_found"),
        ("\u62b1\u6b49\uff0c\u60a8\u8bbf\u95ee\u7684\u9875\u9762\u4e0d\u5b58\u5728", "not_found"),
        ("You must be logged in to view this forum.", "login"),
        ("\u8bf7\u5148\u767b\u5f55", "login"),
        ("Please enable JavaScript to continue.", "script"),
        ("# 502 Bad Gateway", "error"),
        ("# Access denied", "error"),
    ],
)
def test_a_page_that_says_little_else_is_a_stub(text: str, kind: str | None) -> None:
    assert stub(text) == kind


def test_a_page_with_a_content_is_none_whatever_it_quotes() -> None:
    phrase = "The page you requested could not be found."
    assert stub(f"{phrase}\n{'Servers answer so. ' * MAX_PROSE_CHARS}") is None
    assert stub(f"{phrase}\n```\nraise Http404\n```") is None
    assert stub(f"{phrase} It is $x$.") is None


def test_the_earliest_phrase_names_the_stub() -> None:
    assert stub("Access denied\nPlease log in to continue.") == "error"
    assert stub("Please log in to continue.\nAccess denied") == "login"
