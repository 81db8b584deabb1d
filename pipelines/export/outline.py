"""The outline of an export: every file it will have and what goes into each, known beforehand.

It follows from the build and the settings alone, so any number of workers writes the same files,
and a run that was stopped goes on with those that are missing.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import msgspec
import pyarrow as pa

from ...corpus.errors import GristmillError
from ...corpus.mixture import Mixture, MixtureShard
from ...corpus.shards import language_folder
from ...corpus.storage import join
from ..published import BuildRecord
from .documents import is_wanted, language_names, ledger_path
from .seen import Held, seen_tokens
from .settings import ExportSettings, Format, check_languages
from .source import open_source
from .split import Split, make_splits

# {split} and {number} of a file of a component; {language} where files hold one language each, with
# {part} where the component has several, and {epoch} where all are written.
_NAMES: Final[Mapping[Format, tuple[str, ...]]] = {
    "megatron": (
        "{component}/{part}{language}-{split}-{epoch}{number:05d}.bin",
        "{component}/{part}{language}-{split}-{epoch}{number:05d}.idx",
    ),
    "jsonl": ("{component}/{split}-{number:05d}.jsonl.zst",),
    "parquet": ("{component}/{split}-{number:05d}.parquet",),
    "mds": ("{component}/{split}/shard.{number:05d}.mds",),
    "webdataset": ("{component}/{split}-{number:06d}.tar",),
    "datasets": ("data/{component}/{language}/{split}-{number:05d}-of-{total:05d}.parquet",),
}


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Row groups first..end-1 of a token shard; `path` is below the build directory.

    Its rows are those of `variant`, of which the shard has `num_later` besides the stored one.
    """

    path: str
    first: int
    end: int
    variant: int = 0
    num_later: int = 0


class OutputFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file to be written (Megatron's are two), from row groups or from the texts of shards."""

    paths: tuple[str, ...]  # below the export's directory
    component: str
    language: str  # empty where it holds several
    part: str = ""
    epoch: int | None = None  # where each has files of its own
    split: Split
    blocks: tuple[Block, ...] = ()
    read_shards: tuple[str, ...] = ()


class _Group(NamedTuple):
    """Shards, or the languages of shards, that share files; their rows are as `epoch` has them."""

    held: Held
    shards: tuple[MixtureShard, ...]
    epoch: int = 0
    is_of_epoch: bool = False  # and other groups of other epochs


def outline(
    out: str, record: BuildRecord, mixture: Mixture, settings: ExportSettings
) -> list[OutputFile]:
    """Return every file of an export, in the order of their names."""
    check_languages(settings, mixture, where=out)
    if settings.content == "documents":
        found = _of_documents(out, record, settings)
    else:
        found = _of_tokens(mixture, settings)
    files = sorted(found, key=lambda file: file.paths)
    if not files:
        raise GristmillError(
            "the build has nothing of what was asked for",
            where=out,
            todo="Ask for other components or languages; `gristmill audit` lists them.",
        )
    return files


def input_digests(record: BuildRecord, mixture: Mixture, files: list[OutputFile]) -> dict[str, str]:
    """Return the published files that an export is made of, with their digests."""
    shards = {shard.path: shard.digest for part in mixture.components for shard in part.shards}
    paths = {block.path for file in files for block in file.blocks}
    ledgers = {ledger_path(shard) for file in files for shard in file.read_shards}
    digests = {path: shards[path] for path in paths}
    digests |= {path: record.ledger[path].digest for path in ledgers}
    return dict(sorted(digests.items()))


def _of_tokens(mixture: Mixture, settings: ExportSettings) -> Iterator[OutputFile]:
    for group in _groups(mixture, settings):
        for split in make_splits(settings.splits):
            limit = settings.tokens_per_file / split.fraction
            parts = list(_cut(group, limit))
            for number, blocks in enumerate(parts):
                yield OutputFile(
                    paths=_paths(settings.format, group, split, number, len(parts)),
                    component=group.held.component,
                    language=group.held.language,
                    part=group.held.part,
                    epoch=group.epoch if group.is_of_epoch else None,
                    split=split,
                    blocks=blocks,
                )


def _groups(mixture: Mixture, settings: ExportSettings) -> Iterator[_Group]:
    """Yield what shares files.

    A language for Megatron, which blends them, and for `datasets`, which loads them by name; else a
    component.
    """
    first = settings.epoch if isinstance(settings.epoch, int) else 0
    seen = seen_tokens(mixture) if settings.epoch == "all" else {}
    for component in mixture.components:
        if settings.components and component.name not in settings.components:
            continue
        shards = [
            shard
            for shard in component.shards
            if not settings.languages or shard.language in settings.languages
        ]
        if settings.format != "megatron":
            names = sorted({shard.language for shard in shards})
            for language in names if settings.format == "datasets" else [""]:
                own = tuple(shard for shard in shards if language in ("", shard.language))
                if own:
                    yield _Group(Held(component.name, "", language), own, first)
            continue
        for part, language in sorted({(shard.part, shard.language) for shard in shards}):
            own = tuple(
                shard for shard in shards if (shard.part, shard.language) == (part, language)
            )
            held = Held(component.name, part, language)
            if settings.epoch != "all":
                yield _Group(held, own, first)
                continue
            for epoch, tokens in enumerate(seen.get(held, ())):
                if tokens:
                    yield _Group(held, own, epoch, is_of_epoch=True)


def _cut(group: _Group, limit: float) -> Iterator[tuple[Block, ...]]:
    """Yield runs of row groups that stay below a number of tokens where they can."""
    blocks: list[Block] = []
    held = 0
    for shard in group.shards:
        first, later = 0, len(shard.later_block_tokens)
        variant = group.epoch % (1 + later)
        block = Block(path=shard.path, first=0, end=0, variant=variant, num_later=later)
        for number, tokens in enumerate(shard.row_tokens("all", variant)):
            if held and held + tokens > limit:
                if number > first:
                    blocks.append(msgspec.structs.replace(block, first=first, end=number))
                yield tuple(blocks)
                blocks, held, first = [], 0, number
            held += tokens
        blocks.append(msgspec.structs.replace(block, first=first, end=len(shard.block_tokens)))
    if blocks:
        yield tuple(blocks)


def _of_documents(out: str, record: BuildRecord, settings: ExportSettings) -> Iterator[OutputFile]:
    for held, shards in sorted(_read_shards(out, record, settings).items()):
        group = _Group(held, ())
        for split in make_splits(settings.splits):
            limit = settings.tokens_per_file / split.fraction
            parts = list(_batches(shards, limit)) if held.language else [(name,) for name in shards]
            for number, names in enumerate(parts):
                yield OutputFile(
                    paths=_paths(settings.format, group, split, number, len(parts)),
                    component=held.component,
                    language=held.language,
                    split=split,
                    read_shards=names,
                )


def _read_shards(
    out: str, record: BuildRecord, settings: ExportSettings
) -> dict[Held, dict[str, int]]:
    """Return what shares files: shard -> tokens; a language apart where files hold one each."""
    found: dict[Held, dict[str, int]] = {}
    for path in sorted(record.ledger):
        with open_source(join(out, path)) as file:
            table = file.read(columns=["component", "language", "dropped_by", "tokens"])
        table = table.filter(is_wanted(table, settings))
        names = {"component": table["component"], "language": language_names(table)}
        kept = pa.table({**names, "tokens": table["tokens"]})
        kept = kept.group_by(["component", "language"]).aggregate([("tokens", "sum")])
        shard = path.removeprefix("ledger/").removesuffix(".parquet")
        for row in kept.to_pylist():
            if settings.components and row["component"] not in settings.components:
                continue
            language = row["language"] if settings.format == "datasets" else ""
            shards = found.setdefault(Held(row["component"], "", language), {})
            shards[shard] = shards.get(shard, 0) + row["tokens_sum"]
    return found


def _batches(shards: Mapping[str, int], limit: float) -> Iterator[tuple[str, ...]]:
    """Yield runs of shards that stay below a number of tokens where they can."""
    names, held = list[str](), 0
    for name, tokens in shards.items():
        if names and held + tokens > limit:
            yield tuple(names)
            names, held = [], 0
        names.append(name)
        held += tokens
    yield tuple(names)


def _paths(kind: Format, group: _Group, split: Split, number: int, total: int) -> tuple[str, ...]:
    component, part, language = group.held
    folder = language_folder(language) if language else ""
    return tuple(
        name.format(
            component=component,
            part=f"{part}-" if part else "",
            language=folder,
            split=split.name,
            epoch=f"epoch{group.epoch}-" if group.is_of_epoch else "",
            number=number,
            total=total,
        )
        for name in _NAMES[kind]
    )
