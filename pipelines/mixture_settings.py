"""What a recipe says of the mixture: weights, size, what is inside, and stages of long context."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.mixture import DEFAULT_TOTAL_TOKENS, DEFAULT_WEIGHTS, check_weights
from ..corpus.rates import LongDocuments, RateSettings
from ..corpus.record import Component
from ..corpus.sources.unit import SourceSpec
from ..filters.languages import check_language

STAGE_NAME = r"^[a-z0-9][a-z0-9_-]*$"  # it becomes part of a file's name

_Positive = Annotated[int, msgspec.Meta(ge=1)]


class StageSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stage of training after the first, over the same shards.

    DeepSeek-Coder-V2, section 3.4, has two: 32K x 1,152 x 1,000 and 128K x 288 x 1,000.

    Args:
        batch_samples: sequences in a step.
        long: which documents count as long, and how often they are seen against others.
        weights: of the components; None: those of the mixture.
    """

    name: Annotated[str, msgspec.Meta(pattern=STAGE_NAME)]
    sequence_length: _Positive
    batch_samples: _Positive
    steps: _Positive
    long: LongDocuments = LongDocuments()
    weights: dict[Component, float] | None = None

    @property
    def total_tokens(self) -> int:
        """The tokens that the stage trains on."""
        return self.sequence_length * self.batch_samples * self.steps


class MixtureSettings(RateSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shares of the training tokens (DeepSeek-Coder-V2, section 2: 60 % code, 10 % math)."""

    weights: dict[Component, float] = msgspec.field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    total_tokens: _Positive = DEFAULT_TOTAL_TOKENS
    stage: tuple[StageSettings, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        names = [stage.name for stage in self.stage]
        if len(set(names)) < len(names):
            raise ValueError("two stages of the mixture have one name")


def check_mixture(mixture: MixtureSettings, sources: tuple[SourceSpec, ...], *, where: str) -> None:
    """Find now what would otherwise be found when all tokens are made."""
    components = {source.component for source in sources}
    _check_sources(mixture.weights, components, where=f"{where}: mixture.weights")
    check_weights(mixture.weights, where=f"{where}: mixture.weights")
    for stage in mixture.stage:
        if stage.weights is not None:
            place = f"{where}: mixture.stage `{stage.name}`"
            _check_sources(stage.weights, components, where=place)
            check_weights(stage.weights, where=place)
    component_of = {source.name: source.component for source in sources}
    for part in mixture.part:
        place = f"{where}: mixture.part `{part.name}`"
        for source in filter(None, (entry.partition(":")[0] for entry in part.of)):
            if source != "*" and component_of.get(source) != part.component:
                raise GristmillError(
                    f"`{source}` is no source of {part.component}",
                    where=place,
                    todo="Name a source of this component, `:LANGUAGE` or `*`.",
                )
    for component in sorted(mixture.balance.keys() - components):
        raise GristmillError(
            f"there is no source of {component} to balance",
            where=f"{where}: mixture.balance.{component}",
            todo="Remove it, or add a source.",
        )
    for name, key in _languages(mixture):
        check_language(name, where=f"{where}: {key}")


def _languages(mixture: MixtureSettings) -> Iterator[tuple[str, str]]:
    """Yield each language that a mixture names, and where."""
    for component, balance in mixture.balance.items():
        for name in balance.weights:
            yield name, f"mixture.balance.{component}.weights"
    for part in mixture.part:
        for entry in part.of:
            if ":" in entry:
                yield entry.partition(":")[2], f"mixture.part `{part.name}`"


def _check_sources(
    weights: dict[Component, float], has_source: set[Component], *, where: str
) -> None:
    for component, weight in weights.items():
        if weight and component not in has_source:
            raise GristmillError(
                f"{component} has a weight of {weight} and no source",
                where=where,
                todo=f"Add a source of {component}, or give the weights of what there is.",
            )
    for component in sorted(has_source - weights.keys()):
        raise GristmillError(
            f"{component} has a source and no weight",
            where=where,
            todo=f"Give {component} a weight; 0 leaves it out.",
        )
