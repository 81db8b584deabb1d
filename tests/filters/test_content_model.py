import string
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.corpus.errors import GristmillError
from gristmill.filters import content_model as content_module
from gristmill.filters.content_features import HEAD_BYTES, TOKEN, count_features, head_bytes
from gristmill.filters.content_file import read_model
from gristmill.filters.content_model import MODEL, ContentModel, content_model
from gristmill.filters.content_reference import slow_features, slow_scores, slow_tokens
from gristmill.filters.languages import language_table

PYTHON = (
    "import os\n\n\ndef main() -> None:\n    for name in os.listdir('.'):\n        print(name)\n"
)
RUST = 'use std::fs;\n\nfn main() {\n    let mut n = 0;\n    println!("{}", n);\n}\n'
TEXTS = st.text(string.printable + "\u00e9\u4e2d\U0001f600\ud800", max_size=300)


@settings(max_examples=200)
@given(TEXTS)
def test_features_are_the_twins(text: str) -> None:
    features, counts = count_features(text)
    assert dict(zip(features.tolist(), counts.tolist(), strict=True)) == slow_features(text)
    assert (np.diff(features.astype(np.int64)) > 0).all()


@settings(max_examples=200)
@given(st.text("a1\"'\n\t (;+\u00e9", max_size=700))
def test_tokens_are_the_twins(text: str) -> None:
    head = head_bytes(text)
    assert TOKEN.findall(head) == slow_tokens(head)


def test_scores_are_the_twins() -> None:
    model, data = content_model(), read_model(MODEL)
    for text in ("", PYTHON, RUST, "\u4e2d\u6587 \x00\n"):
        assert model.scores(text)[0] == pytest.approx(slow_scores(data, text), abs=1e-5)


@pytest.mark.parametrize(("text", "language"), [(PYTHON, "Python"), (RUST, "Rust")])
def test_language_is_told_by_its_tokens(text: str, language: str) -> None:
    ranked = content_model().rank(text)
    assert ranked[0][0] == language
    assert len(ranked) == 5
    assert sum(confidence for _, confidence in ranked) <= 1 + 1e-9
    assert [c for _, c in ranked] == sorted((c for _, c in ranked), reverse=True)


def test_candidates_are_the_only_answers_and_unknown_ones_come_last() -> None:
    ranked = content_model().rank(PYTHON, ["No Such Language", "Rust", "Go"])
    assert {name for name, _ in ranked[:2]} == {"Rust", "Go"}
    assert ranked[2] == ("No Such Language", 0.0)


def test_order_of_candidates_does_not_matter() -> None:
    model = content_model()
    assert model.rank(RUST, ["C", "Rust", "C"]) == model.rank(RUST, ["Rust", "C"])


def test_no_candidates_give_no_answer() -> None:
    assert content_model().rank(PYTHON, []) == []


def test_column_agrees_with_single_texts() -> None:
    texts = pa.chunked_array([["", PYTHON], [None, RUST, PYTHON]])
    table = content_model().score_column(texts, [None, None, None, ["C", "Rust"], ["C", "Go"]])
    singles = [content_model().rank(PYTHON, ["C", "Go"])[0][0]]
    assert table["language"].to_pylist()[1:] == ["Python", None, "Rust", *singles]
    assert table["confidence"].to_pylist()[2] == 0


def test_text_behind_the_head_is_not_read() -> None:
    head = (PYTHON * 1000)[:HEAD_BYTES]
    assert content_model().rank(head + RUST * 9) == content_model().rank(head)


@pytest.mark.parametrize("text", ['"' * 99_999, "'a\"b" * 99_999, "\n" * 99_999, " " * 99_999])
def test_hostile_text_gets_an_answer(text: str) -> None:
    assert content_model().rank(text)


def test_every_language_of_the_model_is_a_family_of_the_table() -> None:
    table = language_table()
    names = content_model().languages
    assert [name for name in names if name not in table.by_name] == []
    assert [name for name in names if table.family(name) != name] == []


@pytest.mark.parametrize("text", ["", "\n", " " * 99, "\n\t\n"])
def test_text_without_tokens_gives_no_confidence(text: str) -> None:
    assert content_model().rank(text)[0][1] == 0


def test_digest_is_the_files(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(MODEL.read_bytes())
    assert ContentModel(read_model(path)).digest == content_model().digest


@pytest.mark.parametrize("kept", [slice(-1), slice(1, None), slice(40), slice(0)])
def test_spoilt_file_is_refused(tmp_path: Path, kept: slice) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(MODEL.read_bytes()[kept])
    with pytest.raises(GristmillError, match=r"model\.bin"):
        read_model(path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GristmillError, match="train the model again"):
        read_model(tmp_path / "none.bin")


def test_model_is_loaded_once() -> None:
    assert content_module.content_model() is content_model()
