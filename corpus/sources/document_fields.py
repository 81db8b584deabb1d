"""What the fields beside a document's text say: its names, language, date and licence."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timezone
from typing import NamedTuple

from .unit import ReadOptions

_LAST_SECOND = 253_402_300_799  # of the year 9999


class DocumentFields(NamedTuple):
    """The values of a document's fields as its file has them; None where there is none."""

    identity: object = None
    url: object = None
    language: object = None
    date: object = None
    licence: object = None

    @property
    def name(self) -> str | None:
        """What names the document: no empty text, no list."""
        for field in (self.identity, self.url):
            if isinstance(field, str | int) and str(field):
                return encodable(str(field))
        return None

    @property
    def language_hint(self) -> str | None:
        """The language as the file spells it."""
        return _text(self.language)

    @property
    def created(self) -> int | None:
        """The date in Unix seconds; None where the field holds no date."""
        return _seconds(self.date)

    @property
    def declared_licence(self) -> str | None:
        """The licence; several hold together."""
        if isinstance(self.licence, Sequence) and not isinstance(self.licence, str | bytes):
            names = filter(None, map(_text, self.licence))
            return " AND ".join(sorted(set(names))) or None
        return _text(self.licence)


def field_names(options: ReadOptions) -> tuple[str, ...]:
    """Return the names of the fields, in the order of DocumentFields; empty: not asked for."""
    return (
        options.id_field,
        options.url_field,
        options.language_field,
        options.date_field,
        options.licence_field,
    )


def encodable(value: str) -> str:
    """Return a text that UTF-8 can hold."""
    return value.encode("utf-8", "backslashreplace").decode()


def _text(value: object) -> str | None:
    return encodable(value) if isinstance(value, str) and value else None


def _seconds(value: object) -> int | None:
    """Return Unix seconds of ISO 8601, a date, a time (UTC unless it says), or Unix seconds."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(re.sub("[Zz]$", "+00:00", value.strip()))
        except ValueError:
            return None
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if isinstance(value, datetime):
        value = int((value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp())
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LAST_SECOND:
        return None
    return value
