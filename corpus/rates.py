"""What a mixture asks for inside its components: parts, languages, long documents, ceilings."""

from typing import Annotated, Literal

import msgspec

from .record import Component

WhenOver = Literal["error", "share_out"]
PART_NAME = r"^[a-z][a-z0-9_]*$"  # it becomes part of a file's name

_Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
_Weight = Annotated[float, msgspec.Meta(ge=0)]
_Epochs = Annotated[float, msgspec.Meta(gt=0)]


class PartSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a component with a weight of its own and token shards of its own.

    Args:
        of: what is in it: `SOURCE`, `SOURCE:LANGUAGE`, `:LANGUAGE`, or `*` for all. Of the parts of
            a component the first that names a document has it.
        weight: its share of the component; without weights parts share by their tokens.
    """

    name: Annotated[str, msgspec.Meta(pattern=PART_NAME)]
    component: Component
    of: tuple[str, ...]
    weight: _Weight | None = None

    def has(self, source: str, language: str) -> bool:
        """Return whether the documents of a source in a language are named."""
        return not {source, f"{source}:{language}", f":{language}", "*"}.isdisjoint(self.of)


class LanguageBalance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the languages of a component share each of its parts.

    Args:
        weights: how often a token of a language is seen, against one of a language not named.
        max_share: of the part's training tokens that one language may have.
        max_epochs: how often a token of the component may be seen.
    """

    weights: dict[str, _Weight] = {}
    max_share: _Share | None = None
    max_epochs: _Epochs | None = None


class LongDocuments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Training documents of at least `min_tokens` are seen `weight` times as often as others."""

    min_tokens: Annotated[int, msgspec.Meta(ge=0)] = 0  # 0: length does not matter
    weight: _Weight = 1.0

    def __post_init__(self) -> None:
        if self.weight != 1 and not self.min_tokens:
            raise ValueError("long.weight wants long.min_tokens, which says what is long")


class RateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What decides how often a token of a component is seen, beside the component's weight.

    Args:
        max_epochs: a ceiling for every token of the mixture.
        when_over: what to do where weights ask for more: `error`, or `share_out`, which gives what
            is above the ceiling to the other parts and components in their proportion.
    """

    max_epochs: _Epochs | None = None
    when_over: WhenOver = "error"
    part: tuple[PartSettings, ...] = ()
    balance: dict[Component, LanguageBalance] = {}
    long: LongDocuments = LongDocuments()

    def __post_init__(self) -> None:
        names = [part.name for part in self.part]
        if len(set(names)) < len(names):
            raise ValueError("two parts of the mixture have one name")
        for component in {part.component for part in self.part}:
            weights = [part.weight for part in self.part if part.component == component]
            if None in weights and any(weight is not None for weight in weights):
                raise ValueError(f"some parts of {component} have a weight and some have none")
            if None not in weights and not sum(filter(None, weights)):
                raise ValueError(f"no part of {component} has a weight above 0")

    def part_of(self, component: Component, source: str, language: str) -> str:
        """Return the name of a document's part, empty where the component has none for it."""
        parts = (part for part in self.part if part.component == component)
        return next((part.name for part in parts if part.has(source, language)), "")

    def ceiling(self, component: Component) -> float | None:
        """Return how often a token of a component may be seen."""
        limits = (self.max_epochs, self.balance.get(component, LanguageBalance()).max_epochs)
        return min((limit for limit in limits if limit is not None), default=None)
