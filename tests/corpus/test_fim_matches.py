"""Edits of other vocabularies: right for any of them, and short where lines join with newlines."""

import json
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, decoders, models, pre_tokenizers, trainers

from gristmill.corpus.fim import FimSettings
from gristmill.corpus.fim_epochs import apply_edits
from gristmill.corpus.fim_matches import StoredTokens
from gristmill.corpus.ids import content_id
from gristmill.corpus.sample import Piece, SampleTokens, build_sample
from gristmill.corpus.tokenizer import Tokenizer, load_tokenizer
from gristmill.corpus.tokenizer_file import TokenizerSettings, find_tokenizer

# As in vocabularies of the GPT-4 family: newlines join with blanks and signs before them.
PATTERN = r" ?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SENTINELS = ["<|end|>", "<|pre|>", "<|suf|>", "<|mid|>"]
NAMES = dict(zip(("eos", "fim_begin", "fim_hole", "fim_end"), SENTINELS, strict=True))
PROGRAM = "import os\n\n\ndef main(names):\n    if names:\n        print(os.name, 1, \u4e2d)\n" * 30
TEXTS = st.text(st.sampled_from("ab (:\n\n \t\u00e9\u4e2d\r.1"), max_size=60)
FIM = FimSettings(rate=1.0, spm_rate=0.5, epochs=4)


def train(path: Path, *, is_byte_level: bool) -> Tokenizer:
    made = tokenizers.Tokenizer(models.BPE(unk_token=None if is_byte_level else "?"))
    split = pre_tokenizers.Split(Regex(PATTERN), "isolated")
    alphabet = ["?"]
    steps: list[pre_tokenizers.PreTokenizer] = [split]
    if is_byte_level:
        steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False))
        made.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.pre_tokenizer = pre_tokenizers.Sequence(steps)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=SENTINELS,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    made.train_from_iterator([PROGRAM, "a\n\n (b):\n"], trainer)
    made.save(str(path))
    return load_tokenizer(find_tokenizer(TokenizerSettings(file=str(path), **NAMES), str(path)))


@pytest.fixture(scope="module")
def joining(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """A byte-level vocabulary in which newlines join with what stands before them."""
    return train(tmp_path_factory.mktemp("joining") / "tokenizer.json", is_byte_level=True)


def make_row(text: str, tokenizer: Tokenizer, fim: FimSettings) -> SampleTokens:
    piece = Piece(doc_id=content_id(text), text=text)
    return build_sample(piece.doc_id, [piece], component="code", tokenizer=tokenizer, fim=fim)


def assert_is_cut_anew(row: SampleTokens, text: str, tokenizer: Tokenizer) -> None:
    for number, later in enumerate(row.later, 1):
        expected = make_row(text, tokenizer, FIM.at(number))
        assert apply_edits(row.tokens, later.edits).tolist() == expected.tokens.tolist()
        assert later.num_tokens == len(expected.tokens)


def test_the_vocabulary_joins_newlines(joining: Tokenizer) -> None:
    newlines = joining.encode("\n\n\n").tolist()
    assert newlines != joining.encode("\n").tolist() * 3


@given(text=TEXTS)
@settings(max_examples=150, deadline=None)
def test_every_later_epoch_is_the_row_of_the_text_cut_anew(joining: Tokenizer, text: str) -> None:
    assert_is_cut_anew(make_row(text, joining, FIM), text, joining)


def test_edits_are_few_next_to_the_tokens(joining: Tokenizer) -> None:
    row = make_row(PROGRAM, joining, FIM)
    assert_is_cut_anew(row, PROGRAM, joining)
    assert len(row.tokens) > 500
    assert all(0 < len(later.edits) < 60 for later in row.later)


def test_a_vocabulary_that_gives_no_bytes_spells_its_edits_out(tmp_path: Path) -> None:
    tokenizer = train(tmp_path / "tokenizer.json", is_byte_level=False)
    assert json.loads((tmp_path / "tokenizer.json").read_text())["decoder"] is None
    row = make_row(PROGRAM, tokenizer, FIM)
    assert_is_cut_anew(row, PROGRAM, tokenizer)
    assert any(len(later.edits) > len(row.tokens) // 2 for later in row.later)


def test_short_runs_are_spelled_and_long_ones_copied() -> None:
    stored = StoredTokens(
        np.array([9, 1, 2, 3, 4, 5], np.int32), [(0, 1, 6)], np.ones(10, np.int64)
    )
    found = list(stored.match(np.array([1, 2, 7, 4, 5], np.int32), 0))
    assert [part.tolist() for part in found if not isinstance(part, range)] == [[1, 2, 7, 4, 5]]
    found = list(stored.match(np.array([8, 3, 4, 5], np.int32), 1))
    assert found[1:] == [range(3, 6)]
