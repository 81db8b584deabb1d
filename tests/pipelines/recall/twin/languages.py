"""What was taken of each language, counted page by page."""

from collections.abc import Mapping

import numpy as np

from gristmill.filters.recall.sampling import Labels, Rows
from gristmill.pipelines.recall.languages import LanguageTaken

from .pages import Mask


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
