"""What an iteration came to, as metrics.json has it, and all of them as a table for DuckDB."""

from collections.abc import Sequence
from typing import Final

import msgspec
import pyarrow as pa

from ...filters.recall.audit import Estimate
from ...filters.recall.guards import Alarm
from ...filters.recall.stopping import StopReport
from .languages import LanguageTaken
from .quality import AuditQuality


class IterationMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """metrics.json: what an iteration came to."""

    iteration: int
    model: str  # the digest of its table
    threshold: float  # a probability
    seed_pages: int
    seed_tokens: int
    drift: float  # of the words trained on from those of the first iteration, in nats
    ranked_pages: int  # at or above the threshold, with the evidence that is asked for
    lacking_pages: int  # at or above the threshold, left out for lack of evidence
    prefix_pages: int  # collected for an accepted prefix alone
    taken_out_pages: int  # ranked, but below a prefix that a person did not accept
    collected_pages: int
    collected_tokens: int
    new_pages: int  # that the iteration before did not collect
    new_tokens: int
    lost_pages: int  # that the iteration before collected, and this one does not
    overlap: float  # share of the collected pages that the iteration before collected
    languages: dict[str, LanguageTaken]
    domains_in_topic: int
    prefixes_accepted: int
    prefixes_rejected: int
    prefixes_open: int
    decisions_by_people: int
    quality: AuditQuality
    alarms: tuple[Alarm, ...]
    stop: StopReport


_COUNTS: Final = (
    *("seed_pages", "seed_tokens", "ranked_pages", "lacking_pages", "prefix_pages"),
    *("taken_out_pages", "collected_pages", "collected_tokens"),
    *("new_pages", "new_tokens", "lost_pages"),
    *("domains_in_topic", "prefixes_accepted", "prefixes_rejected", "prefixes_open"),
    "decisions_by_people",
)
_SHARES: Final = ("precision", "recall", "f1", "new_precision")
ITERATIONS: Final = pa.schema(
    [
        ("target", pa.string()),
        ("iteration", pa.int32()),
        ("model", pa.string()),  # the digest of its table
        ("threshold", pa.float64()),
        *((name, pa.int64()) for name in _COUNTS),
        ("overlap", pa.float64()),
        *((f"{name}{end}", pa.float64()) for name in _SHARES for end in ("", "_lower", "_upper")),
        ("audited_pages", pa.int64()),
        ("audited_positives", pa.int64()),
        ("seed_purity", pa.float64()),
        ("drift", pa.float64()),
        ("languages", pa.map_(pa.string(), pa.int64())),  # collected pages
        ("alarms", pa.list_(pa.string())),
        ("stops", pa.bool_()),
        ("reason", pa.string()),
    ]
)


def iterations_table(target: str, iterations: Sequence[IterationMetrics]) -> pa.Table:
    """Return a row for each iteration; what no audited page speaks of is null."""
    return pa.Table.from_pylist([_row(target, one) for one in iterations], schema=ITERATIONS)


def _row(target: str, one: IterationMetrics) -> dict[str, object]:
    quality = one.quality.all
    shares = [quality.precision, quality.recall, quality.f1] if quality is not None else [None] * 3
    row: dict[str, object] = {"target": target, **{name: getattr(one, name) for name in _COUNTS}}
    for name, share in zip(_SHARES, [*shares, one.quality.new_precision], strict=True):
        row |= _estimate(name, share)
    return row | {
        "iteration": one.iteration,
        "model": one.model,
        "threshold": one.threshold,
        "overlap": one.overlap,
        "audited_pages": quality.num_pages if quality is not None else 0,
        "audited_positives": quality.num_positives if quality is not None else 0,
        "seed_purity": one.quality.seed_purity,
        "drift": one.drift,
        "languages": [
            (name, taken.collected_pages) for name, taken in sorted(one.languages.items())
        ],
        "alarms": [alarm.name for alarm in one.alarms],
        "stops": one.stop.stops,
        "reason": one.stop.reason,
    }


def _estimate(name: str, share: Estimate | None) -> dict[str, float | None]:
    if share is None:
        return {}
    return {name: share.value, f"{name}_lower": share.lower, f"{name}_upper": share.upper}
