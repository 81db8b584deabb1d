"""From a web page's payload to its text, by the tier that is asked for."""

import codecs
import re
from typing import Final, Literal

import msgspec

from ..record import FELL_BACK, ReadDrop
from .charset import decode_page
from .cheap import MAX_DEPTH, MAX_OPTIONS, html_text
from .fine import fine_text
from .markup import Markup, scan_markup
from .parse import HostilePageError
from .utf8 import is_plain_utf8

Tier = Literal["cheap", "fine"]
# What a text was made by; "raw" is a text payload as it is.
TierUsed = Literal["cheap", "fine", "raw"]

HTML_TYPES: Final = frozenset(("text/html", "application/xhtml+xml"))
PLAIN_TYPES: Final = frozenset(("text/plain", "text/markdown"))
# Sources that servers do not call text; the cheap tier was defined without them.
SOURCE_TYPES: Final = frozenset(
    (
        *("application/x-tex", "application/x-latex"),
        *("application/x-ipynb+json", "text/javascript"),
        *("application/javascript", "application/x-python", "application/x-sh", "text/rst"),
    )
)
LANG_BYTES: Final = 4096

_LANG = re.compile(rb"<html\b[^>]*?\s(?:xml:)?lang\s*=\s*[\"']?([A-Za-z][A-Za-z0-9_-]{1,34})", re.I)


class ExtractedPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page's text, or why there is none.

    Attributes:
        title: of the page's <title>, by the fine tier.
        formulas_found: on the whole page; `formulas_kept` of them are in the text. The cheap tier
            finds them by signs alone, and keeps count of none: what its text has of them is no TeX.
        code_lines_found: lines of code blocks that are not blank, on the whole page. The cheap
            tier sees <pre> only, and does not count which lines its text kept.
        code_languages: what the code blocks say they are written in, as the page spells it.
        tier: what made the text.
        reason: why it is not the tier that was asked for, or has formulas or code left out.
    """

    text: str | None = None
    title: str = ""
    encoding: str | None = None
    language_hint: str | None = None
    formulas_found: int = 0
    formulas_kept: int = 0
    code_lines_found: int = 0
    code_lines_kept: int = 0
    code_languages: tuple[str, ...] = ()
    tier: TierUsed = "cheap"
    reason: str | None = None
    read_drop: ReadDrop | None = None
    read_error: str | None = None


def is_text_type(mime: str, tier: Tier = "cheap") -> bool:
    """Tell whether a tier reads a payload of this type."""
    is_text = mime in HTML_TYPES or mime in PLAIN_TYPES or mime.startswith("text/x-")
    return is_text or (tier == "fine" and mime in SOURCE_TYPES)


def extract_page(
    payload: bytes, *, mime: str, charset: str | None, url: str = "", tier: Tier = "fine"
) -> ExtractedPage:
    """Return the main content of an HTML page, or a text payload as it is.

    Args:
        charset: what the HTTP header says; it is believed if all bytes are valid in it and the
            page is not valid UTF-8.
        url: the page's own: the fine tier takes links into the page for no links.
        tier: "cheap" is plain text by resiliparse. "fine" is Markdown with formulas and code, and
            falls back to the cheap text, with the reason, for a page that would cost too much.
    """
    if not payload:
        return ExtractedPage(read_drop="empty", read_error="no payload")
    is_html = mime in HTML_TYPES
    if is_html and tier == "cheap" and _is_utf8(payload):
        return _with_source(_cheap(payload), payload, "utf-8")
    decoded = decode_page(payload, charset, is_html=is_html)
    if isinstance(decoded, str):
        return ExtractedPage(read_drop=decoded)
    if not is_html:
        if not decoded.text:
            return ExtractedPage(read_drop="empty")
        return ExtractedPage(text=decoded.text, encoding=decoded.encoding, tier="raw")
    source = decoded.text.encode("utf-8", "replace")
    page = _fine(decoded.text, source, url) if tier == "fine" else _cheap(source)
    return _with_source(page, source, decoded.encoding)


def _is_utf8(payload: bytes) -> bool:
    """Tell whether a page need not be decoded: its bytes are what a text would be made of."""
    return not payload.startswith(codecs.BOM_UTF8) and is_plain_utf8(payload)


def _with_source(page: ExtractedPage, source: bytes, encoding: str) -> ExtractedPage:
    if page.text is None:
        return page
    lang = _LANG.search(source, 0, LANG_BYTES)
    return msgspec.structs.replace(
        page, encoding=encoding, language_hint=lang[1].decode() if lang else None
    )


def _cheap(source: bytes, reason: str | None = None) -> ExtractedPage:
    markup = scan_markup(source)
    if error := _cost(markup):
        return ExtractedPage(read_drop="huge", read_error=error, reason=reason)
    text = html_text(markup.html)
    if not text.strip():
        return ExtractedPage(
            read_drop="empty", read_error="the page has no visible text", reason=reason
        )
    return ExtractedPage(
        text=text,
        formulas_found=markup.num_formulas,
        code_lines_found=markup.num_code_lines,
        reason=reason,
    )


def _cost(markup: Markup) -> str | None:
    """Return why a page would cost too much."""
    if markup.depth > MAX_DEPTH:
        return f"elements are nested {markup.depth} deep"
    if markup.num_options > MAX_OPTIONS:
        return f"lists have {markup.num_options} options"
    return None


def _fine(html: str, source: bytes, url: str) -> ExtractedPage:
    try:
        fine = fine_text(html, url=url)
    except HostilePageError as error:
        return _cheap(source, reason=f"{FELL_BACK} would cost too much: {error}")
    if not fine.text.strip():
        return _cheap(source, reason=f"{FELL_BACK} is empty")
    num_left_out = fine.found.formulas - fine.kept.formulas
    return ExtractedPage(
        text=fine.text,
        title=fine.title,
        formulas_found=fine.found.formulas,
        formulas_kept=fine.kept.formulas,
        code_lines_found=fine.found.code_lines,
        code_lines_kept=fine.kept.code_lines,
        code_languages=fine.languages,
        tier="fine",
        reason=f"{num_left_out} formulas are outside the main content" if num_left_out else None,
    )
