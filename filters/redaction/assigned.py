"""Keys and passwords that tell by the name they are assigned to, in code and configuration.

    api_key = "..."   "client_secret": "..."   DB_PASSWORD=...   <add key="Password" value="..."/>

The value has to look like a secret: not a word, a name of a variable, a reference or an example.
"""

import re
from collections.abc import Iterator

from ..linear import LinearMatch, linear_pattern
from .entropy import entropy, looks_random
from .kinds import Finding

_LOGIN_NAMES = r"passw(?:or)?d|passphrase|passwd|pwd|_pass|pass_"
_KEY_NAMES = (
    r"secret|token|api[._-]?key|access[._-]?key|account[._-]?key|private[._-]?key|auth[._-]?key"
    r"|signing[._-]?key|encryption[._-]?key|service[._-]?key|app[._-]?key|credential|api[._-]?auth"
)
_WORDS = rf"(?i:{_LOGIN_NAMES}|{_KEY_NAMES})"
_NAME = rf"(?i:({_LOGIN_NAMES}|{_KEY_NAMES})[A-Za-z0-9_.-]*)"
_STRING = (  # a backslash and what it escapes stand together
    r"(?:\"((?:[!#-\[\]-~]|\\[!-~])+)\"|'((?:[!-&(-\[\]-~]|\\[!-~])+)'"
    r"|`((?:[!-\[\]-_a-~]|\\[!-~])+)`)"
)
_QUOTED = _NAME + r"[\"'\]]{0,2}[ \t]*(?::?={1,3}>?|:|,|=>)[ \t]*[A-Za-z@]{0,2}" + _STRING
_ATTRIBUTE = _NAME + r"[\"'][ \t]+value=" + _STRING
_BARE = (
    r"^[ \t]*(?:export[ \t]+|set[ \t]+|-D|-[ \t]+)?[A-Za-z0-9_.-]*"
    + _NAME
    + r"[ \t]*[=:][ \t]*([!#-&(-_a-~]+)[ \t]*\r?$"
)
_PATTERNS = (_QUOTED, _ATTRIBUTE, _BARE)  # the name is group 1, the value the next that took part
_ANY = "|".join(f"(?:{pattern})" for pattern in _PATTERNS)

MIN_KEY_CHARS = 16
MIN_PASSWORD_CHARS = 8
MAX_CHARS = 512
_IS_LOGIN = re.compile(_LOGIN_NAMES.encode(), re.IGNORECASE)
_KEY_VALUE = re.compile(rb"[A-Za-z0-9+/=_.~:-]+")
_REFERENCE = re.compile(
    rb"[$%@&]?[{(\[<].*|.*[})\]>;]|\$.*|%\w*%?|.*\$\{.*|.*\{\{.*|.*[(\[].*"
    rb"|[A-Za-z_][\w-]*(?:(?:\.|::|->)[A-Za-z_][\w-]*)+\(?\)?"  # a.b.c
    rb"|[\w./-]+\.(?:json|txt|py|js|ts|xml|yml|yaml|html|csv|conf|cfg|md|pem|key|crt|png|jpg)"
    rb"|(?:scram-|hmac-|pbkdf2[-_:]?)?(?:sha|md|aes|rsa|ecdsa|bcrypt|argon)[-_]?[0-9a-z]{0,3}"
    rb"(?:[-_][0-9a-z]{1,8}){0,4}"
    rb"|(?:https?|file|jdbc|arn|urn|secret|env|vault|refs?)[:/].*|(?:\.{0,2}/|~/)[\w./-]*"
)
_EXAMPLE = re.compile(
    rb"example|sample|dummy|changeme|change[_-]me|replace|your|placeholder|insert|redacted|hidden"
    rb"|fake|todo|xxxx|\*\*\*|\.\.\.|1234|<.*>|undefined|null|none|password|passwd|secret|token",
    re.IGNORECASE,
)
_QUOTE = re.compile(rb"[\"'`]")
_PUBLIC = (b"public", b"publickey", b"public_", b"public-", b"public_key_")
_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def find_assigned(data: bytes) -> Iterator[Finding]:
    """Yield the values that names of secrets are given in a text's UTF-8, in bytes."""
    if not linear_pattern(_WORDS).search(data) or not linear_pattern(_ANY).search(data):
        return
    for pattern in _PATTERNS:
        for match in linear_pattern(pattern, groups=True).finditer(data):
            (name_start, name_stop), (start, stop) = match.span(1), _value(match, pattern)
            if _IS_LOGIN.fullmatch(data, name_start, name_stop):
                if _is_password(data[start:stop]):
                    yield Finding("assigned_password", start, stop)
            elif _is_key(data[start:stop]) and not data[
                max(name_start - 12, 0) : name_start
            ].lower().endswith(_PUBLIC):
                yield Finding("assigned_key", start, stop)


def _value(match: LinearMatch, pattern: str) -> tuple[int, int]:
    spans = (match.span(number) for number in range(2, 3 if pattern == _BARE else 5))
    return next(span for span in spans if span[0] >= 0)


def _is_key(value: bytes) -> bool:
    return (
        MIN_KEY_CHARS <= len(value) <= MAX_CHARS
        and _KEY_VALUE.fullmatch(value) is not None
        and not _REFERENCE.fullmatch(value)
        and not _EXAMPLE.search(value)
        and (looks_random(value) or _UUID.fullmatch(value) is not None)
    )


def _is_password(value: bytes) -> bool:
    """Return whether a value mixes letters with digits or signs as a password does."""
    if not MIN_PASSWORD_CHARS <= len(value) <= MAX_CHARS:
        return False
    if _REFERENCE.fullmatch(value) or _EXAMPLE.search(value):
        return False
    if len(_QUOTE.findall(value)) > 1:  # strings joined by code
        return False
    has_letter = re.search(rb"[A-Za-z]", value) is not None
    has_digit = re.search(rb"[0-9]", value) is not None
    signs = re.search(rb"[^A-Za-z0-9_./\\:,=<>-]", value) is not None
    return has_letter and (has_digit or signs) and entropy(value) >= 2.5
