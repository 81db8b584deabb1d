"""What an iteration is worth by the audit set: in all, and for each language."""

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from gristmill.filters.recall.audit import (
    AuditSettings,
    Quality,
    draw_audit,
    estimate_quality,
)
from gristmill.filters.recall.sampling import sample_keys
from gristmill.pipelines.recall.quality import AuditQuality

from .pages import Known, Mask, Pages


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
