"""What a fetched record turned out to be."""

from typing import Literal

import msgspec

Outcome = Literal[
    "ok",
    "revisit",
    "not_selected",
    "cut_short",
    "corrupt_gzip",
    "not_one_member",
    "malformed",
    "wrong_record",
    "digest_mismatch",
    "too_large",
    "opted_out",
]

# A second fetch may give other bytes; every other outcome is final.
MAY_BE_TRANSFER: frozenset[Outcome] = frozenset(
    ("cut_short", "corrupt_gzip", "not_one_member", "malformed", "wrong_record", "digest_mismatch")
)


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What the index says of a record; None where it says nothing.

    Attributes:
        url: the record's target URI.
        digest: the SHA-1 of its payload in base 32, without a label.
    """

    url: str | None = None
    digest: str | None = None


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """One record's outcome, and what its WARC headers say.

    Attributes:
        detail: what is wrong, empty for a sound record.
        kind: WARC-Type in lower case, empty if there are no headers.
        truncated: the reason in WARC-Truncated for which the crawler stored only a part.
        is_verified: whether a digest was there and held.
        num_plain_bytes: the unpacked length, 0 if it is not known.
    """

    outcome: Outcome
    detail: str = ""
    kind: str = ""
    url: str = ""
    record_id: str = ""
    date: str = ""
    digest: str = ""
    truncated: str | None = None
    is_verified: bool = False
    num_plain_bytes: int = 0
