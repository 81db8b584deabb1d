"""Stubs: pages that say only that what was asked for is elsewhere, gone, or not for everyone.

Servers send many of them with status 200. A phrase counts only where the page has little else,
neither code nor formulas: documentation of status codes is no stub.
"""

import re
from typing import Final, Literal, get_args

from .page_text import PageText

StubKind = Literal["redirect", "not_found", "login", "script", "error"]
STUB_KINDS: Final[tuple[str, ...]] = get_args(StubKind)
MAX_PROSE_CHARS: Final = 1000
SEARCHED_CHARS: Final = 4000  # with so little prose there is hardly more

_THING: Final = r"(?:page|file|url|document|article|topic|thread|question|post|content|site)"
_ASKED: Final = r"(?: (?:that )?you(?: are|'re| were)? (?:requested|looking for|tried to access))?"
_LINE: Final = "^[# ]*"  # of its own, under a heading's marks too
# Regular expressions, in lower case; the earliest that is found in the text counts.
_PHRASES: Final[dict[StubKind, tuple[str, ...]]] = {
    "redirect": (
        "node you are looking for is at",
        "you (?:are being|will(?: now)? be|have been) redirected",
        f"{_THING}{_ASKED} (?:has|have) (?:been )?(?:permanently )?moved",
        f"{_THING}{_ASKED} was moved",
        "if you are not (?:automatically )?redirected",
        rf"{_LINE}redirect(?:ing|ed)(?: to\b.*|\.\.\.|\u2026)?$",
        "\u9875\u9762\u5df2\u7ecf?(?:\u79fb\u52a8|\u8fc1\u79fb)",  # the page has moved
        "\u6b63\u5728\u8df3\u8f6c",  # redirecting
    ),
    "not_found": (
        f"{_THING}{_ASKED} (?:(?:was|is|could|can) ?not (?:be )?|can't be |couldn't be )found",
        f"{_LINE}{_THING}? ?not found$",
        "404 ?[-:]? (?:error|(?:page |file )?not found)",
        "error 404",
        rf"requested {_THING}(?: \S+)? (?:was not|could not|does not|doesn't)",
        f"{_THING}{_ASKED} (?:is )?no longer (?:exists?|available)",
        f"{_THING}{_ASKED} (?:does not|doesn't) exist",
        "there is currently no text in this page",
        "\u9875\u9762\u4e0d\u5b58\u5728",  # the page does not exist
        "\u627e\u4e0d\u5230(?:\u8be5|\u6b64)?(?:\u7f51\u9875|\u9875\u9762)",  # cannot find it
    ),
    "login": (
        "you (?:must|need to|have to) (?:be logged in|log ?in|sign ?in|register) (?:to|before)",
        "please (?:log|sign) ?in to ",
        "(?:log|sign) in to (?:view|continue|access|read|see) ",
        f"{_LINE}(?:members|subscribers) only",
        "\u8bf7\u5148?\u767b\u5f55",  # please log in
        "\u60a8\u9700\u8981\u767b\u5f55",  # you have to log in
    ),
    "script": (
        "(?:please |need to |must )(?:enable|turn on) java ?script",
        "enable java ?script to (?:view|run|use|continue)",
        "java ?script is (?:disabled|turned off) in your",
        "checking your browser",
        "verify(?:ing)? (?:that )?you are (?:a )?human",
        "\u8bf7(?:\u542f\u7528|\u5f00\u542f) ?javascript",  # please enable it
    ),
    "error": (
        f"{_LINE}(?:error )?(?:500|502|503|403)(?: [-:])? (?:internal|bad|service|forbidden|error)",
        f"{_LINE}(?:internal server error|bad gateway|service unavailable|forbidden)$",
        "service is (?:temporarily )?unavailable",
        "too many requests",
        f"{_LINE}access denied",
        "error establishing a database connection",
        "down for maintenance",
    ),
}
_PATTERN: Final = re.compile(
    "|".join(f"(?P<{kind}>{'|'.join(phrases)})" for kind, phrases in _PHRASES.items()),
    re.IGNORECASE | re.MULTILINE,
)


def stub_kind(text: str, measured: PageText) -> StubKind | None:
    """Return what a page says in place of a content, or None for a page with a content."""
    has_content = measured.code_fraction > 0 or measured.formula_fraction > 0
    if has_content or measured.prose_chars > MAX_PROSE_CHARS:
        return None
    found = _PATTERN.search(text, 0, SEARCHED_CHARS)
    return None if found is None else next(kind for kind in _PHRASES if found[kind])
