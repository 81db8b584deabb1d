"""What a recipe says of a datatrove step, and what of it decides an output."""

import re
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Literal

import msgspec

from ...corpus.record import COMPONENTS, Component

Texts = Literal["judge", "rewrite"]

OWN_MODULES: Final = "datatrove."
# Whose release can change what a step says of a text.
LIBRARIES: Final = ("datatrove", "spacy", "jieba", "pyvi", "pythainlp", "kiwipiepy", "ftfy")
_NAME = re.compile("[a-z0-9][a-z0-9_]*")
_WORD_START = re.compile("(?<=[a-z0-9])(?=[A-Z])")


class DatatroveStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pipeline step of datatrove.

    Args:
        step: the class with its module, such as datatrove.pipeline.filters.GopherQualityFilter.
        name: begins every reason in the ledger; without one, it is made of the class's name.
        args: what the class is made with; a list becomes a tuple.
        components: whose documents it sees.
        languages: of the documents that it judges; empty: all.
        texts: `judge` says of every document why it would go; `rewrite` runs while a source is
            read and also takes the texts that the step makes.
        version: of a class that is not datatrove's own; another one runs it again.
    """

    step: str
    name: str = ""
    args: dict[str, object] = {}
    components: tuple[Component, ...] = ("text",)
    languages: tuple[str, ...] = ()
    texts: Texts = "judge"
    version: str = ""

    def __post_init__(self) -> None:
        if not all(part.isidentifier() for part in self.step.split(".")) or "." not in self.step:
            raise ValueError(f"`{self.step}` is no class with its module")
        if self.name and not _NAME.fullmatch(self.name):
            raise ValueError(f"`{self.name}` is no name: small letters, digits and _")
        if not self.components:
            raise ValueError(f"step `{self.label}` has no components: {', '.join(COMPONENTS)}")
        if self.texts == "rewrite" and self.languages:
            raise ValueError(f"step `{self.label}` rewrites before languages are known")
        is_own = self.step.startswith(OWN_MODULES)
        if is_own == bool(self.version):
            what = "has datatrove's version" if is_own else "needs a `version` of its own"
            raise ValueError(f"step `{self.label}` {what}")

    @property
    def label(self) -> str:
        """The name, by default that of the class without `Filter`: c4_quality."""
        words = _WORD_START.sub("_", self.step.rpartition(".")[2]).lower()
        return self.name or words.removesuffix("_filter")

    def key_settings(self) -> dict[str, object]:
        """Return what decides what the step says of a document that it sees."""
        settings: dict[str, object] = msgspec.to_builtins(self)
        del settings["components"], settings["texts"]
        settings["name"] = self.label
        return settings


def steps_for(
    steps: tuple[DatatroveStep, ...], component: str, texts: Texts
) -> tuple[DatatroveStep, ...]:
    """Return the steps that judge, or that rewrite, the documents of a component."""
    return tuple(step for step in steps if component in step.components and step.texts == texts)


def step_assets(steps: tuple[DatatroveStep, ...]) -> dict[str, str]:
    """Return the versions of the libraries, and the digests of the files that arguments name."""
    assets = {name: found for name in LIBRARIES if (found := _version(name)) is not None}
    for step in steps:
        for name, value in step.args.items():
            path = _file(value)
            if path is not None:
                state = path.stat()
                digest = _digest(str(path), state.st_mtime_ns, state.st_size)
                assets[f"{step.label}.{name}"] = digest
    return assets if steps else {}


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _file(value: object) -> Path | None:
    """Return the file that an argument names; a regular expression may be too long for a path."""
    if not isinstance(value, str) or "\0" in value or len(value) > 255:
        return None
    path = Path(value)
    return path if path.is_file() else None


@lru_cache(maxsize=256)
def _digest(path: str, changed_ns: int, num_bytes: int) -> str:
    """Return the digest of a file, which is read again once its time or size is another."""
    hasher = blake2b(digest_size=16)
    with Path(path).open("rb") as stream:
        while block := stream.read(1 << 20):
            hasher.update(block)
    return hasher.hexdigest()
