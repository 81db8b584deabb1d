"""The C extension; tokenizer.c says what each function takes."""

from typing_extensions import Buffer

class Vocabulary: ...

def vocabulary(
    data: Buffer,
    offsets: Buffer,
    lefts: Buffer,
    rights: Buffer,
    order: Buffer,
    classes: Buffer,
    /,
) -> Vocabulary: ...
def encode(
    vocabulary: Vocabulary,
    cache: Buffer,
    data: Buffer,
    offsets: Buffer,
    out: Buffer,
    out_offsets: Buffer,
    /,
) -> tuple[int, int, int]: ...
def count_pieces(vocabulary: Vocabulary, data: Buffer, offsets: Buffer, /) -> int: ...
