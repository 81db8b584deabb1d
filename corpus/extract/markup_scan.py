"""What a page's markup holds, and the page without what its text does not depend on, in one scan.

The twin of corpus/native/markup.c, value for value: change both or neither.

The scan follows the HTML standard's tokenizer. What is cut: of the head, before anything of the
body, whole elements; in the body, attributes that neither the parser nor resiliparse looks at.
Scripts of the body stay, since it takes their length for text. Where the parser might see another
structure than the scan (raw text in foreign content or in a list, a script in a commented script,
HTML inside foreign content, framesets), nothing more is cut and every tag counts.
"""

import re
from typing import Final, NamedTuple

from . import names
from .names import ATTRIBUTES, IMAGE_CLASSES, TAGS
from .signs import Signs, has_tex

_TAG = re.compile(rb"</?([A-Za-z][^ \t\n\f\r/>]*)")
_ATTRIBUTE = re.compile(
    rb"([^ \t\n\f\r/>][^ \t\n\f\r/>=]*)[ \t\n\f\r]*"
    rb"(=[ \t\n\f\r]*(?:\"([^\"]*)(\"?)|'([^']*)('?)|([^ \t\n\f\r>]*)))?"
)
_BETWEEN = re.compile(rb"[ \t\n\f\r/]*")
_SPACES = re.compile(rb"[ \t\n\f\r]*")
_SPACE: Final = b" \t\n\f\r"
_COMMENT_END = re.compile(rb"--!?>")
_FORMULA_TYPE = re.compile(rb"[ \t\n\f\r]*math/.", re.IGNORECASE | re.DOTALL)
_IMAGE_ADDRESS = re.compile(rb"latex\.php\?|codecogs\.com/|mathtex\.cgi\?|mimetex\.cgi\?")
_DATA = re.compile(rb"data-[^at]", re.IGNORECASE)
_MAX_NAME: Final = 16


class Scanned(NamedTuple):
    """The numbers of a page; `html` is None where nothing was cut."""

    html: str | None
    depth: int
    num_options: int
    num_sources: int
    num_delimited: int
    num_dollars: int
    num_lines: int


class _Tag(NamedTuple):
    start: int
    stop: int
    name: bytes
    flags: int
    closing: bool
    self_closing: bool
    values: dict[int, bytes]


def scan(page: bytes) -> Scanned:
    """Return what a page in UTF-8 holds; the depth is a bound of how deep elements are nested."""
    return _Scan(page).run()


class _Scan:
    def __init__(self, page: bytes) -> None:
        self.page = page
        self.kept: list[bytes] = []
        self.copied = 0
        self.signs = Signs()
        self.sum = self.lowest = self.depth = 0
        self.num_options = self.num_scripts = self.num_math = self.num_images = 0
        self.num_pre = self.num_code = self.num_foreign = 0
        self.in_integration = self.in_select = self.in_template = False
        self.certain = self.head = True
        self.opened = self.head_closed = False
        self.whole: int | None = None  # where an element of the head that is cut begins

    def run(self) -> Scanned:
        page, at = self.page, 0
        while at < len(page):
            opening = page.find(b"<", at)
            stop = opening if opening != -1 else len(page)
            if stop > at:
                self._read_text(at, stop)
            if opening == -1:
                break
            at = self._read_markup(opening)
        self.signs.end_line()
        html = None
        if self.copied:
            html = b"".join((*self.kept, page[self.copied :])).decode("utf-8", "replace")
        return Scanned(
            html,
            self.depth,
            self.num_options,
            max(self.num_scripts, self.num_math, self.num_images),
            self.signs.num_delimited,
            self.signs.num_dollars,
            self.signs.num_lines,
        )

    def _read_text(self, at: int, stop: int) -> None:
        if self.head and self.page[at:stop].strip(_SPACE):
            self.head = False
        if self.num_pre:
            self.signs.read_code(self.page[at:stop])
        elif not self.num_code and not self.num_foreign:
            self.signs.read_text(self.page, at, stop)

    def _read_markup(self, at: int) -> int:
        """Return where the text after a "<" goes on."""
        page = self.page
        if match := _TAG.match(page, at):
            return self._read_tag(match)
        if not self.certain:
            return at + 1
        if page.startswith(b"<!--", at):
            stop = self._comment_end(at)
            if self.head and self.opened:
                self._cut(at, stop)
            return stop
        if not page.startswith((b"<!", b"<?", b"</"), at):
            self.head = False
            return at + 1
        if page.startswith(b"<!", at):
            if self.num_foreign:
                self._doubt()
            self.opened = self.opened or page[at + 2 : at + 3] in (b"d", b"D")
        stop = page.find(b">", at)
        return stop + 1 if stop != -1 else len(page)

    def _comment_end(self, at: int) -> int:
        for abrupt in (b">", b"->"):
            if self.page.startswith(abrupt, at + 4):
                return at + 4 + len(abrupt)
        end = _COMMENT_END.search(self.page, at + 4)
        return end.end() if end else len(self.page)

    def _read_tag(self, match: re.Match[bytes]) -> int:
        start, at = match.span()
        name = match[1].lower()
        flags = TAGS.get(name, 0)
        closing = self.page.startswith(b"</", start)
        if not self.certain:
            self._count(_Tag(start, at, name, flags, closing, False, {}))
            return at
        if not flags & names.HEAD:
            self.head = False
        tag = self._read_attributes(_Tag(start, at, name, flags, closing, False, {}))
        if tag is None:
            return len(self.page)
        self._count(tag)
        if self.head:
            self._follow_head(tag)
        if self.num_foreign or flags & names.FOREIGN:
            self._follow_foreign(tag)
        if flags & names.SELECT:
            self.in_select = not closing
        self.in_template = self.in_template or bool(flags & names.TEMPLATE)
        if flags & names.STRANGE or (flags & names.COLUMN and self.in_template):
            self._doubt()
        is_raw = flags & names.RAW and not closing and self.certain
        if not is_raw or (self.num_foreign and tag.self_closing):
            return tag.stop
        return self._raw_text_end(tag)

    def _read_attributes(self, tag: _Tag) -> _Tag | None:
        """Return a tag with its end, None if it has none."""
        page, at, values = self.page, tag.stop, tag.values
        whole = self.head and self.opened and tag.flags & names.WHOLE
        may_cut = not tag.closing and not whole and not tag.flags & names.FORMATTING
        while True:
            before, at = at, _end(_BETWEEN, page, at)
            if at >= len(page):
                return None
            if page.startswith(b">", at):
                self_closing = at > before and page.startswith(b"/", at - 1)
                return tag._replace(stop=at + 1, self_closing=self_closing)
            found = _ATTRIBUTE.match(page, at)
            assert found is not None
            at = found.end()
            if found[2] is None:
                continue
            if found[4] == b"" or found[6] == b"":
                return None  # a quote without an end
            name = found[1].lower()
            flags = ATTRIBUTES.get(name, 0)
            value = next(part for part in (found[3], found[5], found[7]) if part is not None)
            if flags & ~names.CUT and tag.flags & (names.IMAGE | names.SCRIPT):
                values.setdefault(flags & ~names.CUT, value)
            is_behind_space = page[found.start() - 1 : found.start()] in _SPACE
            if may_cut and is_behind_space and _is_cut(name, flags):
                following = page[(end := _end(_SPACES, page, at)) : end + 1]
                if following and following != b"=":
                    self._cut(found.start(), at)

    def _raw_text_end(self, tag: _Tag) -> int:
        """Return where the text of an element ends that has no markup in it, if that is sure."""
        page, at = self.page, tag.stop
        closing = re.compile(rb"</" + tag.name + rb"[ \t\n\f\r/>]", re.IGNORECASE).search(page, at)
        stop = closing.start() if closing else len(page)
        is_script = tag.flags & names.SCRIPT
        may_be_markup = self.num_foreign or (self.in_select and not is_script)
        is_doubtful = bool(may_be_markup) and page.find(b"<", at, stop) != -1
        if is_script and (comment := page.find(b"<!--", at, stop)) != -1:
            is_doubtful = is_doubtful or _SCRIPT.search(page, comment, stop) is not None
        if is_doubtful:
            self._doubt()
            return at
        return stop

    def _follow_head(self, tag: _Tag) -> None:
        flags, closing = tag.flags, tag.closing
        is_html_end = closing and flags & names.OPENS and not flags & names.IS_HEAD
        if is_html_end or (not closing and flags & names.NOSCRIPT and self.head_closed):
            self.head = False
            return
        self.opened = self.opened or bool(flags & names.OPENS)
        self.head_closed = self.head_closed or bool(closing and flags & names.IS_HEAD)
        if flags & names.WHOLE and self.opened and not closing:
            if flags & names.RAW:
                self.whole = tag.start
            else:
                self._cut(tag.start, tag.stop)
        if closing and flags & names.RAW and self.whole is not None:
            self._cut(self.whole, tag.stop)
            self.whole = None

    def _follow_foreign(self, tag: _Tag) -> None:
        flags = tag.flags
        if tag.closing:
            if flags & names.FOREIGN and self.num_foreign:
                self.num_foreign -= 1
            if flags & (names.FOREIGN | names.INTEGRATION):
                self.in_integration = False
        elif self.in_integration:
            self._doubt()
        elif not tag.self_closing:
            self.num_foreign += bool(flags & names.FOREIGN)
            self.in_integration = bool(flags & names.INTEGRATION)

    def _count(self, tag: _Tag) -> None:
        flags = tag.flags
        step = -1 if tag.closing else 1
        if not flags & names.FLAT:
            self.sum += step
            self.lowest = min(self.lowest, self.sum)
            self.depth = max(self.depth, self.sum - self.lowest)
        if flags & names.BLOCK:
            self.signs.end_block()
        if flags & names.CODE:
            self.num_code = max(0, self.num_code + step)
        if flags & names.PRE:
            self.signs.end_line()
            self.num_pre = max(0, self.num_pre + step)
        if flags & names.BREAK and self.num_pre:
            self.signs.end_line()
        if tag.closing:
            return
        self.num_options += bool(flags & names.OPTION)
        self.num_math += bool(flags & names.MATH)
        if flags & names.IMAGE:
            self.num_images += _is_formula_image(tag.values)
        if flags & names.SCRIPT:
            self.num_scripts += _FORMULA_TYPE.match(tag.values.get(names.TYPE, b"")) is not None

    def _cut(self, start: int, stop: int) -> None:
        self.kept.append(self.page[self.copied : start])
        self.copied = stop

    def _doubt(self) -> None:
        """From here on the parser may see another structure: count all tags, cut nothing."""
        self.certain = self.head = False
        self.num_foreign = 0
        self.whole = None


_SCRIPT = re.compile(rb"<script[ \t\n\f\r/>]", re.IGNORECASE)


def _end(pattern: re.Pattern[bytes], page: bytes, at: int) -> int:
    found = pattern.match(page, at)
    return found.end() if found else at


def _is_cut(name: bytes, flags: int) -> bool:
    if flags:
        return bool(flags & names.CUT)
    return _DATA.match(name) is not None or (name.startswith(b"on") and len(name) > 3)


def _is_formula_image(values: dict[int, bytes]) -> bool:
    """Tell a picture of a formula by its text, its class or its address."""
    alternative = values.get(names.ALT, b"").lstrip(_SPACE)
    if len(alternative) > 1 and (
        alternative.startswith((b"$", b"\\(", b"\\["))
        or (alternative.startswith(b"\\") and has_tex(alternative))
        or (len(alternative) > 14 and alternative.startswith(b"{\\displaystyle"))
    ):
        return True
    classes = re.split(rb"[ \t\n\f\r]+", values.get(names.CLASS, b"").lower())
    if alternative and not IMAGE_CLASSES.keys().isdisjoint(classes):
        return True
    return _IMAGE_ADDRESS.search(values.get(names.SOURCE, b"")) is not None
