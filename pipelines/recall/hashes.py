"""How many pages of each group have which hashes: what draws and samples are cut by."""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from ...filters.recall.histograms import ALL_KEYS, NUM_KEY_BINS, Bins, Counts, key_bound
from ..stages.recall_pages import sum_rows


class HashCounts:
    """The pages of each group by the bins of their hashes, 10 bytes a bin that has pages."""

    def __init__(self, tables: Iterable[pa.Table]) -> None:
        self._bins: dict[str, tuple[Bins, Counts]] = {}
        counts = sum_rows(tables, ["group", "bin"])
        if counts is None:
            return
        names = counts["group"].combine_chunks().dictionary_encode()
        codes = np.asarray(names.indices)
        bins, sizes = counts["bin"].to_numpy(), counts["num_pages"].to_numpy()
        for code, name in enumerate(names.dictionary.to_pylist()):
            own = slice(*np.searchsorted(codes, [code, code + 1]))
            self._bins[name] = (bins[own], sizes[own])

    def groups(self, kind: str = "") -> list[str]:
        """Return the groups of a kind, or all."""
        return [name for name in self._bins if not kind or name.partition(" ")[0] == kind]

    def size(self, groups: Sequence[str]) -> int:
        """Return how many pages groups have together."""
        return sum(int(self._bins[name][1].sum()) for name in groups)

    def bound(self, groups: Sequence[str], wanted: int) -> int:
        """Return a hash that as many pages of groups as are wanted, or all, are not above."""
        if not groups:
            return ALL_KEYS
        total = np.zeros(NUM_KEY_BINS, dtype=np.int64)
        for name in groups:
            bins, sizes = self._bins[name]
            total[bins] += sizes
        filled = np.flatnonzero(total)
        return key_bound(filled.astype(np.uint16), total[filled], wanted)
