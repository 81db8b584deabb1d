"""The C extension; decontam.c says what it takes."""

from typing_extensions import Buffer

def scan(
    words: Buffer,
    counts: Buffer,
    long_filter: Buffer,
    short_filter: Buffer,
    hashes: Buffer,
    buckets: Buffer,
    lengths: int,
    limit: int,
    texts: Buffer,
    places: Buffer,
    grams: Buffer,
    /,
) -> int: ...
