"""Ids for repositories that grow with their birth dates, as GitHub's do."""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timezone

_FIRST_DAY = datetime(2007, 10, 20, tzinfo=timezone.utc)
# GitHub gave ids 515,435,940 on 2022-07-19 and 747,887,377 on 2024-01-24; a constant rate keeps
# the order, which is all that a listing by id shows.
_IDS_PER_DAY = 120_000


def repository_ids(born: Iterable[tuple[str, datetime]]) -> dict[str, int]:
    """Return an id for each full name: later births get larger ids, and names break ties."""
    ids: dict[str, int] = {}
    taken: set[int] = set()
    for full_name, created_at in sorted(born):
        day = max(0, (created_at - _FIRST_DAY).days)
        digest = hashlib.blake2b(full_name.lower().encode(), digest_size=8).digest()
        number = 1 + day * _IDS_PER_DAY + int.from_bytes(digest, "big") % _IDS_PER_DAY
        while number in taken:
            number += 1
        taken.add(number)
        ids[full_name] = number
    return ids
