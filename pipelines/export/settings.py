"""What an export is asked for: a format, what of a document it holds, and which documents."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from ...corpus.errors import GristmillError
from ...corpus.mixture import Mixture
from ...corpus.record import COMPONENTS
from ...corpus.toml_settings import unknown_name

Format = Literal["megatron", "jsonl", "parquet", "mds", "webdataset", "datasets"]
Content = Literal["documents", "samples", "tokens"]
Epoch = int | Literal["all"]

FORMATS: Final[tuple[Format, ...]] = (
    "megatron",
    "jsonl",
    "parquet",
    "mds",
    "webdataset",
    "datasets",
)
CONTENTS: Final[tuple[Content, ...]] = ("documents", "samples", "tokens")
DEFAULT_CONTENT: Final[Mapping[Format, Content]] = MappingProxyType(
    {
        "megatron": "tokens",
        "jsonl": "documents",
        "parquet": "documents",
        "mds": "tokens",
        "webdataset": "tokens",
        "datasets": "documents",
    }
)
# 64 GB of Megatron's; 64 MB of MDS, which holds a file in memory; else 0.5 GB of ids.
TOKENS_PER_FILE: Final[Mapping[Format, int]] = MappingProxyType(
    {
        "megatron": 1 << 34,
        "jsonl": 1 << 27,
        "parquet": 1 << 27,
        "mds": 1 << 24,
        "webdataset": 1 << 27,
        "datasets": 1 << 27,
    }
)
REST: Final = "train"  # the split of what no other split takes


class ExportSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings that decide an export's bytes; empty `components` or `languages` mean all."""

    format: Format
    content: Content
    components: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    epoch: Epoch = 0  # of the rows; "all": every one that training sees
    splits: dict[str, float] = {}  # name -> share of the training documents; the rest is REST
    tokens_per_file: int


def make_settings(
    kind: Format,
    *,
    content: Content | None = None,
    components: tuple[str, ...] = (),
    languages: tuple[str, ...] = (),
    epoch: Epoch = 0,
    splits: Mapping[str, float] | None = None,
    tokens_per_file: int | None = None,
) -> ExportSettings:
    """Return checked settings, with the format's own defaults."""
    settings = ExportSettings(
        format=kind,
        content=content or DEFAULT_CONTENT[kind],
        components=tuple(sorted(set(components))),
        languages=tuple(sorted(set(languages))),
        epoch=epoch,
        splits=dict(sorted((splits or {}).items())),
        tokens_per_file=tokens_per_file or TOKENS_PER_FILE[kind],
    )
    if kind == "megatron" and settings.content != "tokens":
        raise _wrong("megatron holds tokens only", "--content", "Leave --content out.")
    _check_epoch(settings)
    for name in settings.components:
        if name not in COMPONENTS:
            known = ", ".join(COMPONENTS)
            raise _wrong(f"there is no component {name!r}", "--component", f"Name one of {known}.")
    for name, share in settings.splits.items():
        if not name.isidentifier() or not 0 < share < 1 or name == REST:
            raise _wrong(
                f"{name}={share:g} is no split",
                "--split",
                f"Write NAME=SHARE with a share between 0 and 1; what is left is {REST}.",
            )
    if sum(settings.splits.values()) >= 1:
        raise _wrong(f"the splits leave nothing for {REST}", "--split", "Ask for smaller shares.")
    return settings


def _check_epoch(settings: ExportSettings) -> None:
    if settings.epoch == "all" and settings.format != "megatron":
        todo = "Export each epoch to a directory of its own: --epoch 0, --epoch 1 ..."
        raise _wrong("only megatron blends all epochs", "--epoch", todo)
    if settings.epoch != 0 and settings.content == "documents":
        todo = "Leave --epoch out, or ask for --content samples or tokens."
        raise _wrong("documents are the same in every epoch", "--epoch", todo)


def check_languages(settings: ExportSettings, mixture: Mixture, *, where: str) -> None:
    """Raise GristmillError for a language of which the chosen components have nothing."""
    known = {
        shard.language
        for component in mixture.components
        if not settings.components or component.name in settings.components
        for shard in component.shards
    }
    for name in settings.languages:
        if name not in known:
            raise unknown_name(name, sorted(known), where=f"{where}: --language", what="language")


def parse_epoch(text: str) -> Epoch:
    """Return the epoch of an option: a number from 0, or all."""
    if text == "all":
        return "all"
    if not text.isdecimal():
        raise _wrong(f"{text!r} is no epoch", "--epoch", "Give a number from 0 on, or all.")
    return int(text)


def _wrong(what: str, where: str, todo: str) -> GristmillError:
    return GristmillError(what, where=where, todo=todo)


def parse_content(name: str | None) -> Content | None:
    """Return the content of this name, if it is one."""
    return next((content for content in CONTENTS if content == name), None)
