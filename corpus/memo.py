"""Remembers the digest of what has not changed, so that a second build does not read it again."""

from collections.abc import Callable

import msgspec

from . import storage
from .errors import GristmillError


class DigestMemo:
    """Digests by URL, each valid for one stamp (see `storage.stamp`)."""

    def __init__(self, entries: dict[str, tuple[str, str]] | None = None) -> None:
        self._entries = dict(entries or {})

    @classmethod
    def load(cls, url: str) -> "DigestMemo":
        """Return the memo that `save` wrote, an empty one if there is none."""
        if not storage.exists(url):
            return cls()
        try:
            entries = msgspec.json.decode(storage.read_bytes(url), type=dict[str, tuple[str, str]])
        except msgspec.DecodeError as error:
            raise GristmillError(
                f"the memo of digests is damaged: {error}",
                where=url,
                todo="Delete the file; the next build hashes the input again.",
            ) from error
        return cls(entries)

    def save(self, url: str) -> None:
        """Write the memo, whole or not at all."""
        storage.write_bytes(url, msgspec.json.encode(dict(sorted(self._entries.items()))))

    def digest(self, url: str, stamp: str, compute: Callable[[], str]) -> str:
        """Return the digest of `url`, computed only if its stamp is a new one."""
        known = self._entries.get(url)
        if known is not None and known[0] == stamp:
            return known[1]
        digest = compute()
        self._entries[url] = (stamp, digest)
        return digest
