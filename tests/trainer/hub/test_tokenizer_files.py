"""AutoTokenizer reads what lies beside a checkpoint, and gives the ids that training took."""

from pathlib import Path

import msgspec
import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.tokenizer import load_tokenizer
from gristmill.corpus.tokenizer_info import DEEPSEEK_V2
from gristmill.trainer.hub.config import config_of
from gristmill.trainer.hub.tokenizer_files import tokenizer_files
from gristmill.trainer.model.shapes import SHAPES

TEXT = "def f(x):\n\treturn  x * 2  # \u4e00\u4e8c \U0001f600\r\n\n"


@pytest.fixture
def theirs(tmp_path: Path) -> PreTrainedTokenizerFast:
    """What transformers makes of the files, beside a model's configuration."""
    for name, data in tokenizer_files(DEEPSEEK_V2, max_tokens=4096).items():
        (tmp_path / name).write_bytes(data)
    config = config_of(SHAPES["tiny"], dtype="bfloat16", sentinels=DEEPSEEK_V2.info.sentinels)
    (tmp_path / "config.json").write_bytes(msgspec.json.encode(config))
    found = AutoTokenizer.from_pretrained(tmp_path)
    assert isinstance(found, PreTrainedTokenizerFast)
    return found


def test_it_gives_the_ids_of_training_and_their_text(theirs: PreTrainedTokenizerFast) -> None:
    ids = theirs(TEXT)["input_ids"]
    assert ids == load_tokenizer().encode(TEXT).tolist()
    assert theirs.decode(ids) == TEXT


def test_it_knows_the_ids_that_are_no_text(theirs: PreTrainedTokenizerFast) -> None:
    sentinels = DEEPSEEK_V2.info.sentinels
    assert (theirs.bos_token_id, theirs.eos_token_id) == (sentinels.bos, sentinels.eos)
    names = [f"<\uff5cfim\u2581{name}\uff5c>" for name in ("begin", "hole", "end")]
    hole = theirs(f"{names[0]}a{names[1]}b{names[2]}")["input_ids"]
    assert hole[0::2] == [sentinels.fim_begin, sentinels.fim_hole, sentinels.fim_end]
    assert theirs.model_max_length == 4096


def test_another_vocabulary_that_has_changed_is_not_passed_on(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(b"{}")
    source = msgspec.structs.replace(DEEPSEEK_V2, file=str(tmp_path / "tokenizer.json"))
    with pytest.raises(GristmillError, match="the file is not deepseek-v2"):
        tokenizer_files(source, max_tokens=4096)
