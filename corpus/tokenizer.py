"""Text to token ids and back, exactly as DeepSeek-V2's tokenizer does it.

Its added tokens are left out, so a text that spells a sentinel stays text: no text encodes to an
id of 100,000 or more, and sentinels are only ever appended as numbers. The ids come from the C
extension, or from two engines of fastokens where it was not built.
"""

import functools
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from . import deepseek
from .errors import GristmillError
from .native import kernel
from .text_batches import TextBatch, text_batches

BOS: Final = 100_000
EOS: Final = 100_001  # also the padding id, as in DeepSeek-V2's configuration
FIM_HOLE: Final = 100_002
FIM_BEGIN: Final = 100_003
FIM_END: Final = 100_004
NUM_TEXT_TOKENS: Final = deepseek.NUM_TOKENS
VOCAB_SIZE: Final = 102_400  # rows of the embedding, DeepSeek LLM section 2.1
TOKENIZER_DIGEST: Final = deepseek.DIGEST

_BATCH_BYTES = 1 << 20  # of one native call: what it writes stays in the cache of the machine
_DECODE_CHUNK = 1 << 20  # ids decoded at once; the gather needs about 100 bytes per id

IdArray = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]


class Engine(Protocol):
    """What turns texts into ids."""

    def encode(self, batch: TextBatch) -> tuple[IdArray, Offsets]:
        """Return the ids of all texts back to back, and where each text's begin."""
        ...


class Tokenizer:
    """DeepSeek-V2's byte-level BPE; `digest` names the vocabulary file in keys and manifests."""

    digest: str

    def __init__(self) -> None:
        self._data = deepseek.read_file()
        self.digest = TOKENIZER_DIGEST
        self._engine = make_engine(self._data)

    @functools.cached_property
    def _bytes(self) -> deepseek.TokenBytes:
        return deepseek.token_bytes(deepseek.read_vocabulary(self._data))

    def encode_column(self, texts: pa.ChunkedArray) -> tuple[IdArray, Offsets]:
        """Return the ids of a string column back to back, and where each text's begin.

        Text i has ids[offsets[i] : offsets[i + 1]], without BOS and EOS; a null has none.
        A text that is not UTF-8 raises GristmillError.
        """
        parts, offsets, num_ids = [np.empty(0, np.int32)], [np.zeros(1, np.int64)], 0
        for batch in text_batches(texts, _BATCH_BYTES):
            ids, starts = self._engine.encode(batch)
            parts.append(ids)
            offsets.append(starts[1:] + num_ids)
            num_ids += len(ids)
        return np.concatenate(parts), np.concatenate(offsets)

    def encode_batch(self, texts: Sequence[str]) -> list[IdArray]:
        """Return the ids of each text, without BOS and EOS; a lone surrogate raises GristmillError.

        The arrays are views of one that holds them all.
        """
        ids, offsets = self.encode_column(string_column(texts))
        return [ids[start:stop] for start, stop in pairwise(offsets.tolist())]

    def encode(self, text: str) -> IdArray:
        """Return the ids of one text, without BOS and EOS."""
        return self.encode_batch([text])[0]

    def decode_bytes(self, ids: Sequence[int] | IdArray) -> bytes:
        """Return the UTF-8 bytes that the ids stand for.

        A sentinel, or an id outside the vocabulary, raises GristmillError.
        """
        array = np.asarray(ids, dtype=np.int64)
        strange = array[(array < 0) | (array >= NUM_TEXT_TOKENS)]
        if strange.size:
            raise GristmillError(
                f"token {int(strange[0])} stands for no text",
                where="tokenizer",
                todo="Take the sentinels off first, or check which tokenizer wrote the ids.",
            )
        chunks = range(0, len(array), _DECODE_CHUNK)
        return b"".join(self._gather(array[at : at + _DECODE_CHUNK]) for at in chunks)

    def _gather(self, ids: npt.NDArray[np.int64]) -> bytes:
        pieces, bounds = self._bytes
        starts = bounds[ids]
        lengths = bounds[ids + 1] - starts
        ends = np.cumsum(lengths)
        shift = np.repeat(starts - (ends - lengths), lengths)
        text: bytes = pieces[np.arange(len(shift)) + shift].tobytes()
        return text


@functools.cache
def load_tokenizer() -> Tokenizer:
    """Return this process's tokenizer; loading one takes about half a second."""
    return Tokenizer()


def make_engine(data: bytes) -> Engine:
    """Return the fastest engine for DeepSeek-V2's tokenizer.json that this machine has."""
    native = kernel()
    # Imported where they are needed: the one that is not costs time and memory.
    if native is not None:
        from .piece_engine import PieceEngine

        return PieceEngine(native, data)
    from .line_engines import LineEngines

    return LineEngines(data)


def string_column(texts: Sequence[str]) -> pa.ChunkedArray:
    """Return texts as a column; a lone surrogate raises GristmillError."""
    try:
        return pa.chunked_array([pa.array(texts, pa.large_string())])
    except UnicodeEncodeError as error:
        raise GristmillError(
            "a text holds a lone surrogate, which no encoding has",
            where="tokenizer",
            todo="Decode the input strictly, or drop the text before it is tokenized.",
        ) from error
