"""How many pages each group has: what the hashes of draws and samples are cut by."""

from collections import Counter
from collections.abc import Mapping, Sequence

from ...filters.recall.histograms import ALL_KEYS, likely_bound


class HashCounts:
    """The pages of each group, whose hashes are spread evenly."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._counts = dict(counts)

    def groups(self, kind: str = "") -> list[str]:
        """Return the groups of a kind, or all."""
        return [name for name in self._counts if not kind or name.partition(" ")[0] == kind]

    def size(self, groups: Sequence[str]) -> int:
        """Return how many pages groups have together."""
        return sum(self._counts[name] for name in groups)

    def bound(self, groups: Sequence[str], wanted: int) -> int:
        """Return a hash that as many pages of groups as are wanted, or all, are not above."""
        return likely_bound(wanted, self.size(groups))

    def widened(
        self, bounds: Mapping[str, int], wanted: Mapping[str, int], found: Counter[str]
    ) -> dict[str, int] | None:
        """Return other bounds where fewer pages were found than are wanted; None if none lacks.

        Only hashes that somebody sought out are spread so unevenly.
        """
        lacking = [
            name
            for name, bound in bounds.items()
            if bound < ALL_KEYS and found[name] < min(wanted.get(name, 0), self._counts[name])
        ]
        return {**bounds, **dict.fromkeys(lacking, ALL_KEYS)} if lacking else None
