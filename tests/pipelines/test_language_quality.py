"""Recall, precision and confusions are counts, checked against a loop over the files."""

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.filters.languages import language_table
from gristmill.pipelines.language_quality import (
    confusions,
    csv_text,
    language_quality,
    measured_quality,
    recall_rows,
    scores,
)
from gristmill.pipelines.language_quality_page import confusion_table, figures_table, recall_table

ANSWERS = st.lists(
    st.tuples(st.sampled_from(["", "C", "D", "Go"]), st.sampled_from(["C", "D", None]))
)


@given(pairs=ANSWERS)
def test_every_language_s_figures_equal_those_of_a_plain_loop(
    pairs: list[tuple[str, str | None]],
) -> None:
    rows = language_quality([label for label, _ in pairs], [found for _, found in pairs])
    assert {row.language for row in rows} == {label for label, _ in pairs} - {""}
    for row in rows:
        own = [found for label, found in pairs if label == row.language]
        claimed = [label for label, found in pairs if found == row.language]
        assert row.num_files == len(own)
        assert row.recall == own.count(row.language) / len(own)
        if claimed:
            assert row.precision == claimed.count(row.language) / len(claimed)
        else:
            assert row.precision is None


@given(pairs=ANSWERS)
def test_confusions_and_right_answers_are_all_labelled_files(
    pairs: list[tuple[str, str | None]],
) -> None:
    wrong = confusions([label for label, _ in pairs], [found for _, found in pairs])
    right = sum(label == found for label, found in pairs if label)
    assert right + sum(row.count for row in wrong) == sum(bool(label) for label, _ in pairs)
    assert [row.count for row in wrong] == sorted((row.count for row in wrong), reverse=True)


def test_the_worst_confusion_of_a_language_is_named() -> None:
    (row,) = language_quality(["C"] * 4, ["C", "D", "D", None])
    assert (row.recall, row.precision, row.most_confused_with) == (0.25, 1.0, "D")


def test_scores_tell_labelled_files_from_background() -> None:
    labels, found = ["C", "C", "C", "D", "", "", ""], ["C", "C", "D", None, "C", "Coq", None]
    assert scores(labels, found, counted={"C", "D"}) == {
        "accuracy": 0.5,
        "macro_recall": pytest.approx(1 / 3),
        "background_claimed": pytest.approx(1 / 3),
    }
    assert set(scores([], [], counted={"C"}).values()) == {0.0}


def test_a_row_has_every_detector_s_recall_in_order() -> None:
    rows = recall_rows(["C", "C", "D"], {"ours": ["C", "C", "D"], "peer": ["C", None, None]})
    assert rows == [("C", 2, 1.0, 0.5), ("D", 1, 1.0, 0.0)]


def test_csv_quotes_what_must_be_and_leaves_none_empty() -> None:
    text = csv_text(("a", "b"), [('x,"y', 1 / 3), (None, 2)])
    assert list(csv.reader(StringIO(text))) == [["a", "b"], ['x,"y', "0.3333"], ["", "2"]]


def test_tables_fold_what_is_long() -> None:
    labels = [f"L{i:02}" for i in range(50)]
    rows = recall_rows(labels, {"ours": labels, "peer": [None] * 50})
    table = recall_table("content only", ("ours", "peer"), rows)
    assert "and 10 more" in table
    assert all(f">{label}<" in table for label in labels)
    assert "and 10 more" in confusion_table("x", confusions(labels, [None] * 50))


def test_a_missing_figure_is_an_empty_cell() -> None:
    table = figures_table("x", ("a", "b"), {"f_g": {"a": 0.5}, "h": {"a": 1.0, "b": 2.0}})
    assert "f g</th><td>0.500</td><td></td>" in table


def test_what_was_measured_is_of_languages_of_the_table() -> None:
    names = language_table().by_name
    for row in measured_quality():
        assert row.language in names
        assert row.num_files > 0
        assert 0 <= row.recall <= 1
        assert row.precision is None or 0 <= row.precision <= 1
        assert row.recall == pytest.approx(1) or row.most_confused_with
