"""Precision and recall from a stratified audit set, by the inverse of each page's chance to be in.

Pages are drawn from strata of score, language and size of host, and are never trained on. Those
below the threshold are drawn too: without them recall cannot be estimated. Intervals come from
drawing hosts again and again, since pages of one host resemble each other.
"""

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from ...corpus.ids import seeded_hash
from .histograms import score_bins
from .sampling import Keys, Labels, Rows, mix64

NUM_REDRAWS: Final = 1000
_MASK_64: Final = (1 << 64) - 1
_STEP: Final = 0x9E3779B97F4A7C15  # of SplitMix64


class AuditSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many pages are audited, and the strata that they are drawn from."""

    size: int = 800
    score_strata: int = 10  # of equally many pages, about
    host_sizes: tuple[int, ...] = (10, 100, 1000)  # pages of a host from which it is larger


class AuditSet(msgspec.Struct, frozen=True, kw_only=True):
    """The rows to be labelled, ascending, and how many pages of the pool each stands for."""

    rows: Rows
    weights: npt.NDArray[np.float64]
    strata: Rows


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A share with the interval that holds 95 % of the redraws."""

    value: float
    lower: float
    upper: float


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """What a collection is worth; a share of nothing is 0."""

    precision: Estimate
    recall: Estimate
    f1: Estimate
    num_pages: int  # audited
    num_positives: int  # audited and in topic


def draw_audit(
    keys: Keys,
    scores: npt.NDArray[np.float32],
    languages: Labels,
    host_pages: Rows,
    settings: AuditSettings,
) -> AuditSet:
    """Return pages to audit: the same number from each stratum, by hash, as far as it has them.

    What small strata leave over goes to the others, so the size is reached where the pool has it.

    Args:
        keys: from `sample_keys`, with a purpose of its own.
        host_pages: how many pages the host of each page has.
    """
    strata = stratify(scores, languages, host_pages, settings)
    sizes = np.bincount(strata, minlength=1)
    takes = stratum_takes(sizes, settings.size)
    order = np.lexsort((keys, strata))
    starts = np.cumsum(sizes) - sizes
    rank = np.arange(len(order)) - starts[strata[order]]
    rows = np.sort(order[rank < takes[strata[order]]])
    of = strata[rows]
    return AuditSet(rows=rows, weights=sizes[of] / np.maximum(takes[of], 1), strata=of)


def stratify(
    scores: npt.NDArray[np.float32], languages: Labels, host_pages: Rows, settings: AuditSettings
) -> Rows:
    """Return the stratum of each page, numbered from 0 without gaps.

    Scores of one bin (see histograms.py) are in one stratum, so that counts of bins suffice.
    """
    bins = score_bins(scores)
    num_less = np.searchsorted(np.sort(bins), bins)
    by_score = num_less * settings.score_strata // max(len(scores), 1)
    by_size = np.digitize(host_pages, settings.host_sizes)
    _, by_language = np.unique(languages, return_inverse=True)
    width = len(settings.host_sizes) + 1
    joined = (by_language * settings.score_strata + by_score) * width + by_size
    strata: Rows = np.unique(joined, return_inverse=True)[1].astype(np.int64)
    return strata


def score_edges(num_pages: Rows, num_strata: int) -> tuple[int, ...]:
    """Return the bin of scores in which each stratum but the first begins.

    Args:
        num_pages: of each of all bins.
    """
    total = max(int(num_pages.sum()), 1)
    strata = (np.cumsum(num_pages) - num_pages) * num_strata // total
    strata[num_pages == 0] = -1  # such a bin begins nothing
    reached = np.maximum.accumulate(strata)
    return tuple(np.searchsorted(reached, np.arange(1, num_strata)).tolist())


def stratum_takes(sizes: Rows, size: int) -> Rows:
    """Return how many pages each stratum gives: equally many, small ones all that they have."""
    takes = np.zeros_like(sizes)
    left = min(size, int(sizes.sum()))
    for done, stratum in enumerate(np.argsort(sizes, kind="stable")):
        # A remainder goes to the larger strata, which come last.
        takes[stratum] = min(int(sizes[stratum]), left // (len(sizes) - done))
        left -= int(takes[stratum])
    return takes


def estimate_quality(
    is_positive: npt.NDArray[np.bool_],
    is_collected: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
    hosts: Labels,
    *,
    seed: int = 0,
) -> Quality:
    """Return precision, recall and F1 of a collection from audited pages."""
    names, owner = np.unique(hosts, return_inverse=True)
    columns = (is_positive & is_collected, is_collected, is_positive)
    width = max(len(names), 1)
    sums = [np.bincount(owner, weights * one, minlength=width) for one in columns]
    by_host = np.stack(sums).astype(np.float64)
    values = _shares_of(by_host.sum(axis=1, keepdims=True))
    redrawn = _shares_of(_redraw(by_host, seed))
    bounds = np.quantile(redrawn, [0.025, 0.975], axis=1)
    precision, recall, f1 = (
        Estimate(value=float(value[0]), lower=float(lower), upper=float(upper))
        for value, lower, upper in zip(values, *bounds, strict=True)
    )
    return Quality(
        precision=precision,
        recall=recall,
        f1=f1,
        num_pages=len(weights),
        num_positives=int(is_positive.sum()),
    )


def _redraw(by_host: npt.NDArray[np.float64], seed: int) -> npt.NDArray[np.float64]:
    """Return the sums of hosts drawn with replacement, [3, NUM_REDRAWS].

    By a counter and a hash: numpy's generators may change from one release to the next.
    """
    num_hosts = by_host.shape[1]
    salt = seeded_hash("recall redraw", seed, b"")
    sums = np.empty((len(by_host), NUM_REDRAWS), dtype=np.float64)
    steps = np.arange(num_hosts, dtype=np.uint64) * np.uint64(_STEP)
    for i in range(NUM_REDRAWS):
        start = np.uint64((salt + i * num_hosts * _STEP) & _MASK_64)
        high = mix64(steps + start) >> np.uint64(32)
        drawn = (high * np.uint64(num_hosts) >> np.uint64(32)).astype(np.int64)
        sums[:, i] = by_host[:, drawn].sum(axis=1)
    return sums


def _shares_of(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return precision, recall and F1 of (found, collected, positive) weights, [3, n]."""
    found, collected, positive = sums
    precision = np.divide(found, collected, out=np.zeros_like(found), where=collected > 0)
    recall = np.divide(found, positive, out=np.zeros_like(found), where=positive > 0)
    both = collected + positive
    f1 = np.divide(2 * found, both, out=np.zeros_like(found), where=both > 0)
    return np.stack([precision, recall, f1])
