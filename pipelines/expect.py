"""What a recipe expects of its sources, and the volumes that follow from it stage by stage."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.record import Component
from ..corpus.sources.unit import SourceSpec

# Of UTF-8 text, by DeepSeek-V2's vocabulary on what the rules keep of the fixtures: 46 languages of
# code with Markdown, web pages on mathematics, prose in English and Chinese. For estimates alone.
BYTES_PER_TOKEN: Final[Mapping[Component, float]] = MappingProxyType(
    {"code": 3.1, "math": 2.5, "text": 3.4}
)

_Count = Annotated[int, msgspec.Meta(ge=0)]
_Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


class Expectation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a source is expected to hold: how much of it is read, passes, is unique and is fetched.

    Args:
        documents: that are read.
        text_bytes: of their UTF-8 text.
        tokens: that are left in the end; in place of text_bytes, which then follows from it.
        passed: the share of the bytes that the rules keep.
        unique: the share of these that is left without duplicates.
        download_bytes: that are fetched over the network, as they are packed there.
        pool_documents: that a recall loop looks through; of them `documents` are collected.
        pool_bytes: of the text of that pool.
    """

    documents: _Count
    text_bytes: _Count | None = None
    tokens: _Count | None = None
    passed: _Share = 1.0
    unique: _Share = 1.0
    download_bytes: _Count = 0
    pool_documents: _Count = 0
    pool_bytes: _Count = 0

    def __post_init__(self) -> None:
        if (self.text_bytes is None) == (self.tokens is None):
            raise ValueError("an expectation has either `text_bytes` or `tokens`")


class Volume(NamedTuple):
    """Documents and bytes of a source as they are read, after the rules and after dedup."""

    documents: int
    text_bytes: int
    passed_documents: int
    passed_bytes: int
    kept_documents: int
    kept_bytes: int
    tokens: int
    download_bytes: int
    pool_documents: int
    pool_bytes: int


def expected_volume(expectation: Expectation, component: Component) -> Volume:
    """Return the volumes of a source; documents are left in the proportion of bytes."""
    left = expectation.passed * expectation.unique
    if expectation.tokens is not None:
        kept = expectation.tokens * BYTES_PER_TOKEN[component]
        text, tokens = kept / left, float(expectation.tokens)
    else:
        text = float(expectation.text_bytes or 0)
        tokens = text * left / BYTES_PER_TOKEN[component]
    return Volume(
        documents=expectation.documents,
        text_bytes=round(text),
        passed_documents=round(expectation.documents * expectation.passed),
        passed_bytes=round(text * expectation.passed),
        kept_documents=round(expectation.documents * left),
        kept_bytes=round(text * left),
        tokens=round(tokens),
        download_bytes=expectation.download_bytes,
        pool_documents=expectation.pool_documents,
        pool_bytes=expectation.pool_bytes,
    )


def check_expectations(
    expect: Mapping[str, Expectation], sources: tuple[SourceSpec, ...], *, where: str
) -> None:
    """Raise GristmillError for an expectation of a source that the recipe does not have."""
    names = {source.name for source in sources}
    for name in expect:
        if name not in names:
            raise GristmillError(
                f"there is no source `{name}`",
                where=f"{where}: expect",
                todo=f"The sources are {', '.join(sorted(names))}.",
            )
