"""Units: what is held out or trained on as a whole, a repository, a site or a lone document.

A unit has a name that neither its shard nor its content changes, and the name's seeded hash says
on which side it is. So new documents move no old unit, and issues follow their repository.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from ..corpus.ids import digest_parts, seeded_hash
from ..corpus.urls import WEB_SCHEMES, parse_url
from ..filters.recall.domains import registered_domain

HASH_BITS: Final = 64

_ISSUE = re.compile(r"([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)#[0-9]+")  # as crawls name an issue's thread
_FORGES: Final = ("github.com", "www.github.com")
_MAX_CACHED: Final = 1 << 16


class Place(NamedTuple):
    """What of a document names its unit, as the columns of `read` have it."""

    kind: str
    source: str
    collection: str
    path: str
    origin_file: str


def unit_name(place: Place) -> tuple[str, ...]:
    """Return the name of a document's unit: what it is, then who it is.

    GitHub's names have no case. A page of a repository on GitHub belongs to the repository.
    """
    if place.kind == "file":
        return ("repository", place.collection.casefold())
    found = _ISSUE.fullmatch(place.path)
    # A document without an id is named by its file and row, which looks the same.
    if found and place.kind == "document" and not place.origin_file.endswith(found[1]):
        return ("repository", found[1].casefold())
    return _web_name(place.path) or ("document", place.source, place.collection, place.path)


def _web_name(url: str) -> tuple[str, ...] | None:
    if not url.lower().startswith(("http://", "https://")):
        return None
    parts = parse_url(url)
    if parts.scheme not in WEB_SCHEMES or not parts.host:
        return None
    segments = parts.path.split("/")[1:3]
    if parts.host in _FORGES and len(segments) == 2 and all(segments):
        return ("repository", "/".join(segments).removesuffix(".git").casefold())
    return ("site", _site(parts.host.rstrip(".")))


@lru_cache(maxsize=_MAX_CACHED)
def _site(host: str) -> str:
    return registered_domain(host)


def unit_hashes(places: Iterable[Place], *, seed: int) -> list[int]:
    """Return 64 bits for each document that depend on the seed and its unit's name alone."""
    known: dict[tuple[str, ...], int] = {}
    found = []
    for place in places:
        name = unit_name(place)
        if name not in known:
            known[name] = seeded_hash("held-out", seed, digest_parts("unit", name))
        found.append(known[name])
    return found


def hash_limit(fraction: float) -> int:
    """Return the hash below which a unit may be held out."""
    return int(fraction * (1 << HASH_BITS))
