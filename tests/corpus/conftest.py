"""The oracle of every token id: the reference library on the same vocabulary."""

import json
from collections.abc import Callable

import pytest
import tokenizers

from gristmill.corpus.deepseek import read_file


@pytest.fixture(scope="session")
def reference_ids() -> Callable[[str], list[int]]:
    settings = json.loads(read_file())
    settings["added_tokens"] = []
    reference = tokenizers.Tokenizer.from_str(json.dumps(settings))

    def encode(text: str) -> list[int]:
        ids: list[int] = reference.encode(text, add_special_tokens=False).ids
        return ids

    return encode
