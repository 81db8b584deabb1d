"""What an iteration is worth by the audit set: in all, and for each language."""

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...filters.recall.audit import Quality, estimate_quality
from ...filters.recall.stopping import LanguageRecall

Mask = npt.NDArray[np.bool_]


class AuditQuality(msgspec.Struct, frozen=True, kw_only=True):
    """Precision and recall of a collection; None without audited pages."""

    all: Quality | None
    languages: dict[str, Quality]
    seed_purity: float | None  # share of audited pages below accepted prefixes that are in topic
    num_missing: int  # audited pages that are not in the pool


def measure_quality(audited: pa.Table, num_missing: int) -> AuditQuality:
    """Return what the audited pages say of a collection.

    Args:
        audited: host, language, is_positive, weight, is_collected, is_accepted.
    """
    if not audited.num_rows:
        return AuditQuality(all=None, languages={}, seed_purity=None, num_missing=num_missing)
    hosts, languages = (
        np.asarray(audited[name].to_pylist(), dtype=np.str_) for name in ("host", "language")
    )
    is_positive, found, accepted = (
        np.asarray(audited[name], dtype=np.bool_)
        for name in ("is_positive", "is_collected", "is_accepted")
    )
    weights = audited["weight"].to_numpy()

    def quality(of: Mask) -> Quality:
        return estimate_quality(is_positive[of], found[of], weights[of], hosts[of])

    purity = (
        float(np.average(is_positive[accepted], weights=weights[accepted]))
        if accepted.any()
        else None
    )
    return AuditQuality(
        all=quality(np.ones(len(weights), dtype=np.bool_)),
        languages={str(name): quality(languages == name) for name in np.unique(languages)},
        seed_purity=purity,
        num_missing=num_missing,
    )


def language_recalls(now: AuditQuality, before: AuditQuality | None) -> tuple[LanguageRecall, ...]:
    """Return each language's recall, now and one iteration ago."""
    earlier = before.languages if before is not None else {}
    return tuple(
        LanguageRecall(
            language=name,
            num_positives=one.num_positives,
            recall=one.recall.value,
            recall_before=earlier[name].recall.value if name in earlier else None,
        )
        for name, one in now.languages.items()
    )
