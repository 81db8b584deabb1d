"""Files of repositories as a recall loop sees pages: the repository is the host of a file.

The URL of a file is its collection, a slash and its path, each percent-encoded as RFC 3986 wants a
path: no tab, blank, line end, `%`, `?` or `#` stands in it, so lines of tab-separated files hold
it, and no part of it looks like a query. Its directories are the prefixes that are decided.
"""

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, unquote

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.errors import GristmillError
from .prefix_lookup import NONE, PrefixLookup, find_column
from .seeds import said_lines

_SAFE: Final = "/:@!$&'()*+,;=-._~"


def file_url(collection: str, path: str) -> str:
    """Return how the loop calls a file of a repository."""
    return f"{quote(collection, safe=_SAFE)}/{quote(path, safe=_SAFE)}"


def spelled_url(text: str) -> str:
    """Return a file's URL as `file_url` spells it, from one that escapes more or less."""
    return quote(unquote(text), safe=_SAFE)


def file_places(collections: pa.ChunkedArray, paths: pa.ChunkedArray) -> pa.Table:
    """Return url, host, path and has_query of files, as pages have them.

    The host is the repository; the path begins with a slash, and no file has a query.
    """
    hosts = [quote(one, safe=_SAFE) for one in collections.to_pylist()]
    places = [f"/{quote(one, safe=_SAFE)}" for one in paths.to_pylist()]
    columns = {
        "url": [host + place for host, place in zip(hosts, places, strict=True)],
        "host": hosts,
        "path": places,
    }
    table = pa.table({name: pa.array(one, pa.string()) for name, one in columns.items()})
    return table.append_column("has_query", pa.array(np.zeros(len(hosts), np.bool_)))


def parse_places(text: str, where: str) -> tuple[str, ...]:
    """Return the owners, repositories, directories and files that a file of seeds names, sorted.

    A line is `owner`, `owner/name`, or either with the path of a directory or file behind it.

    Raises:
        GristmillError: a line names nothing of the kind.
    """
    found = set()
    for number, line in said_lines(text):
        place = spelled_url(line).rstrip("/")
        if "://" in line or "" in place.split("/"):
            raise GristmillError(
                f"`{line}` names no repository",
                where=f"{where}:{number}",
                todo="Write owner, owner/name, or a directory of it such as owner/name/docs/.",
            )
        found.add(place)
    return tuple(sorted(found))


def place_column(places: Iterable[str], files: pa.Table) -> npt.NDArray[np.bool_]:
    """Return which files of a table (url, host, path, has_query) lie at or below the places."""
    named = frozenset(places)
    hosts = pc.unique(files["host"]).to_pylist()
    below = [host for host in hosts if not named.isdisjoint(_heads(host))]
    found = np.asarray(pc.is_in(files["host"], value_set=pa.array(below, pa.string())))
    found = found | np.asarray(
        pc.is_in(files["url"], value_set=pa.array(sorted(named), pa.string()))
    )
    known = frozenset(hosts)
    directories = PrefixLookup[int](
        (host, f"{place[len(host) :]}/", "prefix", 0)
        for place in named
        for host in known.intersection(_heads(place))
        if host != place
    )
    is_named: npt.NDArray[np.bool_] = found | (find_column(directories, files) != NONE)
    return is_named


def _heads(place: str) -> list[str]:
    """Return a place and all that it lies below."""
    parts = place.split("/")
    return ["/".join(parts[:i]) for i in range(1, len(parts) + 1)]
