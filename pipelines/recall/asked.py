"""What people have written for a target: sites, labelled pages, an audit set and decisions."""

import msgspec

from ...corpus.errors import GristmillError
from ...corpus.ids import digest_parts
from ...corpus.storage import escape_glob, join, list_files, read_bytes
from ...dedup.urls import normalize_url
from ...filters.recall.decisions import Decision, parse_decisions
from ...filters.recall.domains import suffix_list_digest
from ...filters.recall.seeds import (
    PageLabel,
    SeedSites,
    join_sites,
    parse_labels,
    parse_sites,
)
from ..recall_settings import RecallTarget


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a target, read."""

    sites: SeedSites
    labels: dict[str, PageLabel]  # by normal URL
    audit: dict[str, PageLabel]
    decisions: list[Decision]

    def key(self, target: RecallTarget) -> str:
        """Return the digest of what models depend on beside the pool: not decisions, not audit."""
        parts = (
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
        return digest_parts("recall model", (msgspec.json.encode(parts),)).hex()


def read_asked(target: RecallTarget, base: str) -> Asked:
    """Read the files that a target names.

    Raises:
        GristmillError: one is missing or holds what it may not.
    """
    sites = [parse_sites(text, where) for where, text in _texts(target.seeds, base)]
    labels: dict[str, PageLabel] = {}
    for where, text in _texts(target.pages, base):
        labels |= _by_url(parse_labels(text, where))
    audit: dict[str, PageLabel] = {}
    for where, text in _texts((target.audit,) if target.audit else (), base):
        audit |= _by_url(parse_labels(text, where))
    decisions: list[Decision] = []
    for where, text in _texts((target.decisions,) if target.decisions else (), base):
        decisions += [one for one in parse_decisions(text, where) if one.target == target.name]
    return Asked(sites=join_sites(sites), labels=labels, audit=audit, decisions=decisions)


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


def _by_url(labels: dict[str, PageLabel]) -> dict[str, PageLabel]:
    return {normalize_url(url): label for url, label in labels.items()}
