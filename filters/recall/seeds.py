"""What a person names: sites and parts of sites that are in topic, and pages with a label each.

A file of sites has a line each: `example.org` is that host and all below it,
`example.org/docs/` the pages below that directory of that host alone. A file of pages has a line
`URL<tab>yes|no[<tab>weight]`. Empty lines and those that begin with # say nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.errors import GristmillError
from .domains import url_parts
from .prefix_lookup import NONE, PrefixLookup, find_column

LABELS: Final[Mapping[str, bool]] = {"yes": True, "no": False}


class SeedSites(msgspec.Struct, frozen=True, kw_only=True):
    """Hosts with all below them, and directories of hosts; both sorted."""

    hosts: tuple[str, ...] = ()
    prefixes: tuple[tuple[str, str], ...] = ()  # host, path that ends in a slash


class PageLabel(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says of a page, and how many pages of a pool it stands for."""

    is_positive: bool
    weight: float = 1.0


def parse_sites(text: str, where: str) -> SeedSites:
    """Return the sites of a file.

    Raises:
        GristmillError: a line names no host.
    """
    hosts: set[str] = set()
    prefixes: set[tuple[str, str]] = set()
    for number, line in said_lines(text):
        url = line if "://" in line else f"https://{line}"
        parts = url_parts(pa.chunked_array([[url]], pa.string())).to_pylist()[0]
        if not parts["host"] or " " in line:
            raise GristmillError(
                f"`{line}` names no site",
                where=f"{where}:{number}",
                todo="Write a host, such as example.org, or a host with a directory behind it.",
            )
        path = f"{parts['path'].rstrip('/')}/"
        if path == "/":
            hosts.add(parts["host"])
        else:
            prefixes.add((parts["host"], path))
    return SeedSites(hosts=tuple(sorted(hosts)), prefixes=tuple(sorted(prefixes)))


def join_sites(parts: Iterable[SeedSites]) -> SeedSites:
    """Return the sites of several files as one."""
    parts = list(parts)
    return SeedSites(
        hosts=tuple(sorted({host for part in parts for host in part.hosts})),
        prefixes=tuple(sorted({one for part in parts for one in part.prefixes})),
    )


def seed_column(sites: SeedSites, pages: pa.Table) -> npt.NDArray[np.bool_]:
    """Return which pages of a table (host, path, has_query) the sites name."""
    named = frozenset(sites.hosts)
    hosts = pc.unique(pages["host"]).to_pylist()
    of_host = pa.array([host for host in hosts if _is_named(host, named)], pages["host"].type)
    is_seed = np.asarray(pc.is_in(pages["host"], value_set=of_host), dtype=np.bool_)
    lookup = PrefixLookup[int]((host, path, "prefix", 0) for host, path in sites.prefixes)
    found: npt.NDArray[np.bool_] = is_seed | (find_column(lookup, pages) != NONE)
    return found


def _is_named(host: str | None, named: frozenset[str]) -> bool:
    """Tell whether a host, or one that it lies below, is among those named."""
    while host:
        if host in named:
            return True
        host = host.partition(".")[2]
    return False


def parse_labels(text: str, where: str) -> dict[str, PageLabel]:
    """Return the labels of a file by its pages' URLs, as they are spelled there.

    Raises:
        GristmillError: a line is no label, or labels a page again.
    """
    found: dict[str, PageLabel] = {}
    for number, line in said_lines(text):
        label = _parse_label(line)
        url = line.partition("\t")[0]
        if label is None or url in found:
            raise GristmillError(
                f"`{line}` " + ("labels a page again" if label else "is no labelled page"),
                where=f"{where}:{number}",
                todo="Write URL<tab>yes or URL<tab>no, each URL once.",
            )
        found[url] = label
    return found


def _parse_label(line: str) -> PageLabel | None:
    _, *fields = line.split("\t")
    if not 1 <= len(fields) <= 2 or fields[0] not in LABELS:
        return None
    try:
        weight = float(fields[1]) if len(fields) == 2 else 1.0
    except ValueError:
        return None
    if not 0 < weight < float("inf"):
        return None
    return PageLabel(is_positive=LABELS[fields[0]], weight=weight)


def said_lines(text: str) -> list[tuple[int, str]]:
    """Return the lines that say something, each with its number from 1."""
    lines = text.removeprefix("\ufeff").splitlines()
    numbered = [(i, line.strip(" \r")) for i, line in enumerate(lines, start=1)]
    return [(i, line) for i, line in numbered if line and not line.startswith("#")]
