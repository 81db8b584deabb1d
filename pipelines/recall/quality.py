"""What an iteration is worth by the audit set: in all, and for each language."""

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...filters.recall.audit import Estimate, Quality, estimate_quality
from ...filters.recall.stopping import LanguageRecall

Mask = npt.NDArray[np.bool_]


class AuditQuality(msgspec.Struct, frozen=True, kw_only=True):
    """Precision and recall of a collection; None without audited pages."""

    all: Quality | None
    languages: dict[str, Quality]
    seed_purity: float | None  # share of audited pages below accepted prefixes that are in topic
    new_precision: Estimate | None  # of the audited pages that the iteration before did not collect
    num_missing: int  # audited pages that are not in the pool


def measure_quality(audited: pa.Table, num_missing: int) -> AuditQuality:
    """Return what the audited pages say of a collection.

    Args:
        audited: host, language, is_positive, weight, is_collected, is_accepted, is_new.
    """
    if not audited.num_rows:
        return AuditQuality(
            all=None,
            languages={},
            seed_purity=None,
            new_precision=None,
            num_missing=num_missing,
        )
    hosts, languages = (
        np.asarray(audited[name].to_pylist(), dtype=np.str_) for name in ("host", "language")
    )
    is_positive, found, below, is_new = (
        np.asarray(audited[name], dtype=np.bool_)
        for name in ("is_positive", "is_collected", "is_accepted", "is_new")
    )
    weights = audited["weight"].to_numpy()

    def quality(of: Mask) -> Quality:
        return estimate_quality(is_positive[of], found[of], weights[of], hosts[of])

    new = estimate_quality(is_positive, is_new, weights, hosts)
    purity = np.average(is_positive[below], weights=weights[below]) if below.any() else None
    return AuditQuality(
        all=quality(np.ones(len(weights), dtype=np.bool_)),
        languages={str(name): quality(languages == name) for name in np.unique(languages)},
        seed_purity=None if purity is None else float(purity),
        new_precision=new.precision if is_new.any() else None,
        num_missing=num_missing,
    )


def language_recalls(now: AuditQuality, before: AuditQuality | None) -> tuple[LanguageRecall, ...]:
    """Return each language's recall, now and one iteration ago."""
    earlier = before.languages if before is not None else {}
    return tuple(_recall(name, one, earlier.get(name)) for name, one in now.languages.items())


def judged_recalls(
    now: AuditQuality, before: AuditQuality | None, *, least_positives: int
) -> list[LanguageRecall]:
    """Return the recall of all pages, and of the languages that have enough audited ones."""
    languages = language_recalls(now, before)
    judged = [one for one in languages if one.num_positives >= least_positives]
    if now.all is None:
        return judged
    return [_recall("all pages", now.all, before.all if before is not None else None), *judged]


def _recall(name: str, now: Quality, before: Quality | None) -> LanguageRecall:
    return LanguageRecall(
        language=name,
        num_positives=now.num_positives,
        recall=now.recall.value,
        recall_before=before.recall.value if before is not None else None,
    )
