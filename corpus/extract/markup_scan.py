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
from .names import TAGS
from .signs import Signs
from .tags import Tag, is_formula_image, is_formula_script, read_attributes

_TAG = re.compile(rb"</?([A-Za-z][^ \t\n\f\r/>]*)")
_SCRIPT = re.compile(rb"<script[ \t\n\f\r/>]", re.IGNORECASE)
_COMMENT_END = re.compile(rb"--!?>")
_SPACE: Final = b" \t\n\f\r"


class Scanned(NamedTuple):
    """The numbers of a page; `html` is None where nothing was cut."""

    html: str | None
    depth: int
    num_options: int
    num_sources: int
    num_delimited: int
    num_dollars: int
    num_plain: int
    num_lines: int


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
        self.num_options = self.num_scripts = self.num_math = 0
        self.num_images = self.num_attributes = 0
        self.num_pre = self.num_code = self.num_open_svg = self.num_open_math = 0
        self.in_integration = self.in_select = self.in_template = False
        self.certain = self.head = True
        self.opened = self.head_closed = False
        self.whole: int | None = None  # where an element of the head that is cut begins

    @property
    def is_foreign(self) -> bool:
        return self.num_open_svg > 0 or self.num_open_math > 0

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
            max(self.num_scripts, self.num_math, self.num_images, self.num_attributes),
            self.signs.num_delimited,
            self.signs.num_dollars,
            self.signs.num_plain,
            self.signs.num_lines,
        )

    def _read_text(self, at: int, stop: int) -> None:
        if self.head and self.page[at:stop].strip(_SPACE):
            self.head = False
        if self.num_pre:
            self.signs.read_code(self.page[at:stop])
        elif not self.num_code and not self.is_foreign:
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
            if self.is_foreign:
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
        named = Tag(start=start, stop=at, name=name, flags=flags, closing=closing)
        if not self.certain:
            self._count(named)
            return at
        if not flags & names.HEAD:
            self.head = False
        is_whole = self.head and self.opened and flags & names.WHOLE
        may_cut = not closing and not is_whole and not flags & names.FORMATTING
        tag = read_attributes(self.page, named, cut=self._cut if may_cut else None)
        if tag is None:
            return len(self.page)
        self._count(tag)
        self._follow(tag)
        is_raw = flags & names.RAW and not closing and self.certain
        if not is_raw or (self.is_foreign and tag.self_closing):
            return tag.stop
        return self._raw_text_end(tag)

    def _follow(self, tag: Tag) -> None:
        """Keep in step with the parser."""
        flags = tag.flags
        if self.head:
            self._follow_head(tag)
        if self.is_foreign or flags & names.FOREIGN:
            self._follow_foreign(tag)
        if flags & names.SELECT:
            self.in_select = not tag.closing
        self.in_template = self.in_template or bool(flags & names.TEMPLATE)
        if flags & names.STRANGE or (flags & names.COLUMN and self.in_template):
            self._doubt()

    def _raw_text_end(self, tag: Tag) -> int:
        """Return where the text of an element ends that has no markup in it, if that is sure."""
        page, at = self.page, tag.stop
        closing = re.compile(rb"</" + tag.name + rb"[ \t\n\f\r/>]", re.IGNORECASE).search(page, at)
        stop = closing.start() if closing else len(page)
        is_script = tag.flags & names.SCRIPT
        may_be_markup = self.is_foreign or (self.in_select and not is_script)
        is_doubtful = bool(may_be_markup) and page.find(b"<", at, stop) != -1
        if is_script and (comment := page.find(b"<!--", at, stop)) != -1:
            is_doubtful = is_doubtful or _SCRIPT.search(page, comment, stop) is not None
        if is_doubtful:
            self._doubt()
            return at
        return stop

    def _follow_head(self, tag: Tag) -> None:
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

    def _follow_foreign(self, tag: Tag) -> None:
        flags = tag.flags
        if tag.closing:
            if flags & names.MATH:
                self.num_open_math = max(0, self.num_open_math - 1)
            elif flags & names.FOREIGN:
                self.num_open_svg = max(0, self.num_open_svg - 1)
            if flags & (names.FOREIGN | names.INTEGRATION):
                self.in_integration = False
        elif self.in_integration:
            self._doubt()
        elif not tag.self_closing:
            self.num_open_math += bool(flags & names.MATH)
            self.num_open_svg += bool(flags & names.FOREIGN and not flags & names.MATH)
            self.in_integration = bool(flags & names.INTEGRATION)

    def _count(self, tag: Tag) -> None:
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
        self.num_attributes += tag.num_formulas
        if flags & names.IMAGE:
            self.num_images += is_formula_image(tag)
        if flags & names.SCRIPT:
            self.num_scripts += is_formula_script(tag)

    def _cut(self, start: int, stop: int) -> None:
        self.kept.append(self.page[self.copied : start])
        self.copied = stop

    def _doubt(self) -> None:
        """From here on the parser may see another structure: count all tags, cut nothing."""
        self.certain = self.head = False
        self.num_open_svg = self.num_open_math = 0
        self.whole = None
