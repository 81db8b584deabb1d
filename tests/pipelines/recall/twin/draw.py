"""The pages that a model is trained on, and their order: by hash, so that they never surprise."""

import msgspec
import numpy as np
import pyarrow as pa

from gristmill.filters.recall.sampling import (
    Rows,
    SampleSettings,
    draw_negatives,
    draw_positives,
    sample_keys,
)
from gristmill.pipelines.recall_settings import DrawSettings

from .pages import Mask, Pages

POSITIVE = "topic"
NEGATIVE = "other"


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """What to train on, in order, and why other pages are not in it."""

    rows: Rows
    is_positive: Mask
    over_host_cap: int
    over_size: int
    missing_negatives: dict[str, int]  # by language: the pool has no more

    def labels(self) -> pa.ChunkedArray:
        """Return the label of each row."""
        names = np.where(self.is_positive, POSITIVE, NEGATIVE)
        return pa.chunked_array([names.tolist()], pa.string())


def draw_pages(
    pages: Pages,
    *,
    seeds: Mask,
    negatives: Mask,
    barred: Mask,
    settings: DrawSettings,
    iteration: int,
) -> Drawn:
    """Return the pages to train on.

    Args:
        seeds: the positives are drawn from these.
        negatives: pages that were labelled so; all of them are taken.
        barred: pages that are no random negatives: audited, accepted, or nearly certain.
    """
    hosts, languages = pages.labels("host"), pages.labels("language")
    ids, seed = pages.table["doc_id"], settings.seed
    names, counts = np.unique(languages, return_counts=True)
    shares = dict(zip(names.tolist(), (counts / max(len(languages), 1)).tolist(), strict=True))
    rows: Rows = np.flatnonzero(seeds)
    keys = sample_keys(ids, seed=seed, purpose=f"positives {iteration}")
    positive = draw_positives(
        keys[rows],
        hosts[rows],
        languages[rows],
        shares,
        _sample(settings, settings.positives),
    )
    chosen = rows[positive.rows]
    wanted = _wanted(languages[chosen].tolist(), settings.negatives_a_positive)
    others: Rows = np.flatnonzero(~seeds & ~barred & ~negatives)
    keys = sample_keys(ids, seed=seed, purpose=f"negatives {iteration}")
    negative = draw_negatives(
        keys[others],
        hosts[others],
        languages[others],
        wanted,
        _sample(settings, settings.negatives),
    )
    drawn = np.concatenate([chosen, others[negative.rows], np.flatnonzero(negatives)])
    is_positive = np.arange(len(drawn)) < len(chosen)
    order = np.argsort(sample_keys(ids, seed=seed, purpose="order")[drawn], kind="stable")
    return Drawn(
        rows=drawn[order],
        is_positive=is_positive[order],
        over_host_cap=positive.num_over_host_cap + negative.num_over_host_cap,
        over_size=positive.num_over_size + negative.num_over_size,
        missing_negatives=negative.missing,
    )


def _sample(settings: DrawSettings, size: int) -> SampleSettings:
    return SampleSettings(size=size, host_pages=settings.host_pages, host_share=settings.host_share)


def _wanted(languages: list[str], ratio: float) -> dict[str, int]:
    names, counts = np.unique(np.asarray(languages, dtype=np.str_), return_counts=True)
    return {
        str(name): int(np.ceil(ratio * count)) for name, count in zip(names, counts, strict=True)
    }
