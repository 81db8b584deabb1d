"""The C extension; sketch.c says what each function takes."""

from typing_extensions import Buffer

def sketch(
    data: Buffer,
    offsets: Buffer,
    ngram: int,
    num_bins: int,
    value_bits: int,
    salt: int,
    multipliers: Buffer,
    increments: Buffer,
    signatures: Buffer,
    counts: Buffer,
    target: str | None,
    /,
) -> None: ...
def shingles(
    data: Buffer,
    offsets: Buffer,
    ngram: int,
    hashes: Buffer,
    counts: Buffer,
    target: str | None,
    /,
) -> int: ...
def distinct_shingles(
    data: Buffer,
    offsets: Buffer,
    ngram: int,
    hashes: Buffer,
    counts: Buffer,
    target: str | None,
    /,
) -> int: ...
def set_characters(table: bytes, /) -> None: ...
def supported() -> list[str]: ...
