"""What transformers' AutoTokenizer reads beside a checkpoint: the vocabulary its ids are of."""

from typing import Final

import msgspec

from ...corpus.deepseek import read_file
from ...corpus.tokenizer_file import read_tokenizer
from ...corpus.tokenizer_info import FIM_BEGIN, FIM_END, FIM_HOLE, TokenizerSource

# As DeepSeek-V2.5 spells them; V2's own file knows none.
_FIM_NAMES: Final = {
    FIM_HOLE: "<\uff5cfim\u2581hole\uff5c>",
    FIM_BEGIN: "<\uff5cfim\u2581begin\uff5c>",
    FIM_END: "<\uff5cfim\u2581end\uff5c>",
}


def tokenizer_files(source: TokenizerSource, *, max_tokens: int) -> dict[str, bytes]:
    """Return tokenizer.json and tokenizer_config.json by their names.

    No token is put before a text, as training puts none.

    Raises:
        GristmillError: the vocabulary's file is missing or another one.
    """
    data = _deepseek() if source.file is None else read_tokenizer(source)
    sentinels = source.info.sentinels
    names = _names(data)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": names.get(sentinels.bos),
        "eos_token": names.get(sentinels.eos),
        "pad_token": names.get(sentinels.eos),
        "model_max_length": max_tokens,
        "clean_up_tokenization_spaces": False,
    }
    return {
        "tokenizer.json": data,
        "tokenizer_config.json": msgspec.json.format(msgspec.json.encode(config)) + b"\n",
    }


class _AddedToken(msgspec.Struct):
    """A token that is no part of the model's vocabulary."""

    id: int
    content: str


class _File(msgspec.Struct):
    """A tokenizer.json."""

    added_tokens: list[_AddedToken] = []


def _names(data: bytes) -> dict[int | None, str]:
    return {token.id: token.content for token in msgspec.json.decode(data, type=_File).added_tokens}


def _deepseek() -> bytes:
    settings = msgspec.json.decode(read_file(), type=dict[str, object])
    added = settings["added_tokens"]
    assert isinstance(added, list)
    settings["added_tokens"] = [*added, *map(_special, _FIM_NAMES)]
    return msgspec.json.encode(settings)


def _special(number: int) -> dict[str, object]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": number, "content": _FIM_NAMES[number], **flags, "special": True}
