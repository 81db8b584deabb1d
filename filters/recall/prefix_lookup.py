"""Finds the decision about a page: that of the deepest prefix which holds it."""

from collections.abc import Iterable
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .prefixes import Scope, directories

Value = TypeVar("Value")
NONE = -1


class PrefixLookup(Generic[Value]):
    """Values by host, prefix and scope."""

    def __init__(self, entries: Iterable[tuple[str, str, Scope, Value]]) -> None:
        self._hosts: dict[str, dict[tuple[str, Scope], Value]] = {}
        for host, prefix, scope, value in entries:
            self._hosts.setdefault(host, {})[prefix, scope] = value

    def __contains__(self, host: str) -> bool:
        return host in self._hosts

    def find(self, host: str, path: str, *, has_query: bool = False) -> Value | None:
        """Return the value of the deepest prefix that holds the page, None where none does."""
        if host not in self._hosts:
            return None
        directory = "/" + "".join(directories(path, has_query=has_query))
        own = self._hosts[host].get((directory, "page"))
        return self.find_prefix(host, directory) if own is None else own

    def find_prefix(self, host: str, directory: str) -> Value | None:
        """Return the value of the deepest prefix that holds all below a directory, itself too."""
        known = self._hosts.get(host, {})
        while directory:
            value = known.get((directory, "prefix"))
            if value is not None:
                return value
            parent, slash, _ = directory[:-1].rpartition("/")
            directory = parent + slash
        return None


def find_column(lookup: PrefixLookup[int], pages: pa.Table) -> npt.NDArray[np.int64]:
    """Return the value of each page of a table (host, path, has_query), NONE where there is none.

    Pages of hosts without an entry cost a dictionary look-up a host, not a page.
    """
    found = np.full(len(pages), NONE, dtype=np.int64)
    hosts = pages["host"].combine_chunks().dictionary_encode()
    is_known = np.array([host in lookup for host in hosts.dictionary.to_pylist()], np.bool_)
    codes = np.asarray(hosts.indices.fill_null(len(is_known)))
    rows = np.flatnonzero(np.append(is_known, [False])[codes])
    chosen = pages.select(["host", "path", "has_query"]).take(pa.array(rows)).to_pydict()
    for row, host, path, has_query in zip(rows, *chosen.values(), strict=True):
        value = lookup.find(host, path, has_query=has_query)
        if value is not None:
            found[row] = value
    return found
