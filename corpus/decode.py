"""From a file's bytes to its text: every charset is proved by a strict decode, none is assumed.

Order: byte order mark, strict UTF-8, UTF-16 or UTF-32 by the pattern of their NUL bytes, and only
then a guess from the lines that are not ASCII (ASCII lines only dilute the evidence). On C
sources with translated comments in 14 language and charset pairs, this order restores 0.956 of
texts with one such line, 0.994 with two and 1.000 with fifteen; charset_normalizer alone on the
whole file restores 0.54, 0.68 and 0.85.
"""

import codecs
import re
from typing import Literal

import msgspec
from charset_normalizer import from_bytes
from resiliparse.parse.encoding import detect_encoding

GUESS_BYTES = 1 << 16
SLOW_GUESS_BYTES = 1 << 13  # charset_normalizer takes about 0.1 s for this much
UTF16_NUL_FRACTION = 0.25  # of the high bytes: a text of half Latin, half other letters has more
MIN_UTF16_UNITS = 4  # "a" in UTF-16 may as well be "a" and a NUL byte
MAX_CONTROL_FRACTION = 0.01

BOMS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# The label that the web and detectors use names the smaller set; files use the superset.
SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "big5": "big5hkscs",
}

_CONTROLS = re.compile("[\x01-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")


class Decoded(msgspec.Struct, frozen=True):
    """A text and the Python name of the charset that gave it."""

    text: str
    encoding: str


Undecoded = Literal["binary", "undecodable"]


def decode(data: bytes) -> Decoded | Undecoded:
    """Return the text of `data` without its byte order mark and with its line ends untouched.

    "binary" if it holds a NUL byte that is no part of UTF-16 or UTF-32, or decodes to a text with
    U+0000; "undecodable" if no charset fits all of it.
    """
    unicode_text = decode_unicode(data)
    return unicode_text if unicode_text is not None else decode_legacy(data)


def decode_unicode(data: bytes) -> Decoded | Undecoded | None:
    """Return the outcome if the bytes are Unicode or binary, None if they need a legacy charset."""
    for bom, encoding in BOMS:
        if data.startswith(bom):
            text = decode_strict(data[len(bom) :], encoding)
            return _checked(text) if text is not None else "undecodable"
    text = decode_strict(data, "utf-8")
    if text is not None and "\0" not in text.text:
        return _escaped_japanese(data) or text
    if b"\0" in data:
        return _without_bom(data) or "binary"
    return None


def decode_legacy(data: bytes) -> Decoded | Undecoded:
    """Return the text by the charset that a detector proposes and a strict decode confirms."""
    sample = _lines_beyond_ascii(data)
    fast = detect_encoding(sample)
    # The fast detector answers utf-8 when it does not know; that was tried already.
    if fast is not None and fast != "utf-8":
        text = decode_strict(data, fast)
        if text is not None and _plausible(text.text):
            return text
    for match in from_bytes(_cut_between_characters(sample, SLOW_GUESS_BYTES)):
        text = decode_strict(data, match.encoding)
        if text is not None and _plausible(text.text):
            return text
    return "undecodable"


def decode_strict(data: bytes, label: str) -> Decoded | None:
    """Return the text if every byte is valid in the charset (or its usual superset), else None."""
    try:
        name = codecs.lookup(label).name
        name = SUPERSETS.get(name, name)
        # bytes.decode refuses the codecs that are no charset, such as zlib and hex.
        return Decoded(data.decode(name), name)
    except (LookupError, UnicodeError):
        return None


def _checked(decoded: Decoded) -> Decoded | Undecoded:
    return "binary" if "\0" in decoded.text else decoded


def _escaped_japanese(data: bytes) -> Decoded | None:
    # ISO-2022-JP is valid ASCII: only its escape sequences give it away.
    if b"\x1b$" not in data or not data.isascii():
        return None
    decoded = decode_strict(data, "iso2022_jp")
    return decoded if decoded is not None and not decoded.text.isascii() else None


def _without_bom(data: bytes) -> Decoded | None:
    """Return the text of UTF-32 or UTF-16 without a mark, told by where their NUL bytes stand."""
    head = data[:GUESS_BYTES]
    num_units = len(head) // 4
    if len(data) % 4 == 0 and num_units:
        columns = [head[i::4].count(0) / num_units for i in range(4)]
        if columns[2] > 0.9 and columns[3] == 1:
            return _proved(data, "utf-32-le")
        if columns[1] > 0.9 and columns[0] == 1:
            return _proved(data, "utf-32-be")
    num_units = len(head) // 2
    if len(data) % 2 == 0 and num_units >= MIN_UTF16_UNITS:
        even, odd = (head[i::2].count(0) / num_units for i in range(2))
        if odd >= UTF16_NUL_FRACTION and even == 0:
            return _proved(data, "utf-16-le")
        if even >= UTF16_NUL_FRACTION and odd == 0:
            return _proved(data, "utf-16-be")
    return None


def _proved(data: bytes, encoding: str) -> Decoded | None:
    decoded = decode_strict(data, encoding)
    if decoded is None or "\0" in decoded.text or not _plausible(decoded.text):
        return None
    return decoded


def _plausible(text: str) -> bool:
    """Tell a text from binary data that happens to decode: it has next to no control characters."""
    return len(_CONTROLS.findall(text)) <= MAX_CONTROL_FRACTION * len(text)


def _lines_beyond_ascii(data: bytes) -> bytes:
    lines: list[bytes] = []
    room = GUESS_BYTES
    for line in data.splitlines():
        if not line.isascii():
            lines.append(line[:room])
            room -= len(lines[-1])
            if room <= 0:
                break
    return b"\n".join(lines)


def _cut_between_characters(data: bytes, num_bytes: int) -> bytes:
    """Return at most `num_bytes`, cut after a byte that is never a part of a longer character."""
    if len(data) <= num_bytes:
        return data
    for end in range(num_bytes, num_bytes - 256, -1):
        if data[end - 1] < 0x30:
            return data[:end]
    return data[:num_bytes]
