"""From a file's bytes to its text: every charset is proved by a strict decode, none is assumed.

Order: byte order mark, strict UTF-8, UTF-16 or UTF-32 by the pattern of their NUL bytes, and only
then chardetng's guess from the lines that are not ASCII (ASCII lines only dilute the evidence).
bench/encodings.py measures what that restores. chardetng knows no charset of DOS or the Mac; these
are tried where its answer puts capitals and signs inside words.
"""

import codecs
import re
from typing import Literal

import msgspec
from chardetng_py import EncodingDetector
from resiliparse.parse.encoding import detect_encoding

GUESS_BYTES = 1 << 16
UTF16_NUL_FRACTION = 0.25  # of the high bytes: a text of half Latin, half other letters has more
MIN_UTF16_UNITS = 4  # "a" in UTF-16 may as well be "a" and a NUL byte
MAX_OTHER_NUL_FRACTION = 0.2  # of these: U+3000 and U+4E00 are common in Japanese
MAX_CONTROL_FRACTION = 0.01
MAX_MISPLACED_FRACTION = 0.25
MIN_MIXED_LINES = 3

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
    "iso8859-11": "cp874",
    "big5": "big5hkscs",
}
# What chardetng calls the text of these old machines, and they, the most common first.
WEB_LATIN = frozenset(("windows-1250", "windows-1252", "windows-1254"))
OLD_MACHINES = ("cp850", "mac_roman", "cp852", "mac_latin2")
# Where the first is too strict: with the circled digits and half-width letters that the web allows.
WIDER = {"euc_jp": "euc_jis_2004", "iso2022_jp": "iso2022_jp_ext"}

_CONTROLS = re.compile("[\x01-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")
_CONTROL_BYTES = bytes((*range(1, 9), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20), 0x7F))
_GUILLEMETS = re.compile(rb"(?<![\w\x80-\xff])\xab([^\xab\xbb\n]*)\xbb(?![\w\x80-\xff])")
_HUNGARIAN = re.compile(rb"[\xd5\xdb\xf5\xfb]")  # double acute letters; in western Europe tildes
# What DOS and Mac letters become in windows-125x: capitals and signs between small letters. Where
# a small letter may stand beside them: soft hyphen, middle dot, dashes and apostrophes.
_HIGH_BYTES = bytes(range(0x80, 0x100))
_SIGNS = {
    character
    for charset in (*OLD_MACHINES, "cp1250", "cp1252", "cp1254")
    for character in _HIGH_BYTES.decode(charset, "ignore")
    if not character.islower() and character not in "\xa0\xad\xb7\u2013\u2014\u2018\u2019"
}
_MISPLACED = re.compile(f"[{re.escape(''.join(sorted(_SIGNS)))}](?<=[a-z].)(?=[a-z])")


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
    has_nul = b"\0" in data  # one byte is looked for many times faster than two, or in a text
    if text is not None and not has_nul:
        return _escaped_japanese(data) or text
    if has_nul:
        return _without_bom(data) or "binary"
    return None


def decode_legacy(data: bytes) -> Decoded | Undecoded:
    """Return the text by the charset that a detector proposes and a strict decode confirms."""
    lines = _lines_beyond_ascii(data)
    num_controls = len(data) - len(data.translate(None, _CONTROL_BYTES))
    if num_controls > MAX_CONTROL_FRACTION * len(data) or _mostly_utf8(lines):
        return "undecodable"
    sample = b"\n".join(lines)
    guess = _guess(sample)
    decoded = decode_strict(data, guess)
    if decoded is not None and _plausible(sample.decode(decoded.encoding, "ignore")):
        return decoded
    rivals = [decode_strict(data, label) for label in OLD_MACHINES if guess in WEB_LATIN]
    likely = []
    for rival in rivals:
        text = "" if rival is None else sample.decode(rival.encoding, "ignore")
        if rival is not None and _plausible(text):
            likely.append((_num_misplaced(text), rival))
    return min(likely, key=lambda pair: pair[0])[1] if likely else "undecodable"


def decode_strict(data: bytes, label: str) -> Decoded | None:
    """Return the text if every byte is valid in the charset (or its usual superset), else None."""
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return None
    name = SUPERSETS.get(name, name)
    for charset in (name, WIDER.get(name)):
        try:
            # bytes.decode refuses the codecs that are no charset, such as zlib and hex.
            return Decoded(data.decode(charset), charset) if charset is not None else None
        except (LookupError, UnicodeError):
            continue
    return None


def _guess(sample: bytes) -> str:
    """Return chardetng's answer, mended where it was measured to be wrong."""
    label = _chardetng(sample)
    if label in ("ISO-8859-2", "ISO-8859-4"):  # these have letters in the place of guillemets
        label = _chardetng(_GUILLEMETS.sub(rb"\1", sample))
    if label == "ISO-8859-4":  # hardly used, and taken for one accented letter of Dutch
        baltic = detect_encoding(sample) in ("iso8859-13", "cp1257")
        return "windows-1257" if baltic else "windows-1252"
    if label == "windows-1252" and _HUNGARIAN.search(sample):
        other = detect_encoding(sample)
        return other if other in ("iso8859-2", "cp1250") else label
    return label


def _chardetng(sample: bytes) -> str:
    detector = EncodingDetector()
    detector.feed(sample, last=len(sample) < GUESS_BYTES)
    label = str(detector.guess(tld=None, allow_utf8=False))
    return label.removesuffix("-I")  # logical order: the one of the Web's names that Python lacks


def _checked(decoded: Decoded) -> Decoded | Undecoded:
    return "binary" if "\0" in decoded.text else decoded


def _escaped_japanese(data: bytes) -> Decoded | None:
    # ISO-2022-JP is valid ASCII: only its escape sequences give it away.
    if b"\x1b" not in data or b"\x1b$" not in data or not data.isascii():
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
        if odd >= UTF16_NUL_FRACTION and even <= MAX_OTHER_NUL_FRACTION * odd:
            return _proved(data, "utf-16-le")
        if even >= UTF16_NUL_FRACTION and odd <= MAX_OTHER_NUL_FRACTION * even:
            return _proved(data, "utf-16-be")
    return None


def _proved(data: bytes, encoding: str) -> Decoded | None:
    decoded = decode_strict(data, encoding)
    if decoded is None or "\0" in decoded.text or not _plausible(decoded.text):
        return None
    return decoded


def _plausible(text: str) -> bool:
    """Tell a text from binary data, or from another charset's text, that happens to decode."""
    if len(_CONTROLS.findall(text)) > MAX_CONTROL_FRACTION * len(text):
        return False
    num_misplaced = _num_misplaced(text)
    if not num_misplaced:
        return True
    num_beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    return num_misplaced <= MAX_MISPLACED_FRACTION * num_beyond_ascii


def _num_misplaced(text: str) -> int:
    return len(_MISPLACED.findall(text))


def _lines_beyond_ascii(data: bytes) -> list[bytes]:
    """Return the first lines that are not ASCII, GUESS_BYTES in all with an end each."""
    lines: list[bytes] = []
    room = GUESS_BYTES
    for line in data.splitlines():
        if not line.isascii():
            lines.append(line[:room])
            room -= len(lines[-1]) + 1
            if room <= 0:
                break
    return lines


def _mostly_utf8(lines: list[bytes]) -> bool:
    """Tell whether some lines of UTF-8 among others would be spoilt by any one charset."""
    num_utf8 = sum(decode_strict(line, "utf-8") is not None for line in lines)
    return len(lines) >= MIN_MIXED_LINES and 2 * num_utf8 > len(lines)
