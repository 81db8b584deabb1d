"""Keys that tell by their shape whose they are, private keys, and passwords in URLs.

Where a shape alone would match other things, the value has to look random too.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from functools import lru_cache

from ..linear import LinearMatch, linear_pattern
from .entropy import looks_random
from .key_shapes import KEYS
from .kinds import Finding

_NUM_GROUPS = {kind: re.compile(pattern).groups for kind, _, pattern in KEYS}
_ANY_KEY = "|".join(f"(?:{hint})" for _, hint, _ in KEYS)
_JUDGED = {  # the part that has to look random
    "mailchimp_key": slice(32),
    "twilio_key": slice(2, None),
    "telegram_token": slice(7, None),  # some of the number, and the token
    "discord_token": slice(None),
    "artifactory_key": slice(None),
}
_BEFORE_VALUE = b" \t\r\n\f\"'`=:,([{<>"
_AFTER_VALUE = b" \t\r\n\f\"'`\\&:;)]}<>"
_PRIVATE = rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
_PRIVATE_END = rb"-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
_AROUND = tuple(bytes([code]) for code in b" \t\r\n\"',#*")
_ENDS = (b"\\n", b"\\r", b" +", b'"+', b"'+")
_MIN_KEY_CHARS = 64  # of base64 between the two lines; less is a made-up example
MIN_URL_PASSWORD_CHARS = 5
_MAX_KEY_BYTES = 1 << 16
_AFTER_USER = (  # as far as the last @ before the host, which a password may hold unescaped
    r"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s:/@\"'<>{}$()]*:([^\s:/@\"'<>{}$()\[\]]+"
    r"(?:@[^\s:/@\"'<>{}$()\[\]?#&=,;|`\\]*)*)@[A-Za-z0-9\[]"
)
_NO_PASSWORD = re.compile(
    rb"(?:password|passwd|passw|pass|pwd|pw|secret|token|x+|\*+|\.+|%s|%\w+%|user|username|name"
    rb"|your[\w-]*|[0-9]{1,5}[?#].*|[A-Z_]*(?:PASSWORD|PASS|TOKEN|SECRET)[A-Z_]*)",
    re.IGNORECASE,
)


def find_keys(data: bytes) -> Iterator[Finding]:
    """Yield the keys of known issuers in a text's UTF-8, in bytes."""
    hints = {data[slice(*match.span())] for match in linear_pattern(_ANY_KEY).finditer(data)}
    wanted = {index for hint in hints for index in _hinted(hint)}
    for index in sorted(wanted):  # none in most texts
        kind, _, pattern = KEYS[index]
        for match in linear_pattern(pattern, groups=_NUM_GROUPS[kind] > 0).finditer(data):
            start, stop = _value(match, _NUM_GROUPS[kind])
            if kind == "artifactory_key" and not _is_apart(data, start, stop):
                continue
            if _is_key(kind, data[start:stop]):
                yield Finding(kind, start, stop)


@lru_cache(maxsize=4096)
def _hinted(hint: bytes) -> tuple[int, ...]:
    """Return which keys a match of any hint may belong to."""
    return tuple(
        index
        for index, (_, pattern, _) in enumerate(KEYS)
        if re.fullmatch(pattern.replace(r"\b", "").encode(), hint)
    )


def find_private_keys(data: bytes) -> Iterator[Finding]:
    """Yield what stands between the first and the last line of each private key, in bytes."""
    position = 0
    while (found := data.find(b"-----BEGIN ", position)) >= 0:
        position = found + 1
        head = re.compile(_PRIVATE).match(data, found)
        if head is None:
            continue
        tail = re.compile(_PRIVATE_END).search(data, head.end(), head.end() + _MAX_KEY_BYTES)
        stop = tail.start() if tail is not None else _end_of_base64(data, head.end())
        start, stop = _stripped(data, head.end(), stop)
        if len(re.findall(rb"[A-Za-z0-9+/=]", data[start:stop])) >= _MIN_KEY_CHARS:
            yield Finding("private_key", start, stop)
            position = stop


def find_url_passwords(data: bytes) -> Iterator[Finding]:
    """Yield the passwords of URLs such as ftp://user:password@host, in bytes."""
    if b"@" not in data or b"://" not in data:
        return
    for match in linear_pattern(_AFTER_USER, groups=True).finditer(data):
        start, stop = match.span(1)
        long_enough = stop - start >= MIN_URL_PASSWORD_CHARS
        if long_enough and not _NO_PASSWORD.fullmatch(data, start, stop):
            yield Finding("url_password", start, stop)


def _value(match: LinearMatch, num_groups: int) -> tuple[int, int]:
    """Return the bytes of the first group that took part, else of the whole match."""
    spans = (match.span(number) for number in range(1, num_groups + 1))
    return next((span for span in spans if span[0] >= 0), match.span())


def _is_apart(data: bytes, start: int, stop: int) -> bool:
    """Return whether a word is written as a value is, not as a part of a path or of base64."""
    before, after = data[max(start - 1, 0) : start], data[stop : stop + 1]
    return before in _BEFORE_VALUE and after in _AFTER_VALUE  # as is the empty end of a text


def _is_key(kind: str, value: bytes) -> bool:
    if kind == "jwt":
        return _is_jwt(value)
    if kind in _JUDGED:
        return looks_random(value[_JUDGED[kind]])
    return len(set(value[8:])) > 5 and not value.endswith(b"EXAMPLE")  # nobody's: AKIAXXXXXXXX...


def _is_jwt(value: bytes) -> bool:
    head = value.split(b".")[0]
    try:
        decoded = json.loads(base64.urlsafe_b64decode(head.rstrip(b"=") + b"=" * (-len(head) % 4)))
    except (binascii.Error, ValueError):
        return False
    return isinstance(decoded, dict) and ("alg" in decoded or "typ" in decoded)


def _end_of_base64(data: bytes, start: int) -> int:
    """Return where a key without a last line ends: at the first byte that is none of base64."""
    match = re.compile(rb"[A-Za-z0-9+/=\s\\\"']*").match(data, start, start + _MAX_KEY_BYTES)
    return match.end() if match else start


def _stripped(data: bytes, start: int, stop: int) -> tuple[int, int]:
    """Return the span without white space, quotes and escaped line ends at both ends."""
    head = re.compile(rb"(?:\s|\\[nr]|[\"',#*]|\+(?=\s))*").match(data, start, stop)
    first = head.end() if head else start
    last = stop
    while last > first:
        if data[last - 1 : last] in _AROUND:
            last -= 1
        elif data[last - 2 : last] in _ENDS:  # of a line in a string, and of a joined string
            last -= 2
        else:
            break
    return first, last
