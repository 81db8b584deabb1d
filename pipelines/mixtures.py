"""The mixtures of a build: mixture.json, and mixture.STAGE.json for each stage of long context."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.mixture import Mixture, MixtureShard, make_mixture, read_mixture
from ..corpus.parts import part_of
from ..corpus.record import Component
from ..corpus.storage import escape_glob, exists, join, list_files, read_bytes, remove, write_bytes
from ..corpus.tokenizer_info import TokenizerInfo
from .mixture_settings import StageSettings
from .recipe import RawRecipe

if TYPE_CHECKING:
    from .published import ShardRecord

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
    found = {MIXTURE: _mixture(raw, info, shards, long_tokens, where="mixture.long")}
    for stage in settings.stage:
        changed = msgspec.structs.replace(
            settings,
            long=stage.long,
            total_tokens=stage.total_tokens,
            weights=settings.weights if stage.weights is None else stage.weights,
        )
        of_stage = msgspec.structs.replace(raw, mixture=changed)
        where = f"mixture.stage `{stage.name}`"
        found[stage_file(stage)] = _mixture(of_stage, info, shards, long_tokens, where=where)
    return found


def mixture_shard(path: str, shard: "ShardRecord") -> MixtureShard:
    """Return what a mixture says of a published shard."""
    return MixtureShard(
        path=path,
        digest=shard.digest,
        language=shard.language,
        documents=shard.rows,
        block_tokens=shard.row_groups,
        later_block_tokens=shard.later_row_groups,
        part=part_of(path.rpartition("/")[2].removesuffix(".parquet")),
    )


def mixtures_stand(out: str, raw: RawRecipe) -> bool:
    """Return whether every mixture of a recipe is there and can be read."""
    try:
        for name in (MIXTURE, *map(stage_file, raw.mixture.stage)):
            read_mixture(join(out, name))
    except GristmillError:
        return False
    return True


def stage_file(stage: StageSettings) -> str:
    """Return the name of a stage's mixture."""
    return f"mixture.{stage.name}.json"


def write_mixtures(out: str, mixtures: Mapping[str, Mixture]) -> tuple[str, ...]:
    """Write those that are new or others than before, and return their names; remove all else."""
    for name in published_mixtures(out):
        if name not in mixtures:
            remove(join(out, name))
    changed = []
    for name, mixture in sorted(mixtures.items()):
        url = join(out, name)
        data = msgspec.json.format(msgspec.json.encode(mixture), indent=1) + b"\n"
        if not exists(url) or read_bytes(url) != data:
            write_bytes(url, data)
            changed.append(name)
    return tuple(changed)


def published_mixtures(out: str) -> list[str]:
    """Return the names of the mixtures in a build directory."""
    start = len(out.rstrip("/")) + 1
    stages = [url[start:] for url in list_files(join(escape_glob(out), "mixture.*.json"))]
    return [MIXTURE, *stages] if exists(join(out, MIXTURE)) else stages


def _mixture(
    raw: RawRecipe, info: TokenizerInfo, shards: Shards, long_tokens: LongTokens, *, where: str
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
        if not any(any(s.row_tokens("long")) for group in shards.values() for s in group):
            raise GristmillError(
                f"no training document has {least:,} tokens",
                where=f"{where}: long.min_tokens",
                todo="Lower it, or leave `long` out.",
            )
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
