"""One declarative rule: a row passes if its signal lies where the rule says."""

from collections.abc import Mapping
from datetime import date
from typing import Literal

import msgspec

from ..corpus.record import Component, Kind


class Override(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What differs for one language; None keeps the rule's own value."""

    min: float | date | None = None
    max: float | None = None
    before: date | None = None
    equals: bool | None = None
    enabled: bool | None = None


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row that the rule applies to passes iff every condition that is set holds.

    The conditions are min <= signal <= max, signal < before, signal in one_of, signal not in
    none_of, and signal == equals. A date stands for its first second in UTC.
    """

    name: str
    signal: str
    min: float | date | None = None
    max: float | None = None
    before: date | None = None
    one_of: tuple[str, ...] | None = None
    none_of: tuple[str, ...] | None = None
    equals: bool | None = None
    missing: Literal["keep", "drop"] = "keep"  # what a null signal means
    only: tuple[str, ...] = ()  # languages it applies to; empty: all, and rows without one
    exclude: tuple[str, ...] = ()  # languages it does not apply to
    components: tuple[Component, ...] = ()  # empty: all
    kinds: tuple[Kind, ...] = ()  # empty: all
    enabled: bool = True
    languages: Mapping[str, Override] = {}

    def for_language(self, language: str) -> "Rule":
        """Return the rule as it stands for one language."""
        override = self.languages.get(language)
        if override is None:
            return self
        changes = {
            field: value
            for field, value in msgspec.structs.asdict(override).items()
            if value is not None
        }
        return msgspec.structs.replace(self, **changes)

    def can_fire(self) -> bool:
        """Return whether the rule is enabled for any language at all."""
        return self.enabled or any(override.enabled for override in self.languages.values())
