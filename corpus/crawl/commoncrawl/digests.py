"""Compares a WARC digest header, such as `sha1:3I42H3S6...`, with bytes."""

import base64
import binascii
import hashlib
from typing import Literal

ALGORITHMS = frozenset(("md5", "sha1", "sha256", "sha512"))


def digest_verdict(header: str, data: bytes | memoryview) -> Literal["same", "other", "unknown"]:
    """Compare a labelled digest with the digest of `data`; `unknown` if it cannot be read."""
    label, colon, value = header.partition(":")
    algorithm = label.strip().lower().replace("-", "")
    if not colon or algorithm not in ALGORITHMS:
        return "unknown"
    digest = hashlib.new(algorithm, data, usedforsecurity=False)
    wanted = _decode(value.strip(), digest.digest_size)
    if wanted is None:
        return "unknown"
    return "same" if wanted == digest.digest() else "other"


def bare_digest(header: str) -> str:
    """Return a digest header's value without its label, as the index has it."""
    return header.rpartition(":")[2].strip().upper()


def _decode(value: str, num_bytes: int) -> bytes | None:
    """Return the digest that is written in base 16, 32 or 64, told apart by its length."""
    try:
        if len(value) == 2 * num_bytes:
            return bytes.fromhex(value)
        data = value.rstrip("=").upper()
        decoded = base64.b32decode(data + "=" * (-len(data) % 8))
    except (ValueError, binascii.Error):
        return None
    return decoded if len(decoded) == num_bytes else None
