"""Signals of web pages: what their addresses say, and what their texts are made of.

They are measured only where a rule names one of them, and are null for what is no page.
"""

from collections.abc import Iterable
from typing import Final

import msgspec
import pyarrow as pa

from .page_stubs import stub_kind
from .page_text import PageText, measure_page
from .page_urls import is_spam_host, url_role
from .rule import Rule

_TEXT: Final = pa.schema(
    [
        ("prose_chars", pa.int64()),
        *(
            (name, pa.float64())
            for name in PageText.__struct_fields__
            if name.endswith("_fraction")
        ),
    ]
)
PAGE_SIGNALS: Final = pa.schema(
    [
        ("host", pa.string()),
        ("url_role", pa.string()),  # a UrlRole; null where the address says nothing
        ("spam_host", pa.bool_()),
        ("stub", pa.string()),  # a StubKind; null where the page has a content
        *_TEXT,
    ]
)


def names_page_signal(rules: Iterable[Rule]) -> bool:
    """Tell whether some rule asks for one of PAGE_SIGNALS."""
    return any(rule.signal in PAGE_SIGNALS.names and rule.can_fire() for rule in rules)


def page_columns(rows: pa.Table) -> pa.Table:
    """Return PAGE_SIGNALS, row for row.

    Args:
        rows: kind, collection, path and text; what is no page or has no text has no signals.
    """
    names = ("kind", "collection", "path", "text")
    columns = (rows[name].to_pylist() for name in names)
    found = [
        page_signals(host, url, text) if kind == "page" and text is not None else {}
        for kind, host, url, text in zip(*columns, strict=True)
    ]
    return pa.Table.from_pylist(found, schema=PAGE_SIGNALS)


def page_signals(host: str, url: str, text: str) -> dict[str, object]:
    """Return the signals of one page by their names."""
    measured = measure_page(text)
    return {
        "host": host,
        "url_role": url_role(url),
        "spam_host": is_spam_host(host),
        "stub": stub_kind(text, measured),
        **msgspec.structs.asdict(measured),
    }
