"""Strata: what losses are told apart by, a component and a language, by number."""

from collections.abc import Iterable
from typing import NamedTuple

from ...corpus.mixture import Mixture
from ...corpus.record import Component


class Stratum(NamedTuple):
    """The tokens of one language in one component."""

    component: Component
    language: str


class Strata:
    """All strata of the mixtures of a run, in the order of their names."""

    def __init__(self, mixtures: Iterable[Mixture]) -> None:
        found = {
            shard.path: Stratum(component.name, shard.language)
            for mixture in mixtures
            for component in mixture.components
            for shard in component.shards
        }
        self.all = tuple(sorted(set(found.values())))
        numbers = {stratum: i for i, stratum in enumerate(self.all)}
        self._of_shard = {path: numbers[stratum] for path, stratum in found.items()}

    def __len__(self) -> int:
        return len(self.all)

    def of_shard(self, path: str) -> int:
        """Return the number of the stratum that a shard, named relative to its build, is of."""
        return self._of_shard[path]
