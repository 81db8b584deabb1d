"""Text to token ids and back, exactly as DeepSeek-V2's tokenizer does it, or another one.

Added tokens are left out, so a text that spells a sentinel stays text: with DeepSeek-V2's, no text
encodes to an id of 100,000 or more, and sentinels are only ever appended as numbers. Its ids come
from the C extension, or from two engines of fastokens where it was not built.
"""

import functools
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from . import deepseek
from .errors import GristmillError
from .piece_engine import PieceEngine, kernel
from .text_batches import TextBatch, text_batches
from .tokenizer_file import (
    FileEngine,
    file_tokens,
    is_byte_level,
    read_tokenizer,
    sentinel_texts,
)
from .tokenizer_info import BOS as BOS
from .tokenizer_info import DEEPSEEK_V2, Sentinels, TokenizerInfo, TokenizerSource
from .tokenizer_info import EOS as EOS
from .tokenizer_info import FIM_BEGIN as FIM_BEGIN
from .tokenizer_info import FIM_END as FIM_END
from .tokenizer_info import FIM_HOLE as FIM_HOLE
from .tokenizer_info import VOCAB_SIZE as VOCAB_SIZE

NUM_TEXT_TOKENS: Final = deepseek.NUM_TOKENS
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
    """A vocabulary at work; `info` names it in keys, manifests and footers."""

    def __init__(
        self,
        info: TokenizerInfo,
        engine: Engine,
        read_tokens: Callable[[], deepseek.TokenBytes],
        *,
        is_byte_level: bool = True,
    ) -> None:
        self.info = info
        self._engine = engine
        self._read_tokens = read_tokens
        self.is_byte_level = is_byte_level  # so that ids give the bytes of a text back

    @property
    def sentinels(self) -> Sentinels:
        """The ids that no text encodes to."""
        return self.info.sentinels

    @functools.cached_property
    def token_sizes(self) -> npt.NDArray[np.int64]:
        """The bytes that each id stands for; an error where the vocabulary is not byte-level."""
        return np.append(np.diff(self._bytes.starts), 0)

    @functools.cached_property
    def _bytes(self) -> deepseek.TokenBytes:
        return self._read_tokens()

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
        sizes = np.append(np.diff(self._bytes.starts), 0)
        inside = np.where(array < 0, len(sizes) - 1, np.minimum(array, len(sizes) - 1))
        strange = array[sizes[inside] == 0]
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


@functools.lru_cache(maxsize=4)
def load_tokenizer(source: TokenizerSource = DEEPSEEK_V2) -> Tokenizer:
    """Return this process's tokenizer; loading DeepSeek-V2's takes about half a second."""
    if source.file is None:
        data = deepseek.read_file()
        tokens = functools.partial(_deepseek_tokens, data)
        return Tokenizer(source.info, make_engine(data), tokens)
    data = read_tokenizer(source)
    tokens = functools.partial(file_tokens, data, source.file)
    engine, has_bytes = FileEngine(data, source.file), is_byte_level(data, source.file)
    made = Tokenizer(source.info, engine, tokens, is_byte_level=has_bytes)
    _check_sentinels(made, data, source.file)
    return made


def _deepseek_tokens(data: bytes) -> deepseek.TokenBytes:
    return deepseek.token_bytes(deepseek.read_vocabulary(data))


def _check_sentinels(made: Tokenizer, data: bytes, where: str) -> None:
    """Raise GristmillError if a text that spells a sentinel becomes it."""
    for token, number in sentinel_texts(data, made.sentinels, where).items():
        if number in made.encode(token):
            raise GristmillError(
                f"the text {token!r} encodes to the sentinel {number}",
                where=where,
                todo="Name sentinels that are in `added_tokens` and are never merged.",
            )


def make_engine(data: bytes) -> Engine:
    """Return the fastest engine for DeepSeek-V2's tokenizer.json that this machine has."""
    native = kernel()
    if native is not None:
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
