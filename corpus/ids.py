"""Identity is content: every id, seed and key is a digest of what it names, never of a position.

Each digest starts with a type tag, so that two different kinds of thing never share an id.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

ID_BYTES = 16


def digest_parts(tag: str, parts: Iterable[bytes | str], *, size: int = ID_BYTES) -> bytes:
    """Return the digest of a tagged sequence; parts carry their length and cannot run together."""
    hasher = blake2b(digest_size=size)
    for part in (tag, *parts):
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        hasher.update(len(data).to_bytes(8, "little"))
        hasher.update(data)
    return hasher.digest()


def bytes_digest(data: bytes) -> bytes:
    """Return the digest of bytes as they were read, with no tag: `b2sum -l 128` prints the same."""
    return blake2b(data, digest_size=ID_BYTES).digest()


def content_id(text: str) -> bytes:
    """Return the 16-byte id of a text: equal texts have equal ids."""
    return digest_parts("content", (text,))


def doc_id(*, source: str, collection: str, path: str, revision: str, content: bytes) -> bytes:
    """Return the id of one document; `content` is its content_id, or b"" if it has no text."""
    return digest_parts("document", (source, collection, path, revision, content))


def origin_id(offset: int | None, revision: str, path: str) -> bytes:
    """Return the id of a record within its file, whatever text is made of it."""
    place = "" if offset is None else str(offset)
    return digest_parts("origin", (place, revision, path))


def sample_id(*, source: str, collection: str, language: str, part: int) -> bytes:
    """Return the id of a repository's training sample; stable while its files change."""
    return digest_parts("sample", (source, collection, language, str(part)))


def seeded_hash(tag: str, seed: int, identity: bytes, *extra: str) -> int:
    """Return 64 pseudo-random bits that depend on the seed and the id alone."""
    parts: Sequence[bytes | str] = (str(seed), identity, *extra)
    return int.from_bytes(digest_parts(tag, parts, size=8), "little")
