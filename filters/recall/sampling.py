"""Samples that depend on ids and a seed alone: by hash, with host caps and quotas of languages.

The same pages give the same sample whatever their order, and a page that joins the pool moves only
pages behind it in the order of hashes.
"""

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...corpus.ids import ID_BYTES, seeded_hash

Keys = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]
Labels = npt.NDArray[np.str_]

_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)  # the finaliser of SplitMix64
_SECOND: Final = np.uint64(0x94D049BB133111EB)


class SampleSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many pages a sample has, and how many of them one host may give."""

    size: int
    host_pages: int = 5_000
    host_share: float = 0.25  # of the size


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a sample in the order of their hashes, and why others are not in it.

    A page is over the size too where enough of its language are in the sample.
    """

    rows: Rows
    num_over_host_cap: int
    num_over_size: int
    missing: dict[str, int]  # pages by language that were asked for and are not there


def sample_keys(ids: pa.ChunkedArray, *, seed: int, purpose: str) -> Keys:
    """Return a pseudo-random number for each 16-byte id, which orders pages for one purpose."""
    assert ids.type == pa.binary(ID_BYTES), "an id is a digest"
    assert not ids.null_count, "every page has an id"
    salt = np.uint64(seeded_hash("recall sample", seed, purpose.encode()))
    parts = [
        np.frombuffer(chunk.buffers()[1], dtype="<u8")[2 * chunk.offset :][: 2 * len(chunk) : 2]
        for chunk in ids.chunks
        if len(chunk)
    ]
    return mix64((np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)) ^ salt)


def mix64(values: Keys) -> Keys:
    """Return each number with all of its bits mixed into all; a bijection."""
    mixed = (values ^ values >> np.uint64(30)) * _FIRST
    mixed = (mixed ^ mixed >> np.uint64(27)) * _SECOND
    return mixed ^ mixed >> np.uint64(31)


def draw_positives(
    keys: Keys,
    hosts: Labels,
    languages: Labels,
    pool_shares: dict[str, float],
    settings: SampleSettings,
) -> Sample:
    """Return a sample of seed pages with a floor for every language.

    A language gets its share of the pool first, as far as its pages go; the order of hashes fills
    the rest. Without the floor an English seed trains a model that calls Chinese no topic at all.

    Args:
        pool_shares: the share of each language among all pages.
    """
    kept = _within_host_cap(keys, hosts, settings)
    quotas = {language: int(settings.size * share) for language, share in pool_shares.items()}
    is_floor = _within_quotas(languages[kept], quotas)
    chosen = np.concatenate([kept[is_floor], kept[~is_floor]])[: settings.size]
    return Sample(
        rows=chosen[np.argsort(keys[chosen], kind="stable")],
        num_over_host_cap=len(keys) - len(kept),
        num_over_size=len(kept) - len(chosen),
        missing=_missing(languages[kept], quotas),
    )


class Candidates(msgspec.Struct, frozen=True, kw_only=True):
    """Which pages may serve as negatives, and why others may not; the first reason counts."""

    is_candidate: npt.NDArray[np.bool_]
    num_in_seed: int
    num_accepted: int
    num_marked: int
    num_likely_positive: int


def negative_candidates(
    is_seed: npt.NDArray[np.bool_],
    is_accepted: npt.NDArray[np.bool_],
    is_marked: npt.NDArray[np.bool_],
    scores: npt.NDArray[np.float32] | None,
    *,
    likely_positive: float = 0.9,
) -> Candidates:
    """Return the pages that negatives may be drawn from.

    Args:
        is_accepted: pages under prefixes that were accepted.
        is_marked: pages whose markup shows the topic, such as three formulas, found or not.
        scores: of the iteration before, None in the first one. A page that scores high and is in
            no seed is more likely a positive not found yet.
    """
    is_likely = np.zeros_like(is_seed) if scores is None else scores > likely_positive
    is_left, counts = np.ones_like(is_seed), []
    for reason in (is_seed, is_accepted, is_marked, is_likely):
        counts.append(int((is_left & reason).sum()))
        is_left = is_left & ~reason
    return Candidates(
        is_candidate=is_left,
        num_in_seed=counts[0],
        num_accepted=counts[1],
        num_marked=counts[2],
        num_likely_positive=counts[3],
    )


def draw_negatives(
    keys: Keys,
    hosts: Labels,
    languages: Labels,
    wanted: dict[str, int],
    settings: SampleSettings,
) -> Sample:
    """Return a sample with as many pages of each language as are wanted of it.

    Matched by language, a model cannot tell the topic by the language its seeds are in.

    Args:
        wanted: pages by language, such as those of the positives times a ratio; their sum is held
            to the size by cutting in the order of hashes.
    """
    kept = _within_host_cap(keys, hosts, settings)
    chosen = kept[_within_quotas(languages[kept], wanted)][: settings.size]
    return Sample(
        rows=chosen,
        num_over_host_cap=len(keys) - len(kept),
        num_over_size=len(kept) - len(chosen),
        missing=_missing(languages[kept], wanted),
    )


def host_cap(settings: SampleSettings) -> int:
    """Return how many pages of one host a sample may have."""
    return max(1, min(settings.host_pages, int(settings.host_share * settings.size)))


def _within_host_cap(keys: Keys, hosts: Labels, settings: SampleSettings) -> Rows:
    """Return rows in the order of their hashes, as many of a host as are allowed."""
    order = np.argsort(keys, kind="stable")
    kept: Rows = order[_rank_in(hosts[order]) < host_cap(settings)]
    return kept


def _within_quotas(languages: Labels, quotas: dict[str, int]) -> npt.NDArray[np.bool_]:
    """Return which rows are among the first ones of their language, as many as its quota."""
    limits = np.array([quotas.get(str(one), 0) for one in languages], dtype=np.int64)
    within: npt.NDArray[np.bool_] = _rank_in(languages) < limits
    return within


def _missing(languages: Labels, quotas: dict[str, int]) -> dict[str, int]:
    """Return how many pages each language lacks."""
    names, counts = np.unique(languages, return_counts=True)
    there = dict(zip(names.tolist(), counts.tolist(), strict=True))
    short = {one: quota - there.get(one, 0) for one, quota in sorted(quotas.items())}
    return {one: num for one, num in short.items() if num > 0}


def _rank_in(groups: Labels) -> Rows:
    """Return for each row how many earlier rows have the same value."""
    _, codes = np.unique(groups, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    sorted_codes = codes[order]
    opens = np.append([True], sorted_codes[1:] != sorted_codes[:-1])[: len(order)]
    starts = np.maximum.accumulate(np.where(opens, np.arange(len(order)), 0))
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order)) - starts
    return ranks
