"""The C extension; recall.c says what each function takes."""

from typing_extensions import Buffer

def words(data: Buffer, offsets: Buffer, out: Buffer, out_offsets: Buffer, /) -> int: ...
def index_words(words: Buffer, word_offsets: Buffer, slots: Buffer, /) -> None: ...
def score(
    data: Buffer,
    offsets: Buffer,
    words: Buffer,
    word_offsets: Buffer,
    slots: Buffer,
    table: Buffer,
    num_targets: int,
    num_buckets: int,
    max_gram: int,
    sums: Buffer,
    counts: Buffer,
    /,
) -> None: ...
def set_characters(table: bytes, /) -> None: ...
