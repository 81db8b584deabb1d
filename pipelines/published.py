"""What a build directory offers its readers: build.json, the manifests and their folders.

Files are linked or copied in from the work folder, each under a temporary name that is then
renamed; build.json comes last and names every file with its digest.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import cast

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.held_out import MANIFEST as HELD_OUT_MANIFEST
from ..corpus.held_out import HeldOut, HeldOutShard
from ..corpus.mixture import Mixture, MixtureShard
from ..corpus.parts import long_tokens
from ..corpus.record import Component
from ..corpus.shards import shard_path
from ..corpus.storage import (
    escape_glob,
    exists,
    join,
    link_or_copy,
    list_files,
    read_bytes,
    remove,
    write_bytes,
)
from .artifact import Manifest, tool_versions
from .ledger_totals import HeldOutTotals, Totals, check_kept, count_totals
from .mixtures import make_mixtures, mixture_shard, mixtures_stand, write_mixtures
from .recipe import Recipe
from .store import Store
from .vocabulary import publish_vocabulary, vocabulary_stands

FORMAT_VERSION = 1
TOKENS = "tokens"
HELD_OUT = "held_out"
_FOLDERS = {"pack": TOKENS, "held_out_pack": HELD_OUT}


class FileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A published file and the key of the task that made it."""

    key: str
    digest: str
    rows: int
    num_bytes: int


class ShardRecord(FileRecord, frozen=True, kw_only=True):
    """A published token shard."""

    component: Component
    language: str
    tokens: int
    row_groups: tuple[int, ...]  # tokens of each
    later_row_groups: tuple[tuple[int, ...], ...] = ()  # in each later epoch of its own splits


class HeldOutRecord(ShardRecord, frozen=True, kw_only=True):
    """A published shard of held-out documents; `text_bytes` is the size of their texts."""

    text_bytes: int


class BuildRecord(msgspec.Struct, frozen=True, kw_only=True):
    """build.json: what was built, from what, and what it came to."""

    format_version: int
    name: str
    recipe: dict[str, object]
    artifacts: dict[str, dict[str, str]]  # stage -> shard -> key
    tokens: dict[str, ShardRecord]  # path below the build directory -> shard
    ledger: dict[str, FileRecord]
    totals: Totals
    versions: dict[str, str]
    held_out: dict[str, HeldOutRecord] = {}


def read_build(out: str) -> BuildRecord | None:
    """Return the record of the published build, or None before the first one."""
    url = join(out, "build.json")
    if not exists(url):
        return None
    try:
        return msgspec.json.decode(read_bytes(url), type=BuildRecord)
    except msgspec.DecodeError as error:
        raise GristmillError(
            f"build.json is not what this gristmill writes: {error}",
            where=out,
            todo="Delete it and build again: what is done is not done again.",
        ) from None


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """What a publication changed, as paths below the build directory."""

    written: tuple[str, ...]
    removed: tuple[str, ...]
    mixtures: tuple[str, ...] = ()  # that are new or others than before


def publish(
    store: Store,
    recipe: Recipe,
    artifacts: Mapping[str, Mapping[str, Manifest]],
    previous: BuildRecord | None,
) -> tuple[BuildRecord, Publication]:
    """Bring what readers see up to the given artifacts; build.json is the last."""
    tokens = {_token_path(manifest): manifest for manifest in artifacts["pack"].values()}
    packed = artifacts.get("held_out_pack", {})
    held_out = {_token_path(manifest): manifest for manifest in packed.values()}
    ledger = {f"ledger/{shard}.parquet": m for shard, m in artifacts["ledger"].items()}
    wanted = {**tokens, **held_out, **ledger}
    stale = [path for path, manifest in wanted.items() if not _stands(store, path, manifest)]
    extra = _unwanted(store.out, wanted)
    whole = not stale and not extra and _manifests_stand(store.out, recipe)
    if whole and previous is not None:
        record = _record(recipe, artifacts, tokens, held_out, ledger, previous.totals)
        if record == previous:
            return previous, Publication(written=(), removed=())

    # What may be wrong with the corpus is found before a reader sees any of it.
    ledgers = [store.url(ledger[path]) for path in sorted(ledger)]
    totals = count_totals(ledgers)
    check_kept(recipe.raw.mixture.weights, totals, ledgers, where=recipe.path)
    record = _record(recipe, artifacts, tokens, held_out, ledger, totals)
    mixtures = mixtures_of(store, recipe, artifacts["pack"].values())
    for path in stale:
        link_or_copy(store.url(wanted[path]), join(store.out, path))
        store.trust(join(store.out, path), wanted[path].digest)
    for path in extra:
        remove(join(store.out, path))
    publish_vocabulary(store.out, recipe.tokenizer)
    changed = write_mixtures(store.out, mixtures)
    _publish_held_out(store.out, recipe, record)
    write_bytes(join(store.out, "build.json"), _pretty(record))
    written, gone = tuple(sorted(stale)), tuple(sorted(extra))
    return record, Publication(written=written, removed=gone, mixtures=changed)


def mixtures_of(store: Store, recipe: Recipe, packed: Iterable[Manifest]) -> dict[str, Mixture]:
    """Return the mixtures of a recipe over packed token shards, by the names of their files."""
    tokens = {_token_path(manifest): manifest for manifest in packed}
    shards: dict[Component, list[MixtureShard]] = {}
    for path in sorted(tokens):
        shard = _shard_record(tokens[path])
        shards.setdefault(shard.component, []).append(mixture_shard(path, shard))

    def of_shard(path: str, min_tokens: int) -> tuple[tuple[int, ...], ...]:
        return long_tokens(store.url(tokens[path]), min_tokens)

    return make_mixtures(recipe.raw, recipe.tokenizer.info, shards, of_shard)


def _manifests_stand(out: str, recipe: Recipe) -> bool:
    """Return whether what is written beside shards and ledger is there and can be read."""
    held_out = exists(join(out, HELD_OUT_MANIFEST)) or not recipe.raw.held_out.is_asked
    return held_out and mixtures_stand(out, recipe.raw) and vocabulary_stands(out, recipe.tokenizer)


def _publish_held_out(out: str, recipe: Recipe, record: BuildRecord) -> None:
    """Write held_out.json, or remove it where nothing is held out any more."""
    url = join(out, HELD_OUT_MANIFEST)
    if recipe.raw.held_out.is_asked:
        write_bytes(url, _pretty(_held_out(recipe, record)))
    elif exists(url):
        remove(url)


def _held_out(recipe: Recipe, record: BuildRecord) -> HeldOut:
    info = recipe.tokenizer.info
    return HeldOut(
        tokenizer=info.digest,
        tokenizer_name=info.name,
        sentinels=info.sentinels,
        vocab_size=info.vocab_size,
        seed=recipe.raw.seed,
        fraction=recipe.raw.held_out.fraction,
        shards=tuple(
            HeldOutShard(
                path=path,
                digest=shard.digest,
                component=shard.component,
                language=shard.language,
                documents=shard.rows,
                block_tokens=shard.row_groups,
                num_bytes=shard.text_bytes,
            )
            for path, shard in record.held_out.items()
        ),
    )


def _pretty(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def _token_path(manifest: Manifest) -> str:
    settings, stage = manifest.settings, manifest.stage
    language = str(settings["language"])
    return token_path(str(settings["component"]), language, manifest.shard, stage=stage)


def token_path(component: str, language: str, pack_shard: str, *, stage: str) -> str:
    """Return where a stage that packs has its artifact published, below the build directory."""
    return f"{_FOLDERS[stage]}/{shard_path(component, language, pack_shard.rpartition('.')[2])}"


def _stands(store: Store, path: str, manifest: Manifest) -> bool:
    url = join(store.out, path)
    return exists(url) and store.digest(url) == manifest.digest


def _unwanted(out: str, wanted: Mapping[str, object]) -> list[str]:
    """Return published files that this build does not have."""
    found = [
        *list_files(join(escape_glob(out), TOKENS, "*", "*", "*.parquet")),
        *list_files(join(escape_glob(out), HELD_OUT, "*", "*", "*.parquet")),
        *list_files(join(escape_glob(out), "ledger", "*.parquet")),
    ]
    start = len(out.rstrip("/")) + 1
    paths = [url[start:] for url in found]
    return [path for path in paths if path not in wanted]


def _record(
    recipe: Recipe,
    artifacts: Mapping[str, Mapping[str, Manifest]],
    tokens: Mapping[str, Manifest],
    held_out: Mapping[str, Manifest],
    ledger: Mapping[str, Manifest],
    totals: Totals,
) -> BuildRecord:
    # As JSON gives it back, or no record would equal the one that was read.
    settings = msgspec.json.decode(msgspec.json.encode(recipe.raw))
    rules = {rule.name: rule for rule in recipe.rules}
    settings["rules"] = msgspec.json.decode(msgspec.json.encode(rules))
    del settings["storage"]  # it may hold credentials
    records = {path: _held_out_record(held_out[path]) for path in sorted(held_out)}
    return BuildRecord(
        format_version=FORMAT_VERSION,
        name=recipe.raw.name,
        recipe=settings,
        artifacts={
            stage: {shard: manifest.key for shard, manifest in sorted(shards.items())}
            for stage, shards in sorted(artifacts.items())
        },
        tokens={path: _shard_record(manifest) for path, manifest in sorted(tokens.items())},
        ledger={path: _file_record(manifest) for path, manifest in sorted(ledger.items())},
        totals=msgspec.structs.replace(totals, held_out=_held_out_totals(records.values())),
        versions=tool_versions(),
        held_out=records,
    )


def _file_record(manifest: Manifest) -> FileRecord:
    return FileRecord(
        key=manifest.key,
        digest=manifest.digest,
        rows=manifest.rows,
        num_bytes=manifest.num_bytes,
    )


def _shard_record(manifest: Manifest) -> ShardRecord:
    groups = manifest.counts["row_groups"]
    later = manifest.counts["later_row_groups"]
    num_later = len(later) // max(len(groups), 1)
    return ShardRecord(
        **msgspec.structs.asdict(_file_record(manifest)),
        tokens=sum(manifest.counts["tokens"].values()),
        component=cast(Component, manifest.settings["component"]),
        language=str(manifest.settings["language"]),
        row_groups=tuple(groups[str(i)] for i in range(len(groups))),
        later_row_groups=tuple(
            tuple(later[f"{epoch}.{i}"] for i in range(len(groups)))
            for epoch in range(1, num_later + 1)
        ),
    )


def _held_out_record(manifest: Manifest) -> HeldOutRecord:
    (text_bytes,) = manifest.counts["text_bytes"].values()
    return HeldOutRecord(**msgspec.structs.asdict(_shard_record(manifest)), text_bytes=text_bytes)


def _held_out_totals(shards: Collection[HeldOutRecord]) -> HeldOutTotals:
    return HeldOutTotals(
        documents=sum(shard.rows for shard in shards),
        tokens=sum(shard.tokens for shard in shards),
        num_bytes=sum(shard.text_bytes for shard in shards),
    )
