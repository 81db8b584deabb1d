"""Evidence: which pages of a pool show what a target asks for, such as formulas.

A score says what a page is about, and pages about mathematics need not have a formula. What a page
shows is counted from its markup when its text is extracted; models see the words alone.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..recall_settings import EvidenceSettings
from .asked import Mask


def has_evidence(table: pa.Table, asked: EvidenceSettings) -> Mask:
    """Return which pages have all that is asked for; all of them where nothing is.

    Args:
        table: with the columns `formulas` and `code_lines`; null counts as none.
    """
    has = np.ones(table.num_rows, dtype=np.bool_)
    for name, least in _bars(asked):
        has &= pc.fill_null(table[name], 0).to_numpy() >= least
    return has


def _bars(asked: EvidenceSettings) -> Iterator[tuple[str, int]]:
    """Yield the columns that something is asked of, and how much."""
    for name, least in (("formulas", asked.formulas), ("code_lines", asked.code_lines)):
        if least:
            yield name, least
