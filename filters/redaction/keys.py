"""Keys that tell by their shape whose they are, private keys, and passwords in URLs.

The shapes are those that the issuers document; where a shape alone would match other things, the
value has to look random too.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from functools import lru_cache

from ..linear import LinearMatch, linear_pattern
from .entropy import looks_random
from .kinds import Finding

# Kind, what any match holds, pattern. The first group that took part is what is redacted, else the
# whole match. What a match holds is short, so that one search for all of them passes most texts.
_KEYS: tuple[tuple[str, str, str], ...] = (
    (
        "aws_access_key",
        r"AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9]",
        r"\b(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}\b",
    ),
    (
        "aws_secret_key",
        r"(?i:aws)",
        r"(?i:aws.{0,20}?(?:key|pwd|pw|password|pass|token).{0,20}?['\"])"
        r"([0-9a-zA-Z/+]{40})['\"]",
    ),
    ("azure_storage_key", r"AccountKey=", r"AccountKey=([a-zA-Z0-9+/=]{86,88})"),
    ("google_api_key", r"AIza", r"\bAIza[0-9A-Za-z_-]{35}"),
    (
        "google_secret",
        r"GOCSPX-|ya29\.",
        r"\b(?:GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_-]{40,})",
    ),
    (
        "github_token",
        r"gh[pousr]_|github_pat_",
        r"\b(?:gh[pousr]_[A-Za-z0-9_]{36,255}|github_pat_[A-Za-z0-9_]{22,255})",
    ),
    (
        "gitlab_token",
        r"gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas)-|GR1348941",
        r"\b(?:gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas)-[A-Za-z0-9_-]{20,70}"
        r"|GR1348941[A-Za-z0-9_-]{20,50})",
    ),
    (
        "slack_token",
        r"(?i:xox[a-z])|xapp-",
        r"(?i:\bxox[a-z](?:\.xox[a-z])?-(?:[0-9]+-)+[a-z0-9-]+|\bxapp-[0-9]-[a-z0-9-]{20,})",
    ),
    (
        "slack_webhook",
        r"hooks\.slack\.com",
        r"hooks\.slack\.com/services/(T[A-Za-z0-9_]+/B[A-Za-z0-9_]+/[A-Za-z0-9_]+)",
    ),
    (
        "stripe_key",
        r"k_live_|k_test_|whsec_",
        r"\b(?:[rs]k_(?:live|test)_[0-9a-zA-Z]{24,}|whsec_[A-Za-z0-9]{32,})",
    ),
    ("square_key", r"sq0(?:csp|atp)-", r"\bsq0(?:csp|atp)-[0-9A-Za-z_-]{22,43}"),
    (
        "openai_key",
        r"T3BlbkFJ",
        r"\bsk-[A-Za-z0-9_-]*[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9_-]{20,}",
    ),
    ("anthropic_key", r"sk-ant-", r"\bsk-ant-[a-z0-9]+-[A-Za-z0-9_-]{80,}"),
    ("hugging_face_token", r"hf_[A-Za-z]", r"\bhf_[A-Za-z]{34}\b"),
    (
        "npm_token",
        r"npm_[A-Za-z0-9]|:_authToken=",
        r"\bnpm_[A-Za-z0-9]{36}\b|:_authToken=[ \t]*([A-Fa-f0-9-]{36})",
    ),
    ("pypi_token", r"pypi-Ag", r"\bpypi-Ag[A-Za-z0-9_-]{70,}"),
    ("rubygems_token", r"rubygems_[0-9a-f]", r"\brubygems_[0-9a-f]{48}\b"),
    ("docker_token", r"dckr_pat_", r"\bdckr_pat_[A-Za-z0-9_-]{27,}"),
    ("sendgrid_key", r"\bSG\.", r"\bSG\.[a-zA-Z0-9_-]{22}\.[a-zA-Z0-9_-]{43}"),
    ("mailchimp_key", r"[0-9a-z]-us[0-9]", r"\b[0-9a-z]{32}-us[0-9]{1,2}\b"),
    ("mailgun_key", r"\bkey-[0-9a-f]", r"\bkey-[0-9a-f]{32}\b"),
    ("twilio_key", r"\b(?:AC|SK)[a-f0-9]{6}", r"\b(?:AC|SK)[a-f0-9]{32}\b"),
    ("telegram_token", r"[0-9]{8}:[0-9A-Za-z_-]{6}", r"\b[0-9]{8,10}:[0-9A-Za-z_-]{35}\b"),
    (
        "discord_token",
        r"\b[MNO][A-Za-z0-9_-]+\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]",
        r"\b[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}",
    ),
    (
        "artifactory_key",
        r"[\s=:\"'](?:AKC[a-zA-Z0-9]|AP[0-9A-F][a-zA-Z0-9])",
        r"(?:^|[\s=:\"'])(AKC[a-zA-Z0-9]{10,}|AP[0-9A-F][a-zA-Z0-9]{8,})(?:[\s\"']|$)",
    ),
    ("digitalocean_token", r"do[opr]_v1_", r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
    ("shopify_token", r"shp(?:at|ca|pa|ss)_", r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b"),
    ("databricks_token", r"dapi[a-f0-9]", r"\bdapi[a-f0-9]{32}\b"),
    ("vault_token", r"\bhv[sb]\.", r"\bhv[sb]\.[A-Za-z0-9_-]{24,}"),
    ("atlassian_token", r"ATATT3", r"\bATATT3[A-Za-z0-9_=-]{50,}"),
    ("postman_key", r"PMAK-", r"\bPMAK-[a-f0-9]{24}-[a-f0-9]{34}\b"),
    ("new_relic_key", r"NRAK-", r"\bNRAK-[A-Z0-9]{27}\b"),
    ("linear_key", r"lin_api_", r"\blin_api_[A-Za-z0-9]{40}\b"),
    ("age_key", r"AGE-SECRET-KEY-1", r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
    ("nuget_key", r"\boy2[a-z0-9]{4}", r"\boy2[a-z0-9]{43}\b"),
    (
        "jwt",
        r"\beyJ",
        r"\beyJ[A-Za-z0-9_=-]{8,}\.[A-Za-z0-9_=-]{4,}(?:\.[A-Za-z0-9_+/=-]*)?",
    ),
)
_HAS_GROUP = {kind: re.compile(pattern).groups > 0 for kind, _, pattern in _KEYS}
_ANY_KEY = "|".join(f"(?:{hint})" for _, hint, _ in _KEYS)
_JUDGED = {  # the part that has to look random
    "mailchimp_key": slice(32),
    "twilio_key": slice(2, None),
    "telegram_token": slice(None),
    "discord_token": slice(None),
    "artifactory_key": slice(None),
}
_PRIVATE = rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
_PRIVATE_END = rb"-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
_AROUND = tuple(bytes([code]) for code in b" \t\r\n\"',#*")
_ENDS = (b"\\n", b"\\r", b" +", b'"+', b"'+")
_MIN_KEY_CHARS = 64  # of base64 between the two lines; less is a made-up example
MIN_URL_PASSWORD_CHARS = 5
_MAX_KEY_BYTES = 1 << 16
_AFTER_USER = (
    r"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s:/@\"'<>{}$()]*:([^\s:/@\"'<>{}$()\[\]]+)@[A-Za-z0-9\[]"
)
_NO_PASSWORD = re.compile(
    rb"(?:password|passwd|passw|pass|pwd|pw|secret|token|x+|\*+|\.+|%s|%\w+%|user|username|name"
    rb"|your[\w-]*|[A-Z_]*(?:PASSWORD|PASS|TOKEN|SECRET)[A-Z_]*)",
    re.IGNORECASE,
)


def find_keys(data: bytes) -> Iterator[Finding]:
    """Yield the keys of known issuers in a text's UTF-8, in bytes."""
    hints = {data[slice(*match.span())] for match in linear_pattern(_ANY_KEY).finditer(data)}
    wanted = {index for hint in hints for index in _hinted(hint)}
    for index in sorted(wanted):  # none in most texts
        kind, _, pattern = _KEYS[index]
        for match in linear_pattern(pattern, groups=_HAS_GROUP[kind]).finditer(data):
            start, stop = _value(match, has_group=_HAS_GROUP[kind])
            if _is_key(kind, data[start:stop]):
                yield Finding(kind, start, stop)


@lru_cache(maxsize=4096)
def _hinted(hint: bytes) -> tuple[int, ...]:
    """Return which keys a match of any hint may belong to."""
    return tuple(
        index
        for index, (_, pattern, _) in enumerate(_KEYS)
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


def _value(match: LinearMatch, *, has_group: bool) -> tuple[int, int]:
    """Return the bytes of the first group where it took part, else of the whole match."""
    span = match.span(1) if has_group else (-1, -1)
    return span if span[0] >= 0 else match.span()


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
