"""Near copies: renamed and edited ones are found, what says too little or is other is not."""

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.dedup.contamination import PASSAGES, ContaminationIndex
from gristmill.dedup.near_contamination import is_one_edit, is_renaming, kept_words
from gristmill.dedup.words import find_words

SOLUTION = """
    for first, left in enumerate(numbers):
        for second, right in enumerate(numbers):
            if first != second:
                distance = abs(left - right)
                if distance < threshold:
                    return True
    return False
"""
QUESTION = "Write a function that counts the storks on the roof of a tall barn"
CLASS = "def __init__(self, {0}, {1}):\n    self.{0} = {0}\n    self.{1} = {1}\n"


def make_index(*passages: str, near: bool = True) -> ContaminationIndex:
    rows = [
        {
            "benchmark": "b",
            "item": str(i),
            "field": "f",
            "words": " ".join(find_words(passage).strings()),
            "num_words": len(find_words(passage).strings()),
            "ignored": [],
        }
        for i, passage in enumerate(passages)
    ]
    return ContaminationIndex(pa.Table.from_pylist(rows, schema=PASSAGES), near=near)


def hits_of(index: ContaminationIndex, text: str) -> list[tuple[str, str]]:
    """Return (kind, what it is in the text) of each hit."""
    (hits,) = index.find(pa.chunked_array([[text]], pa.large_string())).to_pylist()
    return [(hit["kind"], text[hit["start"] : hit["start"] + hit["length"]]) for hit in hits]


def renamed(code: str, **names: str) -> str:
    return re.sub(r"[a-z]+", lambda match: names.get(match[0], match[0]), code)


NAMES = {"first": "i", "left": "a", "numbers": "xs", "second": "j", "right": "b"}
NAMES |= {"distance": "gap", "threshold": "eps"}


def test_a_solution_with_other_names_is_found_with_near_and_not_without() -> None:
    text = f"import os\n\ndef close(xs, eps):\n{renamed(SOLUTION, **NAMES)}\nprint(close([], 1))\n"
    ((kind, found),) = hits_of(make_index(SOLUTION), text)
    assert kind == "renamed"
    assert renamed(SOLUTION, **NAMES).strip().startswith(found)
    assert len(find_words(found).strings()) >= 20
    assert not hits_of(make_index(SOLUTION, near=False), text)


def test_two_names_made_one_are_no_renaming() -> None:
    assert not hits_of(make_index(SOLUTION), renamed(SOLUTION, **(NAMES | {"second": "i"})))


def test_another_reserved_word_is_no_renaming() -> None:
    words = {"for": "while", "if": "while", "return": "yield"}
    assert not hits_of(make_index(SOLUTION), renamed(SOLUTION, **(NAMES | words)))


def test_an_exact_copy_is_told_once_and_as_one() -> None:
    assert [kind for kind, _ in hits_of(make_index(SOLUTION, QUESTION), SOLUTION)] == ["ngram"]
    assert [kind for kind, _ in hits_of(make_index(SOLUTION, QUESTION), QUESTION)] == ["ngram"]


def test_prose_is_no_renaming_of_other_prose() -> None:
    prose = (
        "the old man and the young dog went to the river and the dog swam in the river for the man"
    )
    other = prose.replace("dog", "cow").replace("river", "meadow").replace("man", "cat")
    other = other.replace("old", "big").replace("young", "small").replace("swam", "slept")
    assert not hits_of(make_index(prose), other)


def test_a_shape_of_many_items_is_not_looked_for() -> None:
    code = CLASS.format("one", "two") + SOLUTION
    text = CLASS.format("red", "green") + renamed(SOLUTION, **NAMES)
    forms = [code.replace("True", str(i)) for i in range(4)]
    found = hits_of(make_index(*forms), text)
    assert all("threshold" not in part and "red" not in part for _, part in found)
    assert hits_of(make_index(forms[0]), text.replace("True", "0"))


@pytest.mark.parametrize("place", range(14))
def test_one_word_replaced_left_out_or_added_is_found(place: int) -> None:
    words = QUESTION.split()
    index = make_index(QUESTION)
    for changed in (
        [*words[:place], "zebras", *words[place + 1 :]],
        words[:place] + words[place + 1 :],
        [*words[:place], "zebras", *words[place:]],
    ):
        found = hits_of(index, f"Hello, {' '.join(changed)}! Thanks.")
        assert found, changed
        assert {kind for kind, _ in found} <= {"edited", "ngram"}


def test_an_edit_in_the_middle_is_found_only_with_near() -> None:
    text = QUESTION.replace("storks", "white storks")
    assert hits_of(make_index(QUESTION), f"x {text} y") == [("edited", text)]
    assert not hits_of(make_index(QUESTION, near=False), text)


def test_two_edits_are_one_too_many() -> None:
    text = QUESTION.replace("storks on", "herons at")
    assert not hits_of(make_index(QUESTION), text)


def test_near_copies_do_not_depend_on_other_texts() -> None:
    index = make_index(SOLUTION, QUESTION)
    texts = [renamed(SOLUTION, **NAMES), "", QUESTION.replace("storks", "herons"), "x " * 30]
    together = index.find(pa.chunked_array([texts], pa.large_string())).to_pylist()
    alone = [index.find(pa.chunked_array([[text]], pa.large_string()))[0].as_py() for text in texts]
    assert together == alone
    assert [len(hits) for hits in together] == [1, 0, 1, 0]


def slow_edit_distance(left: str, right: str) -> int:
    row = np.arange(len(right) + 1)
    for i, a in enumerate(left, start=1):
        previous, row = row, np.full(len(right) + 1, i)
        for j, b in enumerate(right, start=1):
            row[j] = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a != b))
    return int(row[-1])


@given(st.text("ab", max_size=7), st.text("ab", max_size=7))
@settings(deadline=None)
def test_one_edit_is_an_edit_distance_of_one(left: str, right: str) -> None:
    assert is_one_edit(left, right) == (slow_edit_distance(left, right) == 1)


@given(st.lists(st.sampled_from(["if", "1", "x", "y", "z"]), max_size=8), st.permutations("xyz"))
def test_a_renaming_is_one_both_ways(words: list[str], names: list[str]) -> None:
    others = [dict(zip("xyz", names, strict=True)).get(word, word) for word in words]
    assert is_renaming(words, others)
    assert is_renaming(others, words)
    assert not is_renaming([*words, "x", "y"], [*others, names[0], names[0]])


def test_numbers_and_reserved_words_are_kept() -> None:
    assert {"for", "999", "0"} <= kept_words()
    assert not is_renaming(["for", "x"], ["if", "x"])
    assert not is_renaming(["x"], ["7"])
