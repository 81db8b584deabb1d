"""Later epochs: edits give the very row that tokenizing the text anew gives."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.corpus.fim import FimMode, FimSettings, restore
from gristmill.corpus.fim_epochs import apply_edits
from gristmill.corpus.ids import content_id
from gristmill.corpus.sample import Piece, SampleTokens, build_sample
from gristmill.corpus.tokenizer import load_tokenizer

LINES = st.lists(st.text(st.sampled_from("ab (\t\u00e9\u4e2d\r.1"), max_size=9), max_size=8).map(
    "\n".join
)
MODES = st.sampled_from(
    [
        FimSettings(),
        FimSettings(rate=1.0, seed=3),
        FimSettings(rate=1.0, spm_rate=1.0),
        FimSettings(rate=0.8, spm_rate=0.5, epochs=6),
    ]
)
PROGRAM = "import os\n\n\ndef main() -> None:\n    print(os.name)\n" * 40


def make_row(texts: list[str], fim: FimSettings) -> SampleTokens:
    pieces = [
        Piece(doc_id=content_id(f"{i}"), header=f"# {i}", text=text) for i, text in enumerate(texts)
    ]
    identity = content_id("".join(texts))
    return build_sample(identity, pieces, component="code", tokenizer=load_tokenizer(), fim=fim)


@given(texts=st.lists(LINES, min_size=1, max_size=3), fim=MODES)
@settings(max_examples=250, deadline=None)
def test_every_later_epoch_is_the_row_of_the_text_cut_anew(
    texts: list[str], fim: FimSettings
) -> None:
    row = make_row(texts, fim)
    assert len(row.later) == fim.epochs - 1
    for number, later in enumerate(row.later, 1):
        expected = make_row(texts, fim.at(number))
        found = apply_edits(row.tokens, later.edits)
        assert found.tolist() == expected.tokens.tolist()
        assert (later.fim, later.num_tokens) == (expected.fim, len(expected.tokens))


@given(text=LINES, fim=MODES)
@settings(max_examples=60, deadline=None)
def test_a_lone_text_without_a_last_newline_is_rearranged_too(text: str, fim: FimSettings) -> None:
    piece = Piece(doc_id=content_id(text), text=text)
    row = build_sample(piece.doc_id, [piece], component="code", tokenizer=load_tokenizer(), fim=fim)
    for later in row.later:
        tokens = apply_edits(row.tokens, later.edits)
        assert restore(tokens, load_tokenizer()).decode() == text


def test_four_epochs_of_a_document_have_four_splits() -> None:
    row = make_row([PROGRAM], FimSettings(rate=1.0))
    epochs = [row.tokens, *(apply_edits(row.tokens, later.edits) for later in row.later)]
    assert len({epoch.tobytes() for epoch in epochs}) == 4
    assert {restore(epoch, load_tokenizer()) for epoch in epochs} == {f"# 0\n{PROGRAM}".encode()}


def test_edits_are_few_next_to_the_tokens() -> None:
    row = make_row([PROGRAM], FimSettings(rate=1.0))
    assert len(row.tokens) > 600
    assert all(0 < len(later.edits) < 80 for later in row.later)


def test_a_document_in_its_order_twice_needs_no_edits() -> None:
    rows = [make_row([f"{i}\n{PROGRAM}"], FimSettings()) for i in range(30)]
    same = [later for row in rows for later in row.later if row.fim == later.fim == FimMode.NONE]
    assert same
    assert not any(len(later.edits) for later in same)


def test_text_keeps_one_row_for_all_epochs() -> None:
    piece = Piece(doc_id=content_id("x"), text="x")
    row = build_sample(
        piece.doc_id, [piece], component="text", tokenizer=load_tokenizer(), fim=FimSettings()
    )
    assert row.later == ()


def test_edits_of_runs_and_ids_are_read_in_turn() -> None:
    tokens = np.arange(10, dtype=np.int32)
    edits = np.array([77, -1 - 4, 6, -1 - 0, 2, 78, 79], dtype=np.int32)
    assert apply_edits(tokens, edits).tolist() == [77, 4, 5, 0, 1, 78, 79]
