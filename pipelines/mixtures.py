"""The mixtures of a build: mixture.json, and mixture.STAGE.json for each stage of long context."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from ..corpus.mixture import Mixture, MixtureShard, make_mixture
from ..corpus.record import Component
from ..corpus.storage import escape_glob, join, list_files
from ..corpus.tokenizer_info import TokenizerInfo
from .mixture_settings import StageSettings
from .recipe import RawRecipe

MIXTURE = "mixture.json"
LongTokens = Callable[
    [str, int], tuple[tuple[int, ...], ...]
]  # of a published path and a least length


Shards = Mapping[Component, Sequence[MixtureShard]]


def make_mixtures(
    raw: RawRecipe, info: TokenizerInfo, shards: Shards, long_tokens: LongTokens
) -> dict[str, Mixture]:
    """Return the mixtures of a recipe by the names of their files.

    `long_tokens` counts those of a shard's row groups in rows of at least so many, as stored and in
    each later epoch.
    """
    settings = raw.mixture
    found = {MIXTURE: _mixture(raw, info, shards, long_tokens)}
    for stage in settings.stage:
        changed = msgspec.structs.replace(
            settings,
            long=stage.long,
            total_tokens=stage.total_tokens,
            weights=settings.weights if stage.weights is None else stage.weights,
        )
        of_stage = msgspec.structs.replace(raw, mixture=changed)
        found[stage_file(stage)] = _mixture(of_stage, info, shards, long_tokens)
    return found


def stage_file(stage: StageSettings) -> str:
    """Return the name of a stage's mixture."""
    return f"mixture.{stage.name}.json"


def stale_mixtures(out: str, wanted: Iterable[str]) -> list[str]:
    """Return the names of mixtures in a build directory that are not wanted."""
    start = len(out.rstrip("/")) + 1
    found = [url[start:] for url in list_files(join(escape_glob(out), "mixture.*.json"))]
    return [name for name in found if name not in set(wanted)]


def _mixture(
    raw: RawRecipe, info: TokenizerInfo, shards: Shards, long_tokens: LongTokens
) -> Mixture:
    settings = raw.mixture
    least = settings.long.min_tokens
    if least:
        shards = {
            component: [
                msgspec.structs.replace(shard, long_tokens=long_tokens(shard.path, least))
                for shard in group
            ]
            for component, group in shards.items()
        }
    return make_mixture(
        shards,
        tokenizer=info.digest,
        tokenizer_name=info.name,
        sentinels=info.sentinels,
        vocab_size=info.vocab_size,
        seed=raw.seed,
        weights=settings.weights,
        total_tokens=settings.total_tokens,
        rates=settings,
    )
