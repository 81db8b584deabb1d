"""The mixture manifest: which shards make up a corpus, at which weights, for how many tokens.

DeepSeek-Coder-V2 trains on 60 % code, 10 % math and 30 % natural language, 6T tokens (section 2).
A component's target is its share of the total; how often its own tokens are seen follows from it.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Final

import msgspec

from . import storage
from .budgets import apportion, exact, fill
from .errors import GristmillError
from .groups import Holding, MixtureGroup, Rows, component_limit, share_groups
from .ids import digest_parts
from .manifest_file import read_manifest_file
from .rates import RateSettings
from .record import COMPONENTS, Component
from .tokenizer_info import DEEPSEEK_V2, Sentinels

FORMAT_VERSION: Final = 2
READABLE: Final = (1, 2)  # 1 has neither groups nor parts nor long documents
DEFAULT_WEIGHTS: Final[Mapping[Component, float]] = MappingProxyType(
    {"code": 0.6, "math": 0.1, "text": 0.3}
)
DEFAULT_TOTAL_TOKENS: Final = 6_000_000_000_000

NO_RATES: Final = RateSettings()

_WEIGHT_TOLERANCE = Fraction(1, 1_000_000)


class MixtureShard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One token shard: `path` is relative to the build, `block_tokens` counts each row group.

    `later_block_tokens` counts them again in each later epoch that has splits of its own.
    `long_tokens` counts, for the rows as stored and for each later epoch, those in rows that the
    mixture calls long; without such, it is empty.
    """

    path: str
    digest: str
    language: str
    documents: int
    block_tokens: tuple[int, ...]
    later_block_tokens: tuple[tuple[int, ...], ...] = ()
    part: str = ""
    long_tokens: tuple[tuple[int, ...], ...] = ()

    def row_tokens(self, rows: Rows, variant: int = 0) -> tuple[int, ...]:
        """Return the tokens of each row group in all of its rows, the long or the short ones."""
        whole = self.later_block_tokens[variant - 1] if variant else self.block_tokens
        if rows == "all":
            return whole
        long = self.long_tokens[variant] if self.long_tokens else (0,) * len(whole)
        return long if rows == "long" else tuple(b - x for b, x in zip(whole, long, strict=True))


class ComponentPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one component is asked for; `epochs` is how often its tokens are seen on average.

    `weight` is the recipe's; a ceiling may have made the target another share of the total.
    """

    name: Component
    weight: float
    tokens: int
    target_tokens: int
    epochs: float


class MixtureComponent(ComponentPlan, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One component with its shards, ordered by path, and its tokens by how often they are seen."""

    documents: int
    shards: tuple[MixtureShard, ...]
    groups: tuple[MixtureGroup, ...] = ()

    def shards_of(self, group: MixtureGroup) -> tuple[MixtureShard, ...]:
        """Return the shards that hold tokens of a group, ordered by path."""
        return tuple(
            shard
            for shard in self.shards
            if shard.part == group.part
            and shard.language in group.languages
            and any(shard.row_tokens(group.rows))
        )


class Mixture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of mixture.json: what the trainer and the exporters read."""

    format_version: int = FORMAT_VERSION
    tokenizer: str  # digest of the vocabulary
    tokenizer_name: str = DEEPSEEK_V2.info.name
    sentinels: Sentinels = Sentinels()
    vocab_size: int = DEEPSEEK_V2.info.vocab_size
    seed: int
    total_tokens: int
    components: tuple[MixtureComponent, ...]
    long_min_tokens: int = 0  # a row with so many is long; 0: none is called so

    @property
    def digest(self) -> str:
        """A name for this mixture that changes with anything in it."""
        return digest_parts("mixture", (encode_mixture(self),)).hex()


def check_weights(weights: Mapping[Component, float], *, where: str = "mixture.weights") -> None:
    """Raise GristmillError unless the weights are shares of a whole."""
    total = sum((Fraction(str(weight)) for weight in weights.values()), Fraction(0))
    if any(weight < 0 for weight in weights.values()) or abs(total - 1) > _WEIGHT_TOLERANCE:
        listed = ", ".join(f"{name} = {weight}" for name, weight in weights.items())
        raise GristmillError(
            f"the weights ({listed}) add up to {float(total):g}, not to 1",
            where=where,
            todo="Give every component its share of the training tokens.",
        )


def plan_epochs(
    tokens: Mapping[Component, int],
    *,
    weights: Mapping[Component, float] = DEFAULT_WEIGHTS,
    total_tokens: int = DEFAULT_TOTAL_TOKENS,
    limits: Mapping[Component, Fraction] = MappingProxyType({}),
) -> tuple[ComponentPlan, ...]:
    """Return each component's target and epochs; a weight of 0 leaves a component out.

    Targets add up to the total; what is above a limit goes to the other components. Weights that
    do not add up to 1, a component with a weight but no tokens, and one with tokens but no weight
    raise GristmillError, as do limits that leave no room for the total.
    """
    check_weights(weights)
    for name in COMPONENTS:
        _check_component(name, tokens.get(name, 0), weights.get(name))
    names = [name for name in COMPONENTS if weights.get(name)]
    exact_weights = [exact(weights[name]) for name in names]
    shares = fill(exact_weights, [limits.get(name) for name in names], Fraction(total_tokens))
    if names and sum(shares) < total_tokens:
        raise GristmillError(
            f"training is to take {total_tokens:,} tokens, and the ceilings leave "
            f"{int(sum(shares)):,}",
            where="mixture.total_tokens",
            todo="Lower it, raise max_epochs, or add documents.",
        )
    targets = apportion(shares, total_tokens)
    return tuple(
        ComponentPlan(
            name=name,
            weight=weights[name],
            tokens=tokens[name],
            target_tokens=target,
            epochs=target / tokens[name],
        )
        for name, target in zip(names, targets, strict=True)
    )


def make_mixture(
    shards: Mapping[Component, Sequence[MixtureShard]],
    *,
    tokenizer: str,
    tokenizer_name: str = DEEPSEEK_V2.info.name,
    sentinels: Sentinels = DEEPSEEK_V2.info.sentinels,
    vocab_size: int = DEEPSEEK_V2.info.vocab_size,
    seed: int = 0,
    weights: Mapping[Component, float] = DEFAULT_WEIGHTS,
    total_tokens: int = DEFAULT_TOTAL_TOKENS,
    rates: RateSettings = NO_RATES,
) -> Mixture:
    """Return the manifest of these shards, whatever order they come in."""
    holdings = {name: _holdings(name, group, rates) for name, group in shards.items()}
    tokens = {name: sum(h.tokens for h in group) for name, group in holdings.items()}
    limits = {}
    if rates.when_over == "share_out":
        found = {name: component_limit(name, group, rates) for name, group in holdings.items()}
        limits = {name: limit for name, limit in found.items() if limit is not None}
    plans = plan_epochs(tokens, weights=weights, total_tokens=total_tokens, limits=limits)
    components = tuple(
        MixtureComponent(
            **msgspec.structs.asdict(plan),
            documents=sum(shard.documents for shard in shards[plan.name]),
            shards=tuple(sorted(shards[plan.name], key=lambda shard: shard.path)),
            groups=share_groups(plan.name, holdings[plan.name], plan.target_tokens, rates),
        )
        for plan in plans
    )
    return Mixture(
        tokenizer=tokenizer,
        tokenizer_name=tokenizer_name,
        sentinels=sentinels,
        vocab_size=vocab_size,
        seed=seed,
        total_tokens=total_tokens,
        components=components,
        long_min_tokens=rates.long.min_tokens,
    )


def _holdings(
    component: Component, shards: Sequence[MixtureShard], rates: RateSettings
) -> list[Holding]:
    """Return the tokens of each part and language, the long rows apart if they have a weight."""
    kinds: tuple[Rows, ...] = ("short", "long") if rates.long.min_tokens else ("all",)
    found: dict[tuple[str, str, Rows], int] = {}
    for shard in sorted(shards, key=lambda shard: shard.path):
        for rows in kinds:
            key = (shard.part, shard.language, rows)
            found[key] = found.get(key, 0) + sum(shard.row_tokens(rows))
    return [Holding(component, *key, tokens) for key, tokens in found.items() if tokens]


def encode_mixture(mixture: Mixture) -> bytes:
    """Return the bytes of mixture.json, one line."""
    return msgspec.json.encode(mixture) + b"\n"


def write_mixture(mixture: Mixture, path: str) -> None:
    """Write mixture.json."""
    storage.write_bytes(path, encode_mixture(mixture))


def read_mixture(path: str) -> Mixture:
    """Return the mixture that a file describes."""
    return read_manifest_file(
        path,
        Mixture,
        readable=READABLE,
        what="a mixture manifest",
        todo="Point to the mixture.json of a build, or build it again.",
    )


def _check_component(name: Component, tokens: int, weight: float | None) -> None:
    if weight and not tokens:
        raise GristmillError(
            f"{name} has a weight of {weight} and no tokens",
            where=f"mixture.weights.{name}",
            todo=f"Add a source of {name}, or set its weight to 0 and raise the others.",
        )
    if weight is None and tokens:
        raise GristmillError(
            f"{name} has {tokens:,} tokens and no weight",
            where="mixture.weights",
            todo=f"Give {name} a weight; 0 leaves it out.",
        )
