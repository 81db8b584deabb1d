"""Content-only signals: what the rules decide on, measured once, column by column.

Nothing here knows a threshold. A text that is null (unreadable) has null signals; an empty text
has no lines, and its means and fractions are 0.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from selectolax.lexbor import LexborHTMLParser

from .characters import CharacterCounts, count_characters, count_characters_slow
from .hygiene import HYGIENE, hygiene_columns, hygiene_slow
from .licence import HEADER_CHARS, header_licence
from .ranges import SIGNAL_RANGES, SignalRange

__all__ = [
    "SIGNALS",
    "SIGNAL_RANGES",
    "SignalRange",
    "measure",
    "measure_slow",
    "visible_text",
]

SIGNALS = pa.schema(
    [
        ("num_chars", pa.int64()),  # code points
        ("num_bytes_utf8", pa.int64()),
        ("num_lines", pa.int64()),
        ("mean_line_length", pa.float64()),  # code points without line ends
        ("max_line_length", pa.int64()),
        ("alphabetic_fraction", pa.float64()),  # of num_chars, line ends included
        ("alphanumeric_fraction", pa.float64()),
        ("xml_declaration", pa.bool_()),  # "<?xml version=" within the first 100 characters
        ("visible_text_chars", pa.int64()),  # null unless the language is HTML
        ("visible_text_fraction", pa.float64()),
        ("header_licence", pa.string()),  # null when the file's head names none
        *HYGIENE,
    ]
)

XML_DECLARATION = "<?xml version="
XML_HEAD_CHARS = 100

_NODE_END = "\0"  # no text node holds one: the parser replaces it
_HTML_SPACE = " \t\n\f\r"


def measure(
    texts: pa.ChunkedArray,
    languages: pa.ChunkedArray,
    kinds: pa.ChunkedArray,
    paths: pa.ChunkedArray,
) -> pa.Table:
    """Return the signals of every text, row for row, in the columns of SIGNALS.

    Args:
        texts: large strings; null where the text could not be read.
        languages: names of the language table, or null.
        kinds: file, page or document; only files have a header licence.
        paths: the full path of a file; not looked at for other kinds.
    """
    first = 0
    tables = []
    for chunk in texts.chunks:
        window = (first, len(chunk))
        tables.append(
            _measure_chunk(
                chunk,
                languages.slice(*window).to_pylist(),
                kinds.slice(*window).to_pylist(),
                paths.slice(*window).to_pylist(),
            )
        )
        first += len(chunk)
    return pa.concat_tables([SIGNALS.empty_table(), *tables])


def measure_slow(
    text: str | None, *, language: str | None, kind: str, path: str
) -> dict[str, object]:
    """Return one row of `measure` in plain Python: the exact twin that it is tested against."""
    if text is None:
        return dict.fromkeys(SIGNALS.names)
    counts = count_characters_slow(text)
    num_chars, num_alphabetic, num_alphanumeric, num_lines, line_chars, longest = counts
    visible = len(visible_text(text)) if language == "HTML" else None
    mean_line_length = line_chars / num_lines if num_lines else 0.0
    file_path = path if kind == "file" else None
    return {
        "num_chars": num_chars,
        "num_bytes_utf8": len(text.encode("utf-8")),
        "num_lines": num_lines,
        "mean_line_length": mean_line_length,
        "max_line_length": longest,
        "alphabetic_fraction": num_alphabetic / num_chars if num_chars else 0.0,
        "alphanumeric_fraction": num_alphanumeric / num_chars if num_chars else 0.0,
        "xml_declaration": XML_DECLARATION in text[:XML_HEAD_CHARS],
        "visible_text_chars": visible,
        "visible_text_fraction": None if visible is None else visible / max(num_chars, 1),
        "header_licence": header_licence(text[:HEADER_CHARS]) if kind == "file" else None,
        **hygiene_slow(text, file_path, mean_line_length=mean_line_length),
    }


def visible_text(html: str) -> str:
    """Return the text nodes of an HTML page outside script and style, joined by nothing.

    StarCoder's filter takes BeautifulSoup's `get_text()` after removing the same two elements.
    So does this, and as there a node of white space alone (the indentation between tags) becomes
    one line feed or one space, while white space beside other text stays. Different is that this
    parser follows the HTML standard, which drops white space before <head> and <body>, and that
    <pre> is no exception: on 400 real pages the rule's verdict was the same every time. Nested
    block elements cost the square of their depth.
    """
    tree = LexborHTMLParser(html)
    for node in tree.css("script, style"):
        node.decompose()
    root = tree.root
    if root is None:
        return ""
    texts = root.text(deep=True, separator=_NODE_END, strip=False).split(_NODE_END)
    return "".join(
        text if text.strip(_HTML_SPACE) else ("\n" if "\n" in text else text[:1]) for text in texts
    )


def _measure_chunk(
    texts: pa.LargeStringArray,
    languages: Sequence[str | None],
    kinds: Sequence[str],
    paths: Sequence[str],
) -> pa.Table:
    missing = np.asarray(pc.is_null(texts))
    counts = count_characters(texts)
    visible = [
        len(visible_text(texts[i].as_py())) if language == "HTML" and not missing[i] else None
        for i, language in enumerate(languages)
    ]
    heads = pc.utf8_slice_codeunits(texts, 0, HEADER_CHARS).to_pylist()
    headers = [
        header_licence(head) if head is not None and kind == "file" else None
        for head, kind in zip(heads, kinds, strict=True)
    ]
    visible_chars = pa.array(visible, pa.int64())
    counted = _counted(counts, missing)
    file_paths = [path if kind == "file" else None for path, kind in zip(paths, kinds, strict=True)]
    columns = {
        **counted,
        **hygiene_columns(
            texts,
            file_paths,
            num_chars=counts.num_chars,
            mean_line_lengths=counted["mean_line_length"],
        ),
        "num_bytes_utf8": pc.binary_length(texts),
        "xml_declaration": pc.match_substring(
            pc.utf8_slice_codeunits(texts, 0, XML_HEAD_CHARS), XML_DECLARATION
        ),
        "visible_text_chars": visible_chars,
        "visible_text_fraction": pc.divide(
            visible_chars.cast(pa.float64()), pa.array(np.maximum(counts.num_chars, 1))
        ),
        "header_licence": pa.array(headers, pa.string()),
    }
    return pa.table({name: columns[name] for name in SIGNALS.names}).cast(SIGNALS)


def _counted(counts: CharacterCounts, missing: npt.NDArray[np.bool_]) -> dict[str, pa.Array]:
    num_lines = np.maximum(counts.num_lines, 1)
    num_chars = np.maximum(counts.num_chars, 1)
    values = {
        "num_chars": counts.num_chars,
        "num_lines": counts.num_lines,
        "mean_line_length": counts.line_chars / num_lines,
        "max_line_length": counts.max_line_length,
        "alphabetic_fraction": counts.num_alphabetic / num_chars,
        "alphanumeric_fraction": counts.num_alphanumeric / num_chars,
    }
    return {name: pa.array(column, mask=missing) for name, column in values.items()}
