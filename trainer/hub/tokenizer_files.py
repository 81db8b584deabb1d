"""What transformers' AutoTokenizer reads beside a checkpoint: the vocabulary its ids are of."""

import msgspec

from ...corpus.deepseek import read_file
from ...corpus.tokenizer_file import read_tokenizer, spelt_sentinels
from ...corpus.tokenizer_info import (
    FIM_BEGIN,
    FIM_END,
    FIM_HOLE,
    SENTINEL_TEXTS,
    TokenizerSource,
)


def tokenizer_files(source: TokenizerSource, *, max_tokens: int) -> dict[str, bytes]:
    """Return tokenizer.json and tokenizer_config.json by their names.

    No token is put before a text, as training puts none.

    Raises:
        GristmillError: the vocabulary's file is missing or another one.
    """
    data = _deepseek() if source.file is None else read_tokenizer(source)
    sentinels, names = source.info.sentinels, spelt_sentinels(source)
    eos = names.get(sentinels.eos)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": None if sentinels.bos is None else names.get(sentinels.bos),
        "eos_token": eos,
        "pad_token": eos,
        "model_max_length": max_tokens,
        "clean_up_tokenization_spaces": False,
    }
    return {
        "tokenizer.json": data,
        "tokenizer_config.json": msgspec.json.format(msgspec.json.encode(config)) + b"\n",
    }


def _deepseek() -> bytes:
    """Return V2's file with the tokens of a hole, of which it knows none."""
    settings = msgspec.json.decode(read_file(), type=dict[str, object])
    added = settings["added_tokens"]
    assert isinstance(added, list)
    settings["added_tokens"] = [*added, *map(_special, (FIM_HOLE, FIM_BEGIN, FIM_END))]
    return msgspec.json.encode(settings)


def _special(number: int) -> dict[str, object]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": number, "content": SENTINEL_TEXTS[number], **flags, "special": True}
