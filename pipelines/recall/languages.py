"""Languages of a pool: what was taken of each, and which of them no seed speaks for."""

from collections import Counter
from collections.abc import Mapping

import msgspec
import numpy as np

from ..recall_settings import RecallTarget


class LanguageTaken(msgspec.Struct, frozen=True, kw_only=True):
    """What an iteration took of the pages of a language."""

    pages: int  # of the pool
    seed_pages: int  # what people named, without what the loop added
    ranked_pages: int  # at or above the threshold
    collected_pages: int
    collected_tokens: int
    threshold: float  # a probability


def taken_by_language(
    *,
    pages: Counter[str],
    seeds: Counter[str],
    ranked: Counter[str],
    collected: Counter[str],
    tokens: Counter[str],
    thresholds: Mapping[str, float],
    threshold: float,
) -> dict[str, LanguageTaken]:
    """Return what was taken of each language of a pool.

    Args:
        pages: of the pool, by language, as the other counts are.
        thresholds: logits, of languages that have one of their own; `threshold` is all others'.
    """
    return {
        name: LanguageTaken(
            pages=pages[name],
            seed_pages=seeds[name],
            ranked_pages=ranked[name],
            collected_pages=collected[name],
            collected_tokens=tokens[name],
            threshold=1 / (1 + float(np.exp(-thresholds.get(name, threshold)))),
        )
        for name in sorted(pages)
    }


def language_notes(taken: Mapping[str, LanguageTaken], target: RecallTarget) -> list[str]:
    """Return what is odd: a language that no seed speaks for, or a bar of one that is not there.

    A model that has seen a topic in one language alone may find it in no other one.
    """
    found = [
        f"{one.pages:,} pages of the pool are in `{name}`, and no seed is"
        for name, one in sorted(taken.items())
        if one.pages >= target.seedless_pages and not one.seed_pages
    ]
    for name in sorted(target.languages.keys() - taken.keys()):
        found.append(f"no page of the pool is in `{name}`, which has a bar of its own")
    return found
