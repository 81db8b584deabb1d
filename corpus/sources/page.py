"""From a web page's payload to its text: charset, then main content."""

import re

import msgspec
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import map_encoding_to_html5

from ..decode import Decoded, Undecoded, decode_legacy, decode_strict, decode_unicode
from ..record import ReadDrop

HTML_TYPES = frozenset(("text/html", "application/xhtml+xml"))
PLAIN_TYPES = frozenset(("text/plain", "text/markdown"))
# Browsers stop nesting at 512; main-content extraction takes time quadratic in the depth.
MAX_DEPTH = 512
# A page with one stray byte is a page; a page with one in a thousand is the wrong charset.
MAX_REPLACED_FRACTION = 0.001

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)")
_FLAT_TAGS = frozenset(  # void, or closed by what follows
    (
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param"),
        *("source", "track", "wbr", "p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody"),
        *("tfoot", "option", "optgroup", "html", "head", "body"),
    )
)
_LANG = re.compile(r"<html\b[^>]*?\s(?:xml:)?lang\s*=\s*[\"']?([A-Za-z][A-Za-z0-9_-]{1,34})", re.I)
_META_CHARSET = re.compile(
    rb"<meta\b[^>]*?charset\s*=\s*(?:[\"']\s*)?([A-Za-z0-9][A-Za-z0-9_:.+-]*)", re.I
)
META_BYTES = 4096
LANG_CHARS = 4096


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page's text, or why there is none."""

    text: str | None = None
    encoding: str | None = None
    language_hint: str | None = None
    read_drop: ReadDrop | None = None
    read_error: str | None = None


def is_text_type(mime: str) -> bool:
    """Tell whether a payload of this type is read."""
    return mime in HTML_TYPES or mime in PLAIN_TYPES or mime.startswith("text/x-")


def read_page(payload: bytes, *, mime: str, charset: str | None) -> Page:
    """Return the main content of an HTML page, or a text payload as it is.

    Args:
        charset: what the HTTP header says; it is believed if all bytes are valid in it and the
            page is not valid UTF-8.
    """
    if not payload:
        return Page(read_drop="empty", read_error="no payload")
    decoded = decode_page(payload, charset, is_html=mime in HTML_TYPES)
    if isinstance(decoded, str):
        return Page(read_drop=decoded)
    if mime not in HTML_TYPES:
        if not decoded.text:
            return Page(read_drop="empty")
        return Page(text=decoded.text, encoding=decoded.encoding)
    depth = nesting_depth(decoded.text)
    if depth > MAX_DEPTH:
        return Page(read_drop="huge", read_error=f"elements are nested {depth} deep")
    text = html_text(decoded.text)
    if not text.strip():
        return Page(read_drop="empty", read_error="the page has no visible text")
    lang = _LANG.search(decoded.text, 0, LANG_CHARS)
    return Page(
        text=text,
        encoding=decoded.encoding,
        language_hint=lang[1] if lang else None,
    )


def decode_page(payload: bytes, charset: str | None, *, is_html: bool) -> Decoded | Undecoded:
    """Return a page's text: Unicode where it is valid, then what is declared, then a guess.

    Args:
        charset: what the HTTP header says; in HTML a <meta> tag has the second word.
    """
    outcome = decode_unicode(payload)
    if outcome is not None and outcome != "undecodable":
        return outcome
    labels = [charset] if charset else []
    if is_html and (found := _META_CHARSET.search(payload, 0, META_BYTES)):
        labels.append(found[1].decode("ascii"))
    # The map knows the web's labels only, so that no page can name a codec that is no charset.
    declared = [
        name for label in labels if (name := map_encoding_to_html5(label, fallback_utf8=False))
    ]
    for name in declared:
        if (decoded := decode_strict(payload, name)) is not None and "\0" not in decoded.text:
            return decoded
    outcome = decode_legacy(payload)
    if isinstance(outcome, Decoded) and not declared:
        return outcome
    for name in (*declared, "utf-8"):
        if (decoded := _decode_most(payload, name)) is not None:
            return decoded
    return outcome


def html_text(html: str) -> str:
    """Return a page's main content as plain text, code and lists laid out as they were.

    Where the heuristic finds no main content, all visible text is taken: a long reference page
    without paragraphs is still a document.
    """
    text = _extract(html, main_content=True)
    if not text.strip():
        text = _extract(html, main_content=False)
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _extract(html: str, *, main_content: bool) -> str:
    return str(
        extract_plain_text(
            html,
            preserve_formatting=True,
            main_content=main_content,
            alt_texts=True,
            links=False,
        )
    )


def nesting_depth(html: str) -> int:
    """Return a bound of how deep elements are nested, from the tags alone."""
    if html.count("<") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for closing, name in _TAG.findall(html):
        if name.lower() in _FLAT_TAGS:
            continue
        depth = max(0, depth - 1) if closing else depth + 1
        deepest = max(deepest, depth)
    return deepest


def _decode_most(payload: bytes, name: str) -> Decoded | None:
    text = payload.decode(name, "replace")
    num_replaced = text.count("\ufffd")
    if num_replaced > MAX_REPLACED_FRACTION * len(text) or "\0" in text:
        return None
    return Decoded(text, name)
