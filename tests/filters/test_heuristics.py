import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gristmill.filters.heuristics import READ_CHARACTERS, SILENT, apply_rules, has_rules
from gristmill.filters.languages import language_table, read_heuristics
from gristmill.filters.linear import linear_pattern, utf8

RULES = json.loads(read_heuristics())["rules"]


def slow_answer(extension: str, text: str) -> tuple[str, ...]:
    """Search for one pattern after the other, in the whole text."""

    def found(patterns: list[str]) -> bool:
        return any(linear_pattern(p).search(utf8(text)) is not None for p in patterns)

    for rule in RULES.get(extension, []):
        if all(map(found, rule["require"])) and not any(map(found, rule["forbid"])):
            return tuple(rule["languages"])
    return ()


MARKS = (
    "#include <vector>\n|@interface|class A {|let x = 1\n|<?xml|=begin pod|:-|;|\n|  |%|(*|use v6"
)
TEXTS = st.lists(st.sampled_from([*MARKS.split("|"), "\ud800", "\0", "a", "\u00e9"])).map("".join)


@given(st.sampled_from(sorted(RULES)), TEXTS | st.text(st.characters()))
@settings(max_examples=300, deadline=None)
def test_answer_is_that_of_one_pattern_after_the_other(extension: str, text: str) -> None:
    assert apply_rules(extension, text).languages == slow_answer(extension, text)


@given(st.sampled_from(sorted(RULES)) | st.text(), st.text(st.characters()))
@example(".h", "\ud800")
@settings(deadline=None)
def test_any_extension_and_text_are_answered(extension: str, text: str) -> None:
    answer = apply_rules(extension, text)
    assert set(answer.languages) <= set(language_table().by_name)
    assert has_rules(extension) or answer == SILENT


def test_rules_speak_behind_a_text_that_would_keep_a_backtracking_engine_for_hours() -> None:
    speaks = "\nlet x = 1\n"  # a late rule knows OCaml by this
    attack = "match a " * 6_000  # match\s+(\S+\s)+with, of an earlier one, is cubic on it
    assert apply_rules(".ml", attack + speaks).languages == ("OCaml",)


def test_rules_speak_behind_blank_lines() -> None:
    assert apply_rules(".h", "\n" * 50_000 + "class A {\n").languages == ("C++",)


@pytest.mark.parametrize("letter", ["x", "\u6f22"])
def test_the_first_50_ki_characters_are_read_and_no_more(letter: str) -> None:
    mark = "\n@interface A\n"
    within = letter * (READ_CHARACTERS - len(mark)) + mark
    assert apply_rules(".h", within).languages == ("Objective-C",)
    assert apply_rules(".h", letter * READ_CHARACTERS + mark) == SILENT


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("space", [" ", "\t", "\v", "\n"])
def test_line_ends_and_spaces_of_all_kinds_are_known(end: str, space: str) -> None:
    text = f"int a;{end}{space}template{space}<class T>{end}"
    assert apply_rules(".h", text).languages == ("C++",)
