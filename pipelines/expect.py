"""What a recipe expects of its sources, and the volumes that follow from it stage by stage."""

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.record import Component
from ..corpus.sources.unit import SourceSpec
from ..corpus.token_rates import CODE, mixed_bytes_per_token, token_rates

# The languages of a source that does not say them. Its pages on mathematics came to 2.5 bytes a
# token on the fixtures, which is the rate of TeX; prose in English alone to 3.4.
ASSUMED_LANGUAGE: Final[Mapping[Component, str]] = MappingProxyType(
    {"code": CODE, "math": "TeX", "text": "en"}
)
_LANGUAGE_NAMES: Final = MappingProxyType({CODE: "the average of all programming languages"})

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
        languages: shares of the bytes that are left; without one, or for the rest of them, what
            ASSUMED_LANGUAGE has for the component.
    """

    documents: _Count
    text_bytes: _Count | None = None
    tokens: _Count | None = None
    passed: _Share = 1.0
    unique: _Share = 1.0
    download_bytes: _Count = 0
    pool_documents: _Count = 0
    pool_bytes: _Count = 0
    languages: dict[str, _Share] = {}

    def __post_init__(self) -> None:
        if (self.text_bytes is None) == (self.tokens is None):
            raise ValueError("an expectation has either `text_bytes` or `tokens`")
        if sum(self.languages.values()) > 1 + 1e-9:
            raise ValueError("the shares of `languages` come to more than 1")


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


class SourceRate(msgspec.Struct, frozen=True, kw_only=True):
    """What the bytes of a source come to in tokens, and which of its languages are assumed."""

    source: str
    bytes_per_token: float
    assumed: str = ""  # the language that the source does not say
    assumed_fraction: float = 0.0  # of its bytes


def expected_rate(expectation: Expectation, source: SourceSpec) -> SourceRate:
    """Return the rate of a source's languages, as measured before anything is tokenized."""
    assumed = ASSUMED_LANGUAGE[source.component]
    rest = max(0.0, 1.0 - sum(expectation.languages.values()))
    shares = dict(expectation.languages)
    if rest < 1e-9:
        assumed, rest = "", 0.0
    else:
        shares[assumed] = shares.get(assumed, 0.0) + rest
    return SourceRate(
        source=source.name,
        bytes_per_token=mixed_bytes_per_token(shares),
        assumed=_LANGUAGE_NAMES.get(assumed, assumed),
        assumed_fraction=rest,
    )


def expected_volume(expectation: Expectation, bytes_per_token: float) -> Volume:
    """Return the volumes of a source; documents are left in the proportion of bytes."""
    left = expectation.passed * expectation.unique
    if expectation.tokens is not None:
        text, tokens = expectation.tokens * bytes_per_token / left, float(expectation.tokens)
    else:
        text = float(expectation.text_bytes or 0)
        tokens = text * left / bytes_per_token
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


def expected_tokens(
    expect: Mapping[str, Expectation], sources: tuple[SourceSpec, ...]
) -> dict[str, int]:
    """Return the tokens of each source of which the recipe expects something."""
    found = {}
    for source in sources:
        if source.name in expect:
            rate = expected_rate(expect[source.name], source).bytes_per_token
            found[source.name] = expected_volume(expect[source.name], rate).tokens
    return found


def check_expectations(
    expect: Mapping[str, Expectation], sources: tuple[SourceSpec, ...], *, where: str
) -> None:
    """Raise GristmillError for a source that the recipe, or a language that the table, lacks."""
    names = {source.name for source in sources}
    for name, expectation in expect.items():
        if name not in names:
            raise GristmillError(
                f"there is no source `{name}`",
                where=f"{where}: expect",
                todo=f"The sources are {', '.join(sorted(names))}.",
            )
        for language in expectation.languages:
            if language not in token_rates():
                near = get_close_matches(language, token_rates(), n=1, cutoff=0.5)
                raise GristmillError(
                    f"no bytes a token are known of language `{language}`",
                    where=f"{where}: expect.{name}.languages",
                    todo=f"Did you mean `{near[0]}`?" if near else "Leave it to the rest.",
                )
