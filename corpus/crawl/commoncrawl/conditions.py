"""An index query as SQL over rows, and as bounds that tell row groups apart without reading them.

The table is sorted by SURT, in which hosts are reversed. So of all columns `url_host_name_reversed`
has the narrowest bounds, and a domain or host falls into one or two row groups of a part.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec
import pyarrow.parquet as pq

from .selection import IndexQuery
from .where import check_where

Parameter = str | list[str] | list[int]


class Condition(msgspec.Struct, frozen=True):
    """A boolean SQL expression, its parameters, and the columns that it reads."""

    sql: str
    parameters: dict[str, Parameter]
    columns: frozenset[str]


class Bound(msgspec.Struct, frozen=True):
    """A column's value lies within one of the spans (both ends included) in every wanted row."""

    column: str
    spans: tuple[tuple[str, str] | tuple[int, int], ...]


def condition_of(query: IndexQuery) -> Condition:
    """Return the expression that holds for exactly the wanted rows."""
    parts: list[str] = []
    parameters: dict[str, Parameter] = {}
    columns: set[str] = set()

    def add(sql: str, column: str, name: str, value: Parameter) -> str:
        parameters[name] = value
        columns.add(column)
        return sql

    places = []
    if query.domains:
        sql = "url_host_registered_domain IN (SELECT unnest($domains))"
        places.append(add(sql, "url_host_registered_domain", "domains", list(query.domains)))
    if query.hosts:
        sql = "url_host_name IN (SELECT unnest($hosts))"
        places.append(add(sql, "url_host_name", "hosts", list(query.hosts)))
    if places:
        parts.append(f"coalesce({' OR '.join(places)}, false)")
    if query.mime_types:
        sql = "list_contains($mime_types, content_mime_detected)"
        parts.append(add(sql, "content_mime_detected", "mime_types", list(query.mime_types)))
    if query.languages:
        sql = "list_has_any(string_split(content_languages, ','), $languages)"
        parts.append(add(sql, "content_languages", "languages", list(query.languages)))
    if query.statuses:
        sql = "list_contains($statuses, fetch_status::INTEGER)"
        parts.append(add(sql, "fetch_status", "statuses", list(query.statuses)))
    if query.url_prefixes:
        starts = [
            add(f"starts_with(url, $prefix_{number})", "url", f"prefix_{number}", prefix)
            for number, prefix in enumerate(query.url_prefixes)
        ]
        parts.append(f"({' OR '.join(starts)})")
    if query.url_regex is not None:
        parts.append(add("regexp_matches(url, $url_regex)", "url", "url_regex", query.url_regex))
    if not query.keep_truncated:
        parts.append("content_truncated IS NULL")
        columns.add("content_truncated")
    if query.where is not None:
        columns |= check_where(query.where, where="where")
        parts.append(f"({query.where}\n)")
    return Condition(" AND ".join(parts) or "true", parameters, frozenset(columns))


def bounds_of(query: IndexQuery) -> tuple[Bound, ...]:
    """Return what every wanted row has in common, as far as it is known without reading rows."""
    bounds = []
    if query.domains or query.hosts:
        spans = [_below(_reversed(domain)) for domain in query.domains]
        spans += [(_reversed(host), _reversed(host)) for host in query.hosts if not _is_ip(host)]
        if not any(map(_is_ip, query.hosts)):
            bounds.append(Bound("url_host_name_reversed", tuple(spans)))
    prefix_hosts = [urlsplit(prefix).hostname or "" for prefix in query.url_prefixes]
    if prefix_hosts and not any(map(_is_ip, prefix_hosts)):
        names = map(_reversed, prefix_hosts)
        bounds.append(Bound("url_host_name_reversed", tuple((name, name) for name in names)))
    if query.statuses:
        bounds.append(Bound("fetch_status", tuple((one, one) for one in query.statuses)))
    if query.mime_types:
        bounds.append(Bound("content_mime_detected", tuple((m, m) for m in query.mime_types)))
    return tuple(bounds)


def wanted_row_groups(metadata: pq.FileMetaData, bounds: tuple[Bound, ...]) -> Iterator[int]:
    """Yield the row groups that may hold a wanted row, by the file's own statistics."""
    positions = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}
    known = [(positions[bound.column], bound) for bound in bounds if bound.column in positions]
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        if all(_may_hold(group.column(column), bound) for column, bound in known):
            yield index


def _may_hold(chunk: pq.ColumnChunkMetaData, bound: Bound) -> bool:
    statistics = chunk.statistics
    if statistics is None or not statistics.has_min_max:
        # Without bounds, unless it is known that all values are null, anything may be in it.
        return not (statistics and statistics.null_count == chunk.num_values)
    low, high = statistics.min, statistics.max
    return any(first <= high and last >= low for first, last in bound.spans)


def _reversed(host: str) -> str:
    return ".".join(reversed(host.split(".")))


def _below(name: str) -> tuple[str, str]:
    """Return the span of a reversed domain and its hosts, and of few others."""
    return name, name + "/"  # `/` is the character after the dot


def _is_ip(host: str) -> bool:
    return host.replace(".", "").isdecimal() or ":" in host
