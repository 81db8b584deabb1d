"""What people have written for a target: sites, labelled pages, an audit set and decisions."""

from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.errors import GristmillError
from ...corpus.ids import digest_parts
from ...corpus.storage import escape_glob, join, list_files, read_bytes
from ...dedup.urls import normalize_url
from ...filters.recall.decisions import Decision, parse_decisions
from ...filters.recall.domains import suffix_list_digest
from ...filters.recall.files import parse_places, place_column, spelled_url
from ...filters.recall.sampling import Rows
from ...filters.recall.seeds import (
    PageLabel,
    SeedSites,
    join_sites,
    parse_labels,
    parse_sites,
    seed_column,
)
from ..recall_settings import RecallTarget
from .pool import Pages

Mask = npt.NDArray[np.bool_]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a target, read."""

    sites: SeedSites
    places: tuple[str, ...]  # in a pool of files, what stands in place of sites
    labels: dict[str, PageLabel]  # by normal URL
    audit: dict[str, PageLabel]
    decisions: list[Decision]
    has_files: bool  # the pool is of repositories, not of pages

    def key(self, target: RecallTarget) -> str:
        """Return the digest of what models depend on beside the pool: not decisions, not audit."""
        parts: tuple[object, ...] = (
            self.sites,
            sorted(self.labels.items()),
            target.words.digest(),
            target.train_words,
            target.train,
            target.draw,
            target.evidence,
            target.least_characters,
            target.near,
            suffix_list_digest(),
        )
        if self.has_files:
            rule = (target.seeds_rule, target.described) if target.seeds_rule is not None else ()
            parts = (*parts, self.places, rule)
        return digest_parts("recall model", (msgspec.json.encode(parts),)).hex()

    def names_places(self, table: pa.Table) -> Mask:
        """Return which rows of url, host and path lie where people named seeds."""
        if self.has_files:
            return place_column(self.places, table)
        return seed_column(self.sites, table)


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What people have said of the pages of a pool, row for row."""

    is_seed: Mask  # of a site, or labelled yes
    is_negative: Mask  # labelled no
    audit_rows: Rows
    audit: list[PageLabel]
    num_labels_missing: int  # labelled pages that are not in the pool
    num_audit_missing: int

    def is_audited(self) -> Mask:
        """Return which pages are never trained on."""
        mask = np.zeros(len(self.is_seed), dtype=np.bool_)
        mask[self.audit_rows] = True
        return mask


def read_asked(target: RecallTarget, base: str, *, has_files: bool = False) -> Asked:
    """Read the files that a target names.

    Args:
        has_files: the target's pool is of repositories, so its seeds are places in them.

    Raises:
        GristmillError: one is missing or holds what it may not.
    """
    seeds = _texts(target.seeds, base)
    sites = [] if has_files else [parse_sites(text, where) for where, text in seeds]
    places = [parse_places(text, where) for where, text in seeds] if has_files else []
    spelled = spelled_url if has_files else normalize_url
    labels = _labels(target.pages, base, spelled)
    audit = _labels((target.audit,) if target.audit else (), base, spelled)
    decisions: list[Decision] = []
    for where, text in _texts((target.decisions,) if target.decisions else (), base):
        decisions += [one for one in parse_decisions(text, where) if one.target == target.name]
    return Asked(
        sites=join_sites(sites),
        places=tuple(sorted({one for part in places for one in part})),
        labels=labels,
        audit=audit,
        decisions=decisions,
        has_files=has_files,
    )


def _labels(
    patterns: tuple[str, ...], base: str, spelled: Callable[[str], str]
) -> dict[str, PageLabel]:
    return {
        spelled(url): label
        for where, text in _texts(patterns, base)
        for url, label in parse_labels(text, where).items()
    }


def _texts(patterns: tuple[str, ...], base: str) -> list[tuple[str, str]]:
    found = []
    for pattern in patterns:
        urls = list_files(join(escape_glob(base), pattern))
        if not urls:
            raise GristmillError(
                "there is no such file", where=join(base, pattern), todo="Mend the recipe."
            )
        found += [(url, read_bytes(url).decode("utf-8")) for url in urls]
    return found


def apply_asked(
    asked: Asked, pages: Pages, copies: pa.Table, described: Mask | None = None
) -> Known:
    """Return what the files say of the pages of a pool; an audited page is no seed.

    Args:
        copies: COPY of the pages that gave way to a longer one, sorted by URL. What is said of
            them holds for that one, or their texts would be negatives; its own labels go first.
        described: further seeds, which a rule names.
    """
    rows = pc.index_in(copies["keeper"], value_set=pages.table["doc_id"].combine_chunks())
    copies, kept = copies.filter(pc.is_valid(rows)), pc.drop_null(rows).to_numpy()
    label_rows, labels, labels_missing = _find(asked.labels, pages, copies, kept)
    audit_rows, audit, audit_missing = _find(asked.audit, pages, copies, kept)
    is_seed = asked.names_places(pages.table)
    is_seed[kept[asked.names_places(copies)]] = True
    if described is not None:
        is_seed |= described
    is_negative = np.zeros(len(pages), dtype=np.bool_)
    says_yes = np.array([label.is_positive for label in labels], dtype=np.bool_)
    is_seed[label_rows] = says_yes
    is_negative[label_rows] = ~says_yes
    is_seed[audit_rows] = False
    is_negative[audit_rows] = False
    return Known(
        is_seed=is_seed,
        is_negative=is_negative,
        audit_rows=audit_rows,
        audit=audit,
        num_labels_missing=labels_missing,
        num_audit_missing=audit_missing,
    )


def _find(
    labels: dict[str, PageLabel], pages: Pages, copies: pa.Table, kept: Rows
) -> tuple[Rows, list[PageLabel], int]:
    """Return the rows of labelled pages, ascending, their labels, and how many are not there."""
    of_copies = _places(labels, copies["url"])
    own = _places(labels, pages.table["url"])
    found: dict[int, PageLabel] = {}
    for place, label in of_copies:
        found.setdefault(int(kept[place]), label)
    found.update(own)
    rows = sorted(found)
    num_missing = len(labels) - len(own) - len(of_copies)
    return np.array(rows, dtype=np.int64), [found[row] for row in rows], num_missing


def _places(labels: dict[str, PageLabel], urls: pa.ChunkedArray) -> list[tuple[int, PageLabel]]:
    wanted = pc.is_in(urls, value_set=pa.array(sorted(labels), urls.type))
    places = np.flatnonzero(np.asarray(wanted))
    return [
        (place, labels[url])
        for place, url in zip(places.tolist(), urls.take(places).to_pylist(), strict=True)
    ]
