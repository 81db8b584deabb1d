"""Parses the XML of a sitemap or of a sitemap index piece by piece."""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal
from xml.parsers import expat

SitemapKind = Literal["pages", "index", "text"]
SitemapFault = Literal[
    "too_large", "too_many", "bad_gzip", "bad_xml", "document_type", "no_sitemap", "not_utf8"
]

_ROOTS: Mapping[str, SitemapKind] = {"urlset": "pages", "sitemapindex": "index"}
_ITEMS: Mapping[SitemapKind, str] = {"pages": "url", "index": "sitemap"}
_FIELDS = ("loc", "lastmod")
_ITEM_DEPTH, _FIELD_DEPTH = 2, 3
_SEPARATOR = " "  # between a namespace and a name
# A little more than the longest URL that is kept: a longer one is seen to be longer.
_MAX_FIELD_CHARACTERS = 1 << 14


class StoppedReading(Exception):  # noqa: N818 - it ends the reading; the program is not at fault
    """A sitemap cannot be read further."""

    def __init__(self, fault: SitemapFault, detail: str = "") -> None:
        super().__init__(fault, detail)
        self.fault: SitemapFault = fault
        self.detail = detail


class SitemapXml:
    """Calls `add(location, date)` for every item; `kind` is None until the root is read."""

    def __init__(self, add: Callable[[str, str], None]) -> None:
        self.kind: SitemapKind | None = None
        self._add = add
        self._depth = 0
        self._namespace = ""  # of the root, with the separator; extensions have others
        self._is_item = False
        self._field: str | None = None
        self._texts: dict[str, list[str]] = {}
        self._num_characters = 0

    def read(self, chunks: Iterable[bytes]) -> None:
        """Parse a whole document."""
        parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = _refuse
        try:
            for chunk in chunks:
                parser.Parse(chunk, False)  # noqa: FBT003 - expat's own argument
            parser.Parse(b"", True)  # noqa: FBT003
        except expat.ExpatError as error:
            raise StoppedReading("bad_xml", str(error)) from None
        except (LookupError, UnicodeError, ValueError) as error:
            raise StoppedReading("bad_xml", f"the declared charset: {error}") from None

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        del attributes
        self._depth += 1
        if self._depth == 1:
            namespace, separator, local = name.rpartition(_SEPARATOR)
            self._namespace = namespace + separator
            if local not in _ROOTS:
                raise StoppedReading("no_sitemap", f"its root is <{local}>")
            self.kind = _ROOTS[local]
            return
        local = name.removeprefix(self._namespace)
        if self._depth == _ITEM_DEPTH:
            self._is_item = self.kind is not None and local == _ITEMS[self.kind]
            self._texts = {field: [] for field in _FIELDS}
            self._num_characters = 0
        elif self._depth == _FIELD_DEPTH and self._is_item and local in _FIELDS:
            self._field = local

    def _end(self, name: str) -> None:
        del name
        if self._depth == _FIELD_DEPTH:
            self._field = None
        elif self._depth == _ITEM_DEPTH and self._is_item:
            location, changed = ("".join(self._texts[field]).strip() for field in _FIELDS)
            self._add(location, changed)
        self._depth -= 1

    def _text(self, data: str) -> None:
        if self._field is not None and self._num_characters <= _MAX_FIELD_CHARACTERS:
            self._num_characters += len(data)
            self._texts[self._field].append(data)


def _refuse(*_: object) -> None:
    raise StoppedReading("document_type", "a document type may declare entities")
