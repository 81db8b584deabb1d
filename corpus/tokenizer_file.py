"""Other tokenizers: a recipe names a Hugging Face tokenizer.json and its sentinels.

Its added tokens are taken out, as DeepSeek-V2's are: a text that spells a sentinel stays text. The
library fastokens encodes; what it does not know, such as Unigram models, `tokenizers` does, where
that is installed. Only byte-level vocabularies give texts back.
"""

import functools
import hashlib
import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import fastokens
import msgspec
import numpy as np
import numpy.typing as npt

from . import deepseek
from .errors import GristmillError
from .line_engines import encode_flat
from .storage import exists, read_bytes
from .text_batches import TextBatch
from .tokenizer_info import (
    DEEPSEEK_V2,
    SENTINEL_TEXTS,
    Sentinels,
    TokenizerInfo,
    TokenizerSource,
)

if TYPE_CHECKING:
    import tokenizers

SENTINELS = ("bos", "eos", "fim_hole", "fim_begin", "fim_end")


class TokenizerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """DeepSeek-V2's tokenizer, or a file with the tokens that stand for what is no text."""

    file: str = ""  # a tokenizer.json; none is DeepSeek-V2's
    name: str = ""  # in manifests; none is the file's sha256
    bos: str = ""
    eos: str = ""
    fim_hole: str = ""
    fim_begin: str = ""
    fim_end: str = ""

    def __post_init__(self) -> None:
        given = [name for name in ("name", *SENTINELS) if getattr(self, name)]
        if given and not self.file:
            raise ValueError(f"tokenizer.{given[0]} needs tokenizer.file")
        if self.file and not self.eos:
            raise ValueError("tokenizer.file needs tokenizer.eos, the token that ends a document")
        if bool(self.fim_hole) + bool(self.fim_begin) + bool(self.fim_end) not in (0, 3):
            raise ValueError("tokenizer needs all of fim_hole, fim_begin and fim_end, or none")


class _AddedToken(msgspec.Struct):
    """A token beside the model's."""

    id: int
    content: str


class _Model(msgspec.Struct):
    """The part of a model that all kinds have; Unigram's vocab is a list of pairs."""

    vocab: dict[str, int] | list[tuple[str, float]]


class _Decoder(msgspec.Struct):
    """What turns tokens into text."""

    type: str = ""


class _File(msgspec.Struct):
    """The part of any tokenizer.json that is read here."""

    model: _Model
    added_tokens: list[_AddedToken] = []
    decoder: _Decoder | None = None


def find_tokenizer(settings: TokenizerSettings, url: str) -> TokenizerSource:
    """Return the tokenizer of a recipe whose file is at `url`, its sentinels as ids."""
    if not settings.file:
        return DEEPSEEK_V2
    if not exists(url):
        raise GristmillError(
            "there is no such file", where=url, todo="Name a tokenizer.json in tokenizer.file."
        )
    data = read_bytes(url)
    file = _decode(data, url)
    ids = _vocab(file) | {token.content: token.id for token in file.added_tokens}
    found: dict[str, int | None] = {}
    for name in SENTINELS:
        token = getattr(settings, name)
        if token and token not in ids:
            raise GristmillError(
                f"the vocabulary has no token {token!r}",
                where=f"{url}: tokenizer.{name}",
                todo="Name a token of `added_tokens` or of the model.",
            )
        found[name] = ids[token] if token else None
    given = [i for i in found.values() if i is not None]
    if len(given) > len(set(given)):
        raise GristmillError(
            "two sentinels are one token", where=url, todo="Name another token for one of them."
        )
    digest = hashlib.sha256(data).hexdigest()
    info = TokenizerInfo(
        name=settings.name or digest,
        digest=digest,
        sentinels=msgspec.convert(found, Sentinels),
        vocab_size=max(ids.values()) + 1,
    )
    return TokenizerSource(info=info, file=url)


def read_tokenizer(source: TokenizerSource) -> bytes:
    """Return the file of a source; one that has changed is an error."""
    assert source.file is not None
    data = read_bytes(source.file)
    if hashlib.sha256(data).hexdigest() != source.info.digest:
        raise GristmillError(
            f"the file is not {source.info.name}",
            where=source.file,
            todo=f"Bring back the file whose sha256 is {source.info.digest}.",
        )
    return data


def is_byte_level(data: bytes, where: str) -> bool:
    """Return whether the ids of a tokenizer.json give the bytes of a text back."""
    decoder = _decode(data, where).decoder
    return decoder is not None and decoder.type == "ByteLevel"


def file_tokens(data: bytes, where: str) -> deepseek.TokenBytes:
    """Return what the ids of a byte-level vocabulary stand for; added tokens stand for nothing."""
    file = _decode(data, where)
    if not is_byte_level(data, where):
        raise GristmillError(
            "only byte-level vocabularies give texts back",
            where=where,
            todo="Build with a byte-level BPE vocabulary.",
        )
    added = {token.id for token in file.added_tokens}
    return deepseek.token_bytes({t: i for t, i in _vocab(file).items() if i not in added})


def sentinel_texts(data: bytes, sentinels: Sentinels, where: str) -> dict[str, int]:
    """Return what spells each sentinel, with its id."""
    file = _decode(data, where)
    ids = _vocab(file) | {token.content: token.id for token in file.added_tokens}
    return {token: i for token, i in ids.items() if i in sentinels.names}


@functools.lru_cache(maxsize=1)
def spelt_sentinels(source: TokenizerSource) -> Mapping[int, str]:
    """Return the text of each sentinel by its id."""
    if source.file is None:
        return SENTINEL_TEXTS
    found = sentinel_texts(read_tokenizer(source), source.info.sentinels, source.file)
    return {token: text for text, token in found.items()}


def _decode(data: bytes, where: str) -> _File:
    try:
        return msgspec.json.decode(data, type=_File)
    except msgspec.DecodeError as error:
        raise GristmillError(
            f"not a tokenizer.json: {error}", where=where, todo="Save it with `tokenizers`."
        ) from None


def _vocab(file: _File) -> dict[str, int]:
    vocab = file.model.vocab
    if isinstance(vocab, dict):
        return vocab
    return {token: i for i, (token, _) in enumerate(vocab)}


class FileEngine:
    """Tokenizes with the library that knows the model of a tokenizer.json."""

    def __init__(self, data: bytes, where: str) -> None:
        settings = _without_added_tokens(json.loads(data))
        self._fast: fastokens.Tokenizer | None = None
        self._slow: tokenizers.Tokenizer | None = None
        try:
            self._fast = fastokens.Tokenizer.from_json_str(json.dumps(_spell_spaces(settings)))
        except ValueError as error:
            self._slow = _load_slow(json.dumps(settings), str(error), where)

    def encode(self, batch: TextBatch) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Return the ids of all texts back to back, and where each text's begin."""
        parts = [np.empty(0, np.int32), *self._encode(batch.texts())]
        offsets = np.cumsum([len(part) for part in parts], dtype=np.int64)
        return np.concatenate(parts), offsets

    def _encode(self, texts: list[str]) -> Iterator[npt.NDArray[np.int32]]:
        if self._slow is None:
            yield from encode_flat(self._fast, texts)
            return
        for encoding in self._slow.encode_batch_fast(texts, add_special_tokens=False):
            yield np.array(encoding.ids, dtype=np.int32)


def _without_added_tokens(settings: dict[str, object]) -> dict[str, object]:
    """Return the settings of a tokenizer that takes no text for a token that is not merged.

    Added tokens often stand in the model's vocabulary too, where fastokens finds whole words.
    """
    model, added = settings["model"], settings.get("added_tokens")
    settings["added_tokens"] = []
    if isinstance(model, dict) and model.get("type") == "BPE" and isinstance(added, list):
        pairs = (pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"])
        merged = {"".join(pair) for pair in pairs} | {model.get("unk_token")}
        names = {token["content"] for token in added} - merged
        model["vocab"] = {name: i for name, i in model["vocab"].items() if name not in names}
    return settings


def _load_slow(settings: str, reason: str, where: str) -> "tokenizers.Tokenizer":
    if importlib.util.find_spec("tokenizers") is None:
        raise GristmillError(
            f"fastokens does not know this tokenizer: {reason}",
            where=where,
            todo="Install tokenizers with pip; gristmill then uses it for this file.",
        )
    import tokenizers

    try:
        return tokenizers.Tokenizer.from_str(settings)
    except Exception as error:  # noqa: BLE001  the library raises no narrower class
        raise GristmillError(
            f"no library reads this tokenizer: {error}",
            where=where,
            todo="Save it again with a recent release of tokenizers.",
        ) from None


def _spell_spaces(settings: dict[str, object]) -> dict[str, object]:
    r"""Return settings in which \s is what the reference library's Oniguruma takes it for.

    The model has no patterns, but its vocabulary may have a token "Regex".
    """
    return {k: part if k == "model" else _spell_patterns(part) for k, part in settings.items()}


def _spell_patterns(part: object) -> object:
    if isinstance(part, list):
        return [_spell_patterns(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: _spell_pattern(value) if key == "Regex" else _spell_patterns(value)
        for key, value in part.items()
    }


def _spell_pattern(pattern: str) -> str:
    made, is_inside = [], False
    for part in re.findall(r"\\.|.", pattern, re.DOTALL):
        is_inside = part == "[" or (is_inside and part != "]")
        if part == r"\s":
            made.append(deepseek.SPACES if is_inside else f"[{deepseek.SPACES}]")
        else:
            made.append(part)
    return "".join(made)
