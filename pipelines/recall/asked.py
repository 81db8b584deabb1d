"""What people have written for a target: sites, labelled pages, an audit set and decisions."""

from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...corpus.errors import GristmillError
from ...corpus.ids import digest_parts
from ...corpus.storage import escape_glob, join, list_files, read_bytes
from ...dedup.urls import normalize_url
from ...filters.recall.decisions import Decision, parse_decisions
from ...filters.recall.domains import suffix_list_digest
from ...filters.recall.files import parse_places, place_column, spelled_url
from ...filters.recall.seeds import (
    PageLabel,
    SeedSites,
    join_sites,
    parse_labels,
    parse_sites,
    seed_column,
)
from ..recall_settings import RecallTarget

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
