"""What a Range header asks of a file, as S3 reads it."""

import re

import msgspec

_ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Span(msgspec.Struct, frozen=True):
    """The bytes from `start` to before `end`."""

    start: int
    end: int


class NoSuchRangeError(Exception):
    """The range holds no byte of the file."""


def parse_range(header: str | None, num_bytes: int) -> Span | None:
    """Return the span of a single range, None where the whole file is to be sent.

    Several ranges at once, other units and nonsense are answered with the whole file.

    Raises:
        NoSuchRangeError: no byte of it exists.
    """
    found = _ONE_RANGE.fullmatch(header.replace(" ", "")) if header else None
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        span = Span(max(0, num_bytes - int(last)), num_bytes)
    else:
        if last and int(last) < int(first):
            return None
        span = Span(int(first), min(num_bytes, int(last) + 1) if last else num_bytes)
    if span.start >= span.end:
        raise NoSuchRangeError
    return span
