"""Other vocabularies: trained here, encoded as their own library does it, with their sentinels."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from tokenizers import Regex, decoders, models, pre_tokenizers, trainers

from gristmill.corpus import deepseek
from gristmill.corpus.errors import GristmillError
from gristmill.corpus.fim import FimMode, FimSettings, restore
from gristmill.corpus.sample import Piece, build_sample
from gristmill.corpus.tokenizer import Tokenizer, load_tokenizer
from gristmill.corpus.tokenizer_file import TokenizerSettings, find_tokenizer
from gristmill.corpus.tokenizer_info import DEEPSEEK_V2

TEXTS = [
    "def f(x):\n    return x + 1\n",
    "na\u00efve caf\u00e9 \u4e2d\u6587 \u180e x",
    "<|end|> is text",
    "",
]
SPECIAL = ["<|end|>", "<|pre|>", "<|suf|>", "<|mid|>"]
SETTINGS = TokenizerSettings(
    file="t.json",
    name="tiny",
    eos="<|end|>",
    fim_begin="<|pre|>",
    fim_hole="<|suf|>",
    fim_end="<|mid|>",
)
FIM = FimSettings(rate=1.0)


@pytest.fixture(scope="module")
def byte_level(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tokenizers.Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(r"\s+|[^\s]+"), "isolated")
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.pre_tokenizer = pre_tokenizers.Sequence([split, level])
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(TEXTS[:2] * 3, trainer)
    path = tmp_path_factory.mktemp("byte_level") / "t.json"
    made.save(str(path))
    return path


@pytest.fixture(scope="module")
def unigram(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pairs = [("<unk>", 0.0), *((char, -2.0) for char in "abc def\n")]
    made = tokenizers.Tokenizer(models.Unigram(pairs, unk_id=0))
    made.add_special_tokens(["<|end|>"])
    path = tmp_path_factory.mktemp("unigram") / "t.json"
    made.save(str(path))
    return path


def tokenizer_of(path: Path, settings: TokenizerSettings = SETTINGS) -> Tokenizer:
    return load_tokenizer(find_tokenizer(settings, str(path)))


def own_ids(path: Path, text: str) -> list[int]:
    """Return the ids of the file's own library, added tokens taken out."""
    settings = json.loads(path.read_bytes())
    settings["added_tokens"] = []
    ids: list[int] = tokenizers.Tokenizer.from_str(json.dumps(settings)).encode(text).ids
    return ids


def test_deepseek_v2s_own_file_gives_its_ids_though_regex_is_a_token_of_it(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_bytes(deepseek.read_file())
    settings = TokenizerSettings(file="t.json", eos="<\uff5cend\u2581of\u2581sentence\uff5c>")
    named = load_tokenizer(find_tokenizer(settings, str(tmp_path / "t.json")))
    for text in [*TEXTS, "new Regex(pattern)"]:
        assert named.encode(text).tolist() == load_tokenizer().encode(text).tolist()


@pytest.mark.parametrize("text", TEXTS)
def test_ids_are_those_of_the_files_own_library(byte_level: Path, text: str) -> None:
    assert tokenizer_of(byte_level).encode(text).tolist() == own_ids(byte_level, text)


def test_a_model_that_fastokens_does_not_know_is_encoded_too(unigram: Path) -> None:
    found = tokenizer_of(unigram, TokenizerSettings(file="t.json", eos="<|end|>"))
    assert found.encode("cab fed\n").tolist() == own_ids(unigram, "cab fed\n")


def test_the_texts_of_a_batch_stay_apart(byte_level: Path) -> None:
    found = [ids.tolist() for ids in tokenizer_of(byte_level).encode_batch(TEXTS)]
    assert found == [own_ids(byte_level, text) for text in TEXTS]


def test_a_row_takes_its_sentinels_from_the_file_and_gives_its_text_back(byte_level: Path) -> None:
    tokenizer = tokenizer_of(byte_level)
    piece = Piece(doc_id=bytes(16), text=TEXTS[0])
    row = build_sample(bytes(16), [piece], component="code", tokenizer=tokenizer, fim=FIM)
    assert row.fim == FimMode.PSM
    ids = json.loads(byte_level.read_bytes())["model"]["vocab"]
    assert [row.tokens[0], row.tokens[-1]] == [ids["<|pre|>"], ids["<|end|>"]]
    assert set(tokenizer.sentinels.names) == {ids[token] for token in SPECIAL}
    assert restore(row.tokens, tokenizer) == TEXTS[0].encode()


def test_sentinels_are_not_text(byte_level: Path) -> None:
    tokenizer = tokenizer_of(byte_level)
    assert not np.isin(tokenizer.encode("<|end|>"), list(tokenizer.sentinels.names)).any()
    with pytest.raises(GristmillError, match="stands for no text"):
        tokenizer.decode_bytes([tokenizer.sentinels.eos])


def test_the_digest_and_the_name_are_the_files(byte_level: Path) -> None:
    info = find_tokenizer(SETTINGS, str(byte_level)).info
    ids = json.loads(byte_level.read_bytes())["model"]["vocab"].values()
    assert (info.name, len(info.digest), info.vocab_size) == ("tiny", 64, max(ids) + 1)
    nameless = find_tokenizer(TokenizerSettings(file="t.json", eos="<|end|>"), str(byte_level)).info
    assert nameless.name == nameless.digest == info.digest
    assert nameless.sentinels.fim_hole is None


def test_without_a_file_the_tokenizer_is_deepseeks() -> None:
    assert find_tokenizer(TokenizerSettings(), "no such file") == DEEPSEEK_V2


def test_a_vocabulary_that_is_not_of_bytes_gives_no_text_back(unigram: Path) -> None:
    found = tokenizer_of(unigram, TokenizerSettings(file="t.json", eos="<|end|>"))
    with pytest.raises(GristmillError, match="only byte-level"):
        found.decode_bytes([2])


def test_a_sentinel_that_a_text_can_become_is_refused(byte_level: Path) -> None:
    settings = TokenizerSettings(file="t.json", eos="def")
    with pytest.raises(GristmillError, match="encodes to the sentinel"):
        tokenizer_of(byte_level, settings)


def test_a_file_that_has_changed_since_it_was_read_is_refused(
    byte_level: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "t.json"
    copied.write_bytes(byte_level.read_bytes())
    source = find_tokenizer(SETTINGS, str(copied))
    copied.write_bytes(byte_level.read_bytes() + b"\n")
    with pytest.raises(GristmillError, match="is not tiny"):
        load_tokenizer(source)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"eos": "</s>"}, "needs tokenizer.file"),
        ({"file": "t.json"}, "needs tokenizer.eos"),
        ({"file": "t.json", "eos": "a", "fim_hole": "b"}, "all of fim_hole"),
    ],
)
def test_settings_that_say_too_little_are_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TokenizerSettings(**given)


@pytest.mark.parametrize(
    ("content", "eos", "message"),
    [
        (b"{", "a", "not a tokenizer.json"),
        (b'{"model": {"vocab": {"a": 0}}}', "b", "has no token 'b'"),
        (None, "a", "no such file"),
    ],
)
def test_a_file_that_cannot_serve_is_refused(
    tmp_path: Path, content: bytes | None, eos: str, message: str
) -> None:
    path = tmp_path / "t.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(GristmillError, match=message):
        find_tokenizer(TokenizerSettings(file="t.json", eos=eos), os.fspath(path))
