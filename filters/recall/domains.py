"""Hosts and registered domains of pages, and which of them are in topic.

The registered domain is one label below the public suffix, by Mozilla's list as the package
publicsuffixlist carries it; its version is part of every key, since the list changes. Sites below a
host of sites (user.github.io) are domains of their own.
"""

from functools import cache
from importlib.metadata import version
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from publicsuffixlist import PublicSuffixList

from .intervals import wilson_interval

_URL: Final = (
    r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?"
    r"(?P<host>\[[^\]/?#]*\]|[^/?#:]*)(?::[0-9]*)?(?P<path>[^?#]*)(?P<query>\??)"
)


class DomainSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a domain is in topic: DeepSeekMath's share, held against the interval's lower bound."""

    share: float = 0.10
    least_pages: int = 8


def suffix_list_digest() -> str:
    """Return what a key needs to know of the list of public suffixes."""
    return f"publicsuffixlist {version('publicsuffixlist')}"


def url_parts(urls: pa.ChunkedArray) -> pa.Table:
    """Return host, path and has_query of normalised URLs; all are null where there is no host.

    The host is in lower case, without `www.`, a final dot and the port; the path begins with a
    slash.
    """
    found = pa.chunked_array(
        [pc.extract_regex(chunk, pattern=_URL) for chunk in urls.chunks],
        type=pa.struct([(name, urls.type) for name in ("host", "path", "query")]),
    )
    host = pc.ascii_lower(pc.struct_field(found, "host"))
    host = pc.replace_substring_regex(host, r"^(?:www\.)+([^.]+\.)", r"\1")
    host = pc.ascii_rtrim(host, ".")
    is_host = pc.fill_null(pc.not_equal(host, ""), False)  # noqa: FBT003
    path = pc.struct_field(found, "path")
    path = pc.if_else(pc.starts_with(path, "/"), path, pc.binary_join_element_wise("/", path, ""))
    has_query = pc.equal(pc.struct_field(found, "query"), "?")
    columns = {"host": host, "path": path, "has_query": has_query}
    return pa.table({name: pc.if_else(is_host, one, None) for name, one in columns.items()})


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def registered_domain(host: str) -> str:
    """Return the part of a host that somebody registered; of an address or a suffix, itself.

    Of a repository (owner/name) it is the owner.
    """
    if "/" in host:
        return host.partition("/")[0]
    if host.startswith("[") or host.replace(".", "").isdigit():
        return host
    return _suffixes().privatesuffix(host) or host


def domain_table(
    hosts: pa.ChunkedArray,
    collected: npt.NDArray[np.bool_],
    num_tokens: npt.NDArray[np.int64],
) -> pa.Table:
    """Return one row a host: domain, pages and tokens, the share that was collected, its interval.

    Pages without a host (null) have no row. Rows are sorted by host; tables of parts of a pool
    merge with `merge_domains`.
    """
    pages = pa.table(
        {
            "host": hosts,
            "num_pages": np.ones(len(hosts), dtype=np.int64),
            "num_collected": collected.astype(np.int64),
            "num_tokens": num_tokens,
            "num_collected_tokens": np.where(collected, num_tokens, 0),
        }
    )
    return _summarise(pages.filter(pc.is_valid(pages["host"])))


def merge_domains(parts: list[pa.Table]) -> pa.Table:
    """Return the table of a pool from those of its parts, in any order."""
    counts = [part.select(["host", *_COUNTS]) for part in parts]
    return _summarise(pa.concat_tables(counts))


_COUNTS: Final = ("num_pages", "num_collected", "num_tokens", "num_collected_tokens")


def _summarise(counts: pa.Table) -> pa.Table:
    sums = counts.group_by("host").aggregate([(name, "sum") for name in _COUNTS])
    sums = sums.rename_columns(["host", *_COUNTS]).sort_by("host")
    domains = [registered_domain(host) for host in sums["host"].to_pylist()]
    collected, pages = (np.asarray(sums[name]) for name in ("num_collected", "num_pages"))
    lower, upper = wilson_interval(collected, pages)
    return pa.table(
        {
            "host": sums["host"],
            "domain": pa.array(domains, sums["host"].type),
            **{name: sums[name] for name in _COUNTS},
            "collected_fraction": collected / np.maximum(pages, 1),
            "lower": lower,
            "upper": upper,
        }
    )


def in_topic(table: pa.Table, settings: DomainSettings) -> pa.Array:
    """Return which rows of a domain table are in topic, as booleans.

    A host counts by its own pages, or by those of its registered domain together, so that a site
    spread over many small hosts is not missed.
    """
    by_host = _is_in_topic(table["num_collected"], table["num_pages"], settings)
    sums = table.group_by("domain").aggregate([("num_collected", "sum"), ("num_pages", "sum")])
    by_domain = _is_in_topic(sums["num_collected_sum"], sums["num_pages_sum"], settings)
    domains = pc.filter(sums["domain"], pa.array(by_domain)).combine_chunks()
    # A host with enough pages of its own answers for itself.
    is_small = np.asarray(table["num_pages"]) < settings.least_pages
    of_domain = np.asarray(pc.is_in(table["domain"], value_set=domains))
    return pa.array(by_host | (is_small & of_domain))


def _is_in_topic(
    collected: pa.ChunkedArray, pages: pa.ChunkedArray, settings: DomainSettings
) -> npt.NDArray[np.bool_]:
    num_pages = np.asarray(pages)
    lower, _ = wilson_interval(np.asarray(collected), num_pages)
    flagged: npt.NDArray[np.bool_] = (lower > settings.share) & (num_pages >= settings.least_pages)
    return flagged
