"""Whether bytes are text in UTF-8 that needs no second look, without making a text of them."""

import re

from .kernel import markup_kernel

_NUL_OR_ESCAPE = re.compile(b"[\0\x1b]")


def is_plain_utf8(data: bytes) -> bool:
    """Tell whether bytes are valid UTF-8 without NUL and escape characters, by C where built."""
    kernel = markup_kernel()
    return is_plain_utf8_twin(data) if kernel is None else bool(kernel.is_utf8(data))


def is_plain_utf8_twin(data: bytes) -> bool:
    """Tell it in Python."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return _NUL_OR_ESCAPE.search(data) is None
