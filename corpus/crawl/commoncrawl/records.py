"""Checks that fetched bytes are one whole gzip member that holds the record that was asked for.

Common Crawl stores payloads decoded, and its WARC-Payload-Digest is the SHA-1 of the HTTP body as
it is stored, in base 32. So a record is checked without knowing any content encoding.
"""

import msgspec

from .digests import bare_digest, digest_verdict
from .inflate import DAMAGE, start_inflater
from .outcome import Checked, Expected, Outcome

MAX_HEAD_BYTES = 1 << 16
MAX_DETAIL_CHARS = 200
DOCUMENT_KINDS = frozenset(("response", "resource", "conversion", "revisit"))
ANY_RECORD = Expected()


class RecordSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which records are wanted, and how large one may be.

    Attributes:
        kinds: the WARC-Types that are kept; the rest is `not_selected`.
        max_record_bytes: the limit of an unpacked record. Common Crawl cuts payloads at 1 MiB
            until 2025 and at 5 MiB since, so 64 MiB is met by a bomb only.
        max_member_bytes: the limit of a record as it lies, packed.
    """

    kinds: frozenset[str] = DOCUMENT_KINDS
    max_record_bytes: int = 64 << 20
    max_member_bytes: int = 64 << 20


def check_member(
    data: bytes | memoryview, settings: RecordSettings, expected: Expected = ANY_RECORD
) -> Checked:
    """Tell what the bytes of a ranged read are.

    Args:
        data: exactly the range that the index names.
        expected: what the index says of the record.
    """
    if len(data) > settings.max_member_bytes:
        return Checked(outcome="too_large", detail=f"{len(data)} bytes packed")
    inflater = start_inflater()
    try:
        plain = inflater.decompress(data, settings.max_record_bytes + 1)
    except DAMAGE as error:
        return Checked(outcome="corrupt_gzip", detail=str(error))
    if len(plain) > settings.max_record_bytes:
        return Checked(outcome="too_large", detail=f"over {settings.max_record_bytes} bytes")
    if not inflater.eof:
        return Checked(outcome="cut_short", detail=f"the member is not over at {len(data)} bytes")
    if num_unused := len(inflater.unused_data):
        return Checked(outcome="not_one_member", detail=f"{num_unused} bytes follow the member")
    return check_record(plain, settings, expected)


def check_record(
    plain: bytes, settings: RecordSettings, expected: Expected = ANY_RECORD
) -> Checked:
    """Tell what an unpacked record is."""
    head_end = plain.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES)
    if not plain.startswith(b"WARC/") or head_end < 0:
        return _checked("malformed", "no WARC record is there", {}, plain)
    headers = _read_headers(plain[:head_end])
    start = head_end + 4
    length = headers.get("content-length", "")
    if not length.isdecimal():
        return _checked("malformed", "it has no valid Content-Length", headers, plain)
    num_bytes = len(plain) - start
    if num_bytes < int(length):
        return _checked("malformed", f"{num_bytes} of {length} bytes are there", headers, plain)
    end = start + int(length)
    if plain[end:].strip(b"\r\n"):
        return _checked("malformed", "other bytes follow its block", headers, plain)
    return _check_sound(plain, headers, start, end, settings, expected)


def _check_sound(
    plain: bytes,
    headers: dict[str, str],
    start: int,
    end: int,
    settings: RecordSettings,
    expected: Expected,
) -> Checked:
    kind = headers.get("warc-type", "").lower()
    url = target_uri(headers)
    if expected.url is not None and url != expected.url:
        return _checked("wrong_record", f"it is of {url or 'no URL'}", headers, plain)
    if kind not in settings.kinds:
        return _checked("not_selected", kind or "no WARC-Type", headers, plain)
    if kind == "revisit":
        # Its payload digest is that of the earlier capture, whose bytes are not here.
        return _checked("revisit", headers.get("warc-profile", ""), headers, plain)
    payload_digest = headers.get("warc-payload-digest", "")
    if expected.digest is not None and bare_digest(payload_digest) != expected.digest.upper():
        detail = f"the index has {expected.digest}, the record {payload_digest or 'none'}"
        return _checked("wrong_record", detail, headers, plain)
    verdict = _verify(plain, headers, start, end)
    if verdict == "other":
        return _checked("digest_mismatch", "its bytes have another digest", headers, plain)
    return _checked("ok", "", headers, plain, is_verified=verdict == "same")


def _verify(plain: bytes, headers: dict[str, str], start: int, end: int) -> str:
    """Compare the payload's digest; that of the block only where there is no other."""
    view = memoryview(plain)
    verdict = "unknown"
    if payload_digest := headers.get("warc-payload-digest"):
        body = start
        if headers.get("content-type", "").startswith("application/http"):
            http_end = plain.find(b"\r\n\r\n", start, end)
            body = end if http_end < 0 else http_end + 4
        verdict = digest_verdict(payload_digest, view[body:end])
    if verdict == "unknown" and (block_digest := headers.get("warc-block-digest")):
        verdict = digest_verdict(block_digest, view[start:end])
    return verdict


def target_uri(headers: dict[str, str]) -> str:
    """Return WARC-Target-URI, without the angle brackets that some writers put around it."""
    return headers.get("warc-target-uri", "").strip("<>")


def _read_headers(head: bytes) -> dict[str, str]:
    """Return the WARC headers by lower-cased name; the first of a name counts."""
    headers: dict[str, str] = {}
    for line in head.decode("utf-8", "backslashreplace").split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return headers


def _checked(
    outcome: Outcome,
    detail: str,
    headers: dict[str, str],
    plain: bytes,
    *,
    is_verified: bool = False,
) -> Checked:
    return Checked(
        outcome=outcome,
        detail=detail[:MAX_DETAIL_CHARS],
        kind=headers.get("warc-type", "").lower(),
        url=target_uri(headers),
        record_id=headers.get("warc-record-id", "").strip("<>"),
        date=headers.get("warc-date", ""),
        digest=bare_digest(headers.get("warc-payload-digest", "")),
        truncated=headers.get("warc-truncated"),
        is_verified=is_verified,
        num_plain_bytes=len(plain),
    )
