"""Languages of a pool: what was taken of each, and which of them no seed speaks for."""

from collections.abc import Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from ...filters.recall.sampling import Labels, Rows
from ..recall_settings import RecallTarget

Mask = npt.NDArray[np.bool_]


class LanguageTaken(msgspec.Struct, frozen=True, kw_only=True):
    """What an iteration took of the pages of a language."""

    pages: int  # of the pool
    seed_pages: int  # what people named, without what the loop added
    ranked_pages: int  # at or above the threshold
    collected_pages: int
    collected_tokens: int
    threshold: float  # a probability


def taken_by_language(
    languages: Labels,
    num_tokens: Rows,
    *,
    is_seed: Mask,
    is_ranked: Mask,
    is_collected: Mask,
    thresholds: Mapping[str, float],
    threshold: float,
) -> dict[str, LanguageTaken]:
    """Return what was taken of each language.

    Args:
        thresholds: logits, of languages that have one of their own; `threshold` is all others'.
    """
    names, codes = np.unique(languages, return_inverse=True)

    def count(of: Mask) -> list[int]:
        found: list[int] = np.bincount(codes[of], minlength=len(names)).tolist()
        return found

    tokens = np.bincount(codes, weights=num_tokens * is_collected, minlength=len(names))
    columns = zip(
        names.tolist(),
        count(np.ones(len(codes), dtype=np.bool_)),
        count(is_seed),
        count(is_ranked),
        count(is_collected),
        tokens.astype(np.int64).tolist(),
        strict=True,
    )
    return {
        name: LanguageTaken(
            pages=pages,
            seed_pages=seeds,
            ranked_pages=ranked,
            collected_pages=collected,
            collected_tokens=taken,
            threshold=1 / (1 + float(np.exp(-thresholds.get(name, threshold)))),
        )
        for name, pages, seeds, ranked, collected, taken in columns
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
