"""What a build holds out, by language: for audits."""

from collections.abc import Sequence

import msgspec

from .printable import printable
from .published import BuildRecord

_LISTED = 3


class HeldOutLanguage(msgspec.Struct, frozen=True, kw_only=True):
    """The held-out training documents of one language; bytes are those of their texts."""

    component: str
    language: str
    documents: int
    tokens: int
    num_bytes: int


def held_out_languages(record: BuildRecord) -> tuple[HeldOutLanguage, ...]:
    """Return what is held out of each language, most tokens first."""
    found: dict[tuple[str, str], tuple[int, int, int]] = {}
    for shard in record.held_out.values():
        name = (shard.component, shard.language)
        documents, tokens, num_bytes = found.get(name, (0, 0, 0))
        found[name] = (
            documents + shard.rows,
            tokens + shard.tokens,
            num_bytes + shard.text_bytes,
        )
    rows = (
        HeldOutLanguage(
            component=component,
            language=language,
            documents=documents,
            tokens=tokens,
            num_bytes=num_bytes,
        )
        for (component, language), (documents, tokens, num_bytes) in found.items()
    )
    return tuple(sorted(rows, key=lambda row: (-row.tokens, row.component, row.language)))


def held_out_text(found: Sequence[HeldOutLanguage]) -> list[str]:
    """Return a paragraph for people, if anything is held out."""
    if not found:
        return []
    documents, tokens, num_bytes = (
        sum(getattr(row, name) for row in found) for name in ("documents", "tokens", "num_bytes")
    )
    most = ", ".join(f"{printable(row.language)} {row.tokens:,}" for row in found[:_LISTED])
    return [
        f"Held out: {documents:,} training documents in {len(found):,} languages, "
        f"{tokens:,} tokens of\n{num_bytes:,} bytes of text. Most tokens: {most}."
    ]
