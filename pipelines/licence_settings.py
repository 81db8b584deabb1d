"""What a recipe says of licences, as rules over the columns that `measure` writes."""

from typing import Literal

import msgspec

from ..corpus.record import Component, Kind
from ..filters.licence_classes import LICENCE_CLASSES
from ..filters.rule import Rule

LicencePolicy = Literal["any", "known", "permissive"]


class LicenceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By default licences drop nothing: the paper says nothing of them."""

    policy: LicencePolicy = "any"
    conflict: Literal["keep", "drop"] = "drop"  # under `permissive`
    components: tuple[Component, ...] = ("code",)
    kinds: tuple[Kind, ...] = ("file",)  # pages and documents rarely state a licence

    def rules(self) -> tuple[Rule, ...]:
        """Return the policy as rules, which come before those of the recipe."""
        if self.policy == "any":
            return ()
        unknown = self._rule("licence_unknown", one_of=LICENCE_CLASSES, missing="drop")
        if self.policy == "known":
            return (unknown,)
        copyleft = self._rule("licence_copyleft", none_of=("weak_copyleft", "copyleft"))
        restricted = self._rule("licence_other", none_of=("other",))
        conflict = self._rule("licence_conflict", "licence_conflict", one_of=())
        is_strict = self.conflict == "drop"
        return (unknown, copyleft, restricted, *([conflict] if is_strict else ()))

    def _rule(
        self,
        name: str,
        signal: str = "licence_class",
        *,
        one_of: tuple[str, ...] | None = None,
        none_of: tuple[str, ...] | None = None,
        missing: Literal["keep", "drop"] = "keep",
    ) -> Rule:
        return Rule(
            name=name,
            signal=signal,
            one_of=one_of,
            none_of=none_of,
            missing=missing,
            components=self.components,
            kinds=self.kinds,
        )
