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
from .errors import GristmillError
from .ids import digest_parts
from .record import COMPONENTS, Component
from .tokenizer_info import DEEPSEEK_V2, Sentinels

FORMAT_VERSION: Final = 1
DEFAULT_WEIGHTS: Final[Mapping[Component, float]] = MappingProxyType(
    {"code": 0.6, "math": 0.1, "text": 0.3}
)
DEFAULT_TOTAL_TOKENS: Final = 6_000_000_000_000

_WEIGHT_TOLERANCE = Fraction(1, 1_000_000)


class MixtureShard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One token shard: `path` is relative to the build, `block_tokens` counts each row group."""

    path: str
    digest: str
    language: str
    documents: int
    block_tokens: tuple[int, ...]


class ComponentPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one component is asked for; `epochs` is how often its tokens are seen."""

    name: Component
    weight: float
    tokens: int
    target_tokens: int
    epochs: float


class MixtureComponent(ComponentPlan, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One component with its shards, ordered by path."""

    documents: int
    shards: tuple[MixtureShard, ...]


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
) -> tuple[ComponentPlan, ...]:
    """Return each component's target and epochs; a weight of 0 leaves a component out.

    Targets add up to the total. Weights that do not add up to 1, a component with a weight but no
    tokens, and one with tokens but no weight raise GristmillError.
    """
    check_weights(weights)
    for name in COMPONENTS:
        _check_component(name, tokens.get(name, 0), weights.get(name))
    names = [name for name in COMPONENTS if weights.get(name)]
    targets = apportion([weights[name] for name in names], total_tokens)
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
) -> Mixture:
    """Return the manifest of these shards, whatever order they come in."""
    tokens = {name: sum(sum(s.block_tokens) for s in group) for name, group in shards.items()}
    plans = plan_epochs(tokens, weights=weights, total_tokens=total_tokens)
    components = tuple(
        MixtureComponent(
            **msgspec.structs.asdict(plan),
            documents=sum(shard.documents for shard in shards[plan.name]),
            shards=tuple(sorted(shards[plan.name], key=lambda shard: shard.path)),
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
    )


def apportion(weights: Sequence[float], total: int) -> list[int]:
    """Return whole numbers in the proportion of the weights that add up to the total.

    The largest remainders are rounded up; of equal ones, the first.
    """
    shares = [Fraction(str(weight)) for weight in weights]
    quotas = [share * total / sum(shares) for share in shares]
    counts = [int(quota) for quota in quotas]
    by_remainder = sorted(range(len(quotas)), key=lambda i: (counts[i] - quotas[i], i))
    for i in by_remainder[: total - sum(counts)]:
        counts[i] += 1
    return counts


def encode_mixture(mixture: Mixture) -> bytes:
    """Return the bytes of mixture.json, one line."""
    return msgspec.json.encode(mixture) + b"\n"


def write_mixture(mixture: Mixture, path: str) -> None:
    """Write mixture.json."""
    storage.write_bytes(path, encode_mixture(mixture))


def read_mixture(path: str) -> Mixture:
    """Return the mixture that a file describes."""
    try:
        mixture = msgspec.json.decode(storage.read_bytes(path), type=Mixture)
    except msgspec.DecodeError as error:
        raise GristmillError(
            f"the file is not a mixture manifest ({error})",
            where=path,
            todo="Point to the mixture.json of a build, or build it again.",
        ) from error
    if mixture.format_version != FORMAT_VERSION:
        raise GristmillError(
            f"the mixture has format {mixture.format_version}, this gristmill reads "
            f"{FORMAT_VERSION}",
            where=path,
            todo="Build the mixture again with this version of gristmill.",
        )
    return mixture


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
