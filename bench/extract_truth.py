"""What is on pages whose markup is known: their formulas and lines of code, read by selectors.

Sphinx, GAPDoc, Doxygen and TeX4ht mark formulas by class or delimiter, and all mark code by <pre>.
Nothing here is shared with the extraction that it judges: another parser, other rules.
"""

import html
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from fastwarc import ArchiveIterator, WarcRecordType
from selectolax.lexbor import LexborHTMLParser

_DELIMITED = re.compile(r"\\\((.+?)\\\)|\\\[(.+?)\\\]|\$\$(.+?)\$\$", re.DOTALL)
_OUTPUT = re.compile(
    r"\$\$(.+?)\$\$|(?<![\\$])\$([^$\n]+?(?:\\\$[^$\n]*?)*)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]",
    re.DOTALL,
)
_IMAGES = ("img.math", "img.formulaInl", "img.formulaDsp", r"img[alt^='\\']", "img[alt^='$']")
_NUMBERS = ".linenos, .lineno, .headerlink, .copybtn"
_BLANKS = re.compile(r"\s+|\\displaystyle(?![A-Za-z])|\\textstyle(?![A-Za-z])")


def pages(folder: Path, name: str, *, wanted: bytes, limit: int) -> Iterator[bytes]:
    """Yield the first pages of a WARC that hold some mark of what is asked for."""
    num_pages = 0
    with (folder / name).open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
            if "html" not in (record.http_content_type or ""):
                continue
            if record.http_headers.status_code != 200:
                continue
            payload = record.reader.read()
            if re.search(wanted, payload):
                yield payload
                num_pages += 1
            if num_pages >= limit:
                return


def true_formulas(page: str) -> Counter[str]:
    """Return the formulas of a page by their TeX without blanks."""
    tree = LexborHTMLParser(page)
    found: Counter[str] = Counter()
    # Selectors in one list would give an image once for each that it fits.
    for image in {image.mem_id: image for each in _IMAGES for image in tree.css(each)}.values():
        if alternative := image.attributes.get("alt"):
            found[_bare(alternative)] += 1
    tree.strip_tags(["script", "style", "pre", "code", "tt"])
    body = tree.body
    for match in _DELIMITED.finditer(body.text(deep=True) if body is not None else ""):
        found[normal(next(filter(None, match.groups())))] += 1
    found.pop("", None)
    return found


def output_formulas(text: str) -> Counter[str]:
    """Return the formulas that stand between delimiters in an extractor's output."""
    return Counter(normal(next(filter(None, match.groups()))) for match in _OUTPUT.finditer(text))


def true_code_lines(page: str) -> list[str]:
    """Return the lines of a page's <pre> elements that are not blank."""
    tree = LexborHTMLParser(page)
    for node in tree.css(_NUMBERS):
        node.decompose()
    lines: list[str] = []
    for node in tree.css("pre"):
        lines += node.text(deep=True).replace("\xa0", " ").replace("\u200b", "").splitlines()
    return [line.rstrip() for line in lines if line.strip()]


def normal(tex: str) -> str:
    """Return TeX without what only says how it is laid out."""
    return _BLANKS.sub("", html.unescape(tex))


def _bare(alternative: str) -> str:
    text = alternative.strip()
    for start, end in (("\\[", "\\]"), ("\\(", "\\)"), ("$$", "$$"), ("$", "$")):
        if text.startswith(start) and text.endswith(end) and len(text) > len(start) + len(end):
            return normal(text[len(start) : -len(end)])
    return normal(text)
