"""What a build directory offers its readers: build.json, mixture.json, tokens/ and ledger/.

Files are linked or copied in from the work folder, each under a temporary name that is then
renamed; build.json comes last and names every file with its digest.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ..corpus.mixture import Mixture, MixtureShard, make_mixture
from ..corpus.record import FELL_BACK, Component
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
from .artifact import Manifest, open_parquet, tool_versions
from .recipe import Recipe
from .stage import value_counts
from .store import Store
from .vocabulary import publish_vocabulary

FORMAT_VERSION = 1
GROUPS = ("component", "language", "licence", "source")
_COUNTED = ("dropped_by", "num_bytes", "tokens", "extract_reason")


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


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of documents and tokens; `by` maps a column to value -> [documents kept, tokens]."""

    documents: int
    kept: int
    num_bytes: int
    tokens: int
    by: dict[str, dict[str, tuple[int, int]]]
    drops: dict[str, int]
    fell_back: dict[str, int] = {}  # source -> pages with the cheap text in place of the fine one


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


def read_build(out: str) -> BuildRecord | None:
    """Return the record of the published build, or None before the first one."""
    url = join(out, "build.json")
    if not exists(url):
        return None
    return msgspec.json.decode(read_bytes(url), type=BuildRecord)


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """What a publication changed, as paths below the build directory."""

    written: tuple[str, ...]
    removed: tuple[str, ...]


def publish(
    store: Store,
    recipe: Recipe,
    artifacts: Mapping[str, Mapping[str, Manifest]],
    previous: BuildRecord | None,
) -> tuple[BuildRecord, Publication]:
    """Bring tokens/, ledger/, mixture.json and build.json up to the given artifacts."""
    tokens = {_token_path(manifest): manifest for manifest in artifacts["pack"].values()}
    ledger = {f"ledger/{shard}.parquet": m for shard, m in artifacts["ledger"].items()}
    wanted = {**tokens, **ledger}
    stale = [path for path, manifest in wanted.items() if not _stands(store, path, manifest)]
    extra = _unwanted(store.out, wanted)
    if not stale and not extra and previous is not None:
        record = _record(recipe, artifacts, tokens, ledger, previous.totals)
        if record == previous:
            return previous, Publication(written=(), removed=())
    # What may be wrong with the corpus is found before a reader sees any of it.
    totals = count_totals([store.url(ledger[path]) for path in sorted(ledger)])
    record = _record(recipe, artifacts, tokens, ledger, totals)
    mixture = _mixture(recipe, record)
    for path in stale:
        link_or_copy(store.url(wanted[path]), join(store.out, path))
        store.trust(join(store.out, path), wanted[path].digest)
    for path in extra:
        remove(join(store.out, path))
    publish_vocabulary(store.out, recipe.tokenizer)
    write_bytes(join(store.out, "mixture.json"), _pretty(mixture))
    write_bytes(join(store.out, "build.json"), _pretty(record))
    return record, Publication(written=tuple(sorted(stale)), removed=tuple(sorted(extra)))


def _pretty(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def _token_path(manifest: Manifest) -> str:
    settings = manifest.settings
    return token_path(str(settings["component"]), str(settings["language"]), manifest.shard)


def token_path(component: str, language: str, pack_shard: str) -> str:
    """Return where the artifact of a `pack` task is published, below the build directory."""
    return f"tokens/{shard_path(component, language, pack_shard.rpartition('.')[2])}"


def _stands(store: Store, path: str, manifest: Manifest) -> bool:
    url = join(store.out, path)
    return exists(url) and store.digest(url) == manifest.digest


def _unwanted(out: str, wanted: Mapping[str, object]) -> list[str]:
    """Return published files that this build does not have."""
    found = [
        *list_files(join(escape_glob(out), "tokens", "*", "*", "*.parquet")),
        *list_files(join(escape_glob(out), "ledger", "*.parquet")),
    ]
    start = len(out.rstrip("/")) + 1
    paths = [url[start:] for url in found]
    return [path for path in paths if path not in wanted]


def _record(
    recipe: Recipe,
    artifacts: Mapping[str, Mapping[str, Manifest]],
    tokens: Mapping[str, Manifest],
    ledger: Mapping[str, Manifest],
    totals: Totals,
) -> BuildRecord:
    # As JSON gives it back, or no record would equal the one that was read.
    settings = msgspec.json.decode(msgspec.json.encode(recipe.raw))
    rules = {rule.name: rule for rule in recipe.rules}
    settings["rules"] = msgspec.json.decode(msgspec.json.encode(rules))
    del settings["storage"]  # it may hold credentials
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
        totals=totals,
        versions=tool_versions(),
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
    return ShardRecord(
        **msgspec.structs.asdict(_file_record(manifest)),
        tokens=sum(manifest.counts["tokens"].values()),
        component=cast(Component, manifest.settings["component"]),
        language=str(manifest.settings["language"]),
        row_groups=tuple(groups[str(i)] for i in range(len(groups))),
    )


def _mixture(recipe: Recipe, record: BuildRecord) -> Mixture:
    shards: dict[Component, list[MixtureShard]] = {}
    for path, shard in record.tokens.items():
        entry = MixtureShard(
            path=path,
            digest=shard.digest,
            language=shard.language,
            documents=shard.rows,
            block_tokens=shard.row_groups,
        )
        shards.setdefault(shard.component, []).append(entry)
    info = recipe.tokenizer.info
    return make_mixture(
        shards,
        tokenizer=info.digest,
        tokenizer_name=info.name,
        sentinels=info.sentinels,
        vocab_size=info.vocab_size,
        seed=recipe.raw.seed,
        weights=recipe.raw.mixture.weights,
        total_tokens=recipe.raw.mixture.total_tokens,
    )


def count_totals(ledger: Sequence[str]) -> Totals:
    """Count documents and tokens over ledger files, one file in memory at a time."""
    documents = kept = num_bytes = tokens = 0
    by: dict[str, dict[str, tuple[int, int]]] = {name: {} for name in GROUPS}
    drops: dict[str, int] = {}
    fell_back: dict[str, int] = {}
    for url in ledger:
        with open_parquet(url) as file:
            table = file.read(columns=[*GROUPS, *_COUNTED])
        documents += table.num_rows
        num_bytes += pc.sum(table["num_bytes"]).as_py() or 0
        for reason, count in value_counts(table["dropped_by"]).items():
            drops[reason] = drops.get(reason, 0) + count
        is_cheap = pc.fill_null(
            pc.starts_with(table["extract_reason"], FELL_BACK), fill_value=False
        )
        for source, count in value_counts(table["source"].filter(is_cheap)).items():
            fell_back[source] = fell_back.get(source, 0) + count
        table = table.filter(pc.is_null(table["dropped_by"]))
        kept += table.num_rows
        tokens += pc.sum(table["tokens"]).as_py() or 0
        for name in GROUPS:
            for value, count, total in _grouped(table, name):
                old = by[name].get(value, (0, 0))
                by[name][value] = (old[0] + count, old[1] + total)
    return Totals(
        documents=documents,
        kept=kept,
        num_bytes=num_bytes,
        tokens=tokens,
        by=by,
        drops=drops,
        fell_back=fell_back,
    )


def _grouped(table: pa.Table, name: str) -> list[tuple[str, int, int]]:
    grouped = table.group_by(name, use_threads=False).aggregate(
        [("tokens", "count"), ("tokens", "sum")]
    )
    rows = grouped.to_pylist()
    return [
        (row[name] or "unknown", row["tokens_count"], row["tokens_sum"] or 0)
        for row in sorted(rows, key=lambda row: row[name] or "")
    ]
