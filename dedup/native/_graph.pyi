"""The C extension; graph.c says what each function takes."""

from typing_extensions import Buffer

def argsort(keys: Buffer, order: Buffer, /) -> None: ...
def rank(keys: Buffer, distinct: Buffer, ranks: Buffer, /) -> int: ...
def unite(left: Buffer, right: Buffer, parents: Buffer, /) -> None: ...
def unite_bands(hashes: Buffer, num_bands: int, parents: Buffer, /) -> None: ...
def bucket_pairs(
    hashes: Buffer,
    max_bucket: int,
    fanout: int,
    state: Buffer,
    left: Buffer,
    right: Buffer,
    /,
) -> int: ...
def similarities(
    hashes: Buffer, offsets: Buffer, left: Buffer, right: Buffer, out: Buffer, /
) -> None: ...
