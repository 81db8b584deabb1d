"""Writes the table of characters that words are made of: each one's class and its lower case.

The table is shipped, so that a text has the same words under every Python and its Unicode.
Run it as `python -m gristmill.corpus.build_characters`, under the newest Python that is supported.
"""

import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .characters import CLASS_SHIFT, NUM_CODES, RUN, SINGLE, SPACE, SYMBOL, TABLE

# Blocks whose alphanumeric characters are words of their own, as those scripts put no spaces
# between words; both ends are included.
SINGLE_CHARACTER_WORDS = (
    (0x3005, 0x3007),  # ideographic iteration mark and zero
    (0x3021, 0x3029),  # Hangzhou numerals
    (0x3038, 0x303B),
    (0x3041, 0x30FF),  # hiragana and katakana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # ideographs
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),  # hangul syllables
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),  # halfwidth katakana
    (0x1AFF0, 0x1B16F),  # kana extensions
    (0x20000, 0x3FFFF),  # ideographs
)


def build() -> npt.NDArray[np.uint32]:
    """Return the table as `characters.character_table` does, from the running Python's Unicode."""
    entries = np.fromiter(
        (_class(chr(code)) << CLASS_SHIFT | _lower(code) for code in range(NUM_CODES)),
        dtype=np.uint32,
        count=NUM_CODES,
    )
    for first, last in SINGLE_CHARACTER_WORDS:
        block = entries[first : last + 1]
        is_word = block >> CLASS_SHIFT == RUN
        block[is_word] += np.uint32(SINGLE - RUN << CLASS_SHIFT)
    return entries


def _class(character: str) -> int:
    if character == "_" or character.isalnum():
        return RUN
    return SPACE if character <= " " or character.isspace() else SYMBOL


def _lower(code: int) -> int:
    """Return the lower case that is one character; sigma has one wherever it stands."""
    lower = chr(code).lower()
    return ord(lower) if len(lower) == 1 else code


def main() -> None:
    """Write the table beside this file, each entry less its own code point, compressed."""
    changes = build() ^ np.arange(NUM_CODES, dtype=np.uint32)
    (Path(__file__).parent / TABLE).write_bytes(zlib.compress(changes.astype("<u4").tobytes(), 9))


if __name__ == "__main__":
    main()
