"""Writes the list of the characters that the reference library splits off as numbers.

They are those of Unicode's classes Nd, Nl and No, as far as the Rust that it was built with knows
them, and no Python's Unicode is the same. The list is shipped, so that a text has the same ids
under every Python. Run it as `python -m gristmill.corpus.build_numbers` where `tokenizers` is
installed.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

from tokenizers.pre_tokenizers import Digits

from .deepseek import NUM_CODES, NUMBERS

_BLOCK = 0x1000  # characters asked about at once
_SURROGATES = range(0xD800, 0xE000)


def numbers() -> list[int]:
    """Return the code points that stand alone behind a letter."""
    return [code for first in range(0, NUM_CODES, _BLOCK) for code in _numbers_from(first)]


def _numbers_from(first: int) -> Iterator[int]:
    codes = (code for code in range(first, first + _BLOCK) if code not in _SURROGATES)
    text = "".join(f"x{chr(code)}" for code in codes)
    for piece, (start, stop) in Digits(individual_digits=True).pre_tokenize_str(text):
        if stop - start == 1 and start % 2:
            yield ord(piece)


def main() -> None:
    """Write the list beside this file, a range a line, both ends included."""
    codes = numbers()
    lines = []
    for _, group in itertools.groupby(enumerate(codes), lambda pair: pair[1] - pair[0]):
        run = [code for _, code in group]
        lines.append(f"{run[0]:x}-{run[-1]:x}\n")
    (Path(__file__).parent / NUMBERS).write_text("".join(lines), encoding="ascii")


if __name__ == "__main__":
    main()
