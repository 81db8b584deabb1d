"""What a page needs to be collected by its score: the threshold of its language, and evidence."""

from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from ..recall.evidence import has_evidence
from ..recall_settings import EvidenceSettings
from ..stage import Inputs
from .recall_pages import Logits, Mask, logits_of, pool_columns


class Bar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The threshold of an iteration, and what its target asks of a page beside it."""

    threshold: float  # a logit
    languages: dict[str, float]  # of those that have one of their own
    evidence: EvidenceSettings


class Reached(NamedTuple):
    """Which pages reach a bar, row for row."""

    is_high: Mask  # by the score alone
    has_evidence: Mask

    @property
    def is_ranked(self) -> Mask:
        """Return which pages the model collects."""
        return self.is_high & self.has_evidence


def reach(inputs: Inputs, bar: Bar) -> Reached:
    """Return which pages of a shard reach a bar."""
    languages = pool_columns(inputs, "language")["language"]
    return Reached(is_high(logits_of(inputs), languages, bar), evident(inputs, bar.evidence))


def is_high(logits: Logits, languages: pa.ChunkedArray, bar: Bar) -> Mask:
    """Return which scores reach the threshold of their language, or else that of all."""
    encoded = languages.combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    least = np.array([bar.languages.get(name, bar.threshold) for name in names], dtype=np.float32)
    found: Mask = logits >= least[np.asarray(encoded.indices)]
    return found


def evident(inputs: Inputs, asked: EvidenceSettings) -> Mask:
    """Return which pages of a shard show what is asked for."""
    return has_evidence(pool_columns(inputs, "formulas", "code_lines"), asked)


def judged(inputs: Inputs, asked: EvidenceSettings, *names: str) -> tuple[pa.Table, Mask]:
    """Return columns of the pages that show what is asked for, and which pages these are.

    Sites and prefixes are judged by them alone.
    """
    mask = evident(inputs, asked)
    pages = pool_columns(inputs, *names)
    return (pages if mask.all() else pages.filter(pa.array(mask))), mask
