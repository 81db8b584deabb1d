"""The attributes of tags: which are cut, and what those of images and scripts say.

The twin of corpus/native/attributes.h.
"""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from . import names
from .names import ATTRIBUTES, IMAGE_CLASSES
from .signs import has_tex

_ATTRIBUTE = re.compile(
    rb"([^ \t\n\f\r/>][^ \t\n\f\r/>=]*)[ \t\n\f\r]*"
    rb"(=[ \t\n\f\r]*(?:\"([^\"]*)(\"?)|'([^']*)('?)|([^ \t\n\f\r>]*)))?"
)
_BETWEEN = re.compile(rb"[ \t\n\f\r/]*")
_SPACES = re.compile(rb"[ \t\n\f\r]*")
_SPACE: Final = b" \t\n\f\r"
_DATA = re.compile(rb"data-[^at]")
_FORMULA_TYPE = re.compile(rb"[ \t\n\f\r]*math/.", re.IGNORECASE | re.DOTALL)
_IMAGE_ADDRESS = re.compile(
    rb"latex\.php\?|codecogs\.com/|mathtex\.cgi\?|mimetex\.cgi\?"
    rb"|equation\?tex=|\?cht=tx"
)


class Tag(msgspec.Struct, frozen=True, kw_only=True):
    """A tag, where it stands, and what is known of its name."""

    start: int
    stop: int
    name: bytes
    flags: int
    closing: bool
    self_closing: bool = False
    values: dict[int, bytes] = {}  # of the attributes that say something, by their flag
    num_formulas: int = 0  # that attributes are the sources of


def read_attributes(page: bytes, tag: Tag, cut: Callable[[int, int], None] | None) -> Tag | None:
    """Return a tag, read up to its name, to its end; None if it has none.

    Args:
        cut: called with where each attribute begins and stops that the text does not depend on.
    """
    at, values, num_formulas = tag.stop, dict[int, bytes](), 0
    while True:
        before, at = at, _end(_BETWEEN, page, at)
        if at >= len(page):
            return None
        if page.startswith(b">", at):
            self_closing = at > before and page.startswith(b"/", at - 1)
            return msgspec.structs.replace(
                tag,
                stop=at + 1,
                self_closing=self_closing,
                values=values,
                num_formulas=num_formulas,
            )
        found = _ATTRIBUTE.match(page, at)
        assert found is not None, "an attribute begins where white space ends"
        at = found.end()
        if found[2] is None:
            continue
        if found[4] == b"" or found[6] == b"":
            return None  # a quote without an end
        name = found[1].lower()
        flags = ATTRIBUTES.get(name, 0)
        if flags & ~names.CUT:
            value = next(part for part in (found[3], found[5], found[7]) if part is not None)
            values.setdefault(flags & ~names.CUT, value)
            num_formulas += bool(flags & names.FORMULA and value)
        if cut is not None and _is_cut(name, flags) and _is_apart(page, found.start(), at):
            cut(found.start(), at)


def is_formula_script(tag: Tag) -> bool:
    """Tell a script that is the source of a formula."""
    return _FORMULA_TYPE.match(tag.values.get(names.TYPE, b"")) is not None


def is_formula_image(tag: Tag) -> bool:
    """Tell a picture of a formula by its text, its class or its address."""
    alternative = tag.values.get(names.ALT, b"").lstrip(_SPACE)
    if len(alternative) > 1 and (
        alternative.startswith((b"$", b"\\(", b"\\["))
        or (alternative.startswith(b"\\") and has_tex(alternative))
        or (len(alternative) > 14 and alternative.startswith(b"{\\displaystyle"))
    ):
        return True
    classes = re.split(rb"[ \t\n\f\r]+", tag.values.get(names.CLASS, b"").lower())
    if alternative and not IMAGE_CLASSES.keys().isdisjoint(classes):
        return True
    return _IMAGE_ADDRESS.search(tag.values.get(names.SOURCE, b"")) is not None


def _is_cut(name: bytes, flags: int) -> bool:
    if flags:
        return bool(flags & names.CUT)
    return _DATA.match(name) is not None or (name.startswith(b"on") and len(name) > 3)


def _is_apart(page: bytes, start: int, stop: int) -> bool:
    """Tell whether what stands around an attribute means the same without it."""
    end = _end(_SPACES, page, stop)
    following = page[end : end + 1]
    return page[start - 1 : start] in _SPACE and bool(following) and following != b"="


def _end(pattern: re.Pattern[bytes], page: bytes, at: int) -> int:
    found = pattern.match(page, at)
    assert found is not None, "the pattern matches nothing, too"
    return found.end()
