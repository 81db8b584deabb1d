"""The table of characters: which make words, and what their lower case is."""

import zlib
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

TABLE = "data/characters.bin"
NUM_CODES = 0x110000
CLASS_SHIFT = 24  # an entry is a lower-case code point, and the class above it
SPACE, SYMBOL, RUN, SINGLE = range(4)  # SINGLE: a word of its own


@cache
def character_table() -> npt.NDArray[np.uint32]:
    """Return class << CLASS_SHIFT | lower case of every code point, [NUM_CODES]."""
    changes = zlib.decompress((Path(__file__).parent / TABLE).read_bytes())
    entries = np.frombuffer(changes, dtype="<u4") ^ np.arange(NUM_CODES, dtype=np.uint32)
    entries.flags.writeable = False
    return entries
