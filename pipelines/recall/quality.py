"""What an iteration is worth by the audit set: in all, and for each language."""

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from ...filters.recall.audit import (
    AuditSettings,
    Estimate,
    Quality,
    draw_audit,
    estimate_quality,
)
from ...filters.recall.sampling import sample_keys
from ...filters.recall.stopping import LanguageRecall
from .asked import Known, Mask
from .pool import Pages


class AuditQuality(msgspec.Struct, frozen=True, kw_only=True):
    """Precision and recall of a collection; None without audited pages."""

    all: Quality | None
    languages: dict[str, Quality]
    seed_purity: float | None  # share of audited pages below accepted prefixes that are in topic
    new_precision: Estimate | None  # of the audited pages that the iteration before did not collect
    num_missing: int  # audited pages that are not in the pool


def measure_quality(
    pages: Pages, known: Known, is_collected: Mask, is_accepted: Mask, is_new: Mask
) -> AuditQuality:
    """Return what the audit set says of a collection.

    Args:
        is_new: the collected pages that the iteration before did not collect.
    """
    rows = known.audit_rows
    if not len(rows):
        return AuditQuality(
            all=None,
            languages={},
            seed_purity=None,
            new_precision=None,
            num_missing=known.num_audit_missing,
        )
    is_positive = np.array([label.is_positive for label in known.audit], dtype=np.bool_)
    weights = np.array([label.weight for label in known.audit], dtype=np.float64)
    audited = pages.table.select(["host", "language"]).take(rows)
    hosts = np.asarray(audited["host"].to_pylist(), dtype=np.str_)
    languages = np.asarray(audited["language"].to_pylist(), dtype=np.str_)
    found = is_collected[rows]

    def quality(of: Mask) -> Quality:
        return estimate_quality(is_positive[of], found[of], weights[of], hosts[of])

    new = estimate_quality(is_positive, is_new[rows], weights, hosts)

    below = is_accepted[rows]
    purity = np.average(is_positive[below], weights=weights[below]) if below.any() else None
    return AuditQuality(
        all=quality(np.ones(len(rows), dtype=np.bool_)),
        languages={str(name): quality(languages == name) for name in np.unique(languages)},
        seed_purity=None if purity is None else float(purity),
        new_precision=new.precision if is_new[rows].any() else None,
        num_missing=known.num_audit_missing,
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


def audit_sample(
    pages: Pages, logits: npt.NDArray[np.float32], settings: AuditSettings, *, barred: Mask
) -> str:
    """Return pages for people to label, a line each: URL, a label to be filled in, weight.

    Args:
        barred: pages of seeds, which models are trained on.
    """
    rows = np.flatnonzero(~barred)
    table = pages.table.take(rows)
    counts = table.group_by("host").aggregate([("host", "count")])
    sizes = counts["host_count"].take(
        pc.index_in(table["host"], value_set=counts["host"].combine_chunks())
    )
    drawn = draw_audit(
        sample_keys(table["doc_id"], seed=0, purpose="audit"),
        logits[rows],
        np.asarray(table["language"].to_pylist(), dtype=np.str_),
        sizes.to_numpy(),
        settings,
    )
    urls = table["url"].take(drawn.rows).to_pylist()
    lines = [f"{url}\t?\t{weight:.4f}\n" for url, weight in zip(urls, drawn.weights, strict=True)]
    return "# label each page yes or no\n" + "".join(sorted(lines))
