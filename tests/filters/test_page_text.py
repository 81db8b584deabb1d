"""What a page's text is made of: code and formulas are no noise, whatever signs they hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.filters.page_text import NGRAM_WORDS, PageText, measure_page, split_page

PROSE = "A group is a set with an operation that is associative and has a neutral element."
CODE = "```python\n}{][)(*&^%$#@!;;\n```\n"
FORMULA = "$$\\sum_{i=1}^{n} x_{i}^{2} = \\frac{1}{2}$$\n"


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("before\n```\ncode\n\nmore\n```\nafter", "before\nafter"),
        ("````\n```\ncode\n````\nafter", "after"),
        ("- item\n  ~~~\n  code\n  ~~~\n", "- item\n"),
        ("no end\n```\ncode", "no end\n"),
        ("a `b` c ``d ` e`` f", "a \ue000 c \ue000 f"),
        ("let $x$ be $$y\n+ z$$ or", "let \ue000 be \ue000 or"),
        ("it costs $5 or $ 6, and \\$7$ less", "it costs $5 or $ 6, and \\$7$ less"),
        ("US$5 and US$6", "US$5 and US$6"),
    ],
)
def test_prose_is_what_marks_leave(text: str, prose: str) -> None:
    assert split_page(text)[0] == prose


@given(st.text("ab \n$`~\\", max_size=60))
def test_every_character_is_prose_code_or_formula(text: str) -> None:
    prose, code_chars, formula_chars = split_page(text)
    assert len(prose.replace("\ue000", "")) + code_chars + formula_chars == len(text)


def test_code_and_formulas_change_no_measure_of_the_prose() -> None:
    plain, mixed = measure_page(f"{PROSE}\n"), measure_page(f"{PROSE}\n{CODE}{FORMULA}{CODE}")
    for name in PageText.__struct_fields__:
        if name not in ("code_fraction", "formula_fraction"):
            assert getattr(plain, name) == getattr(mixed, name), name
    assert mixed.code_fraction > mixed.formula_fraction > 0


def test_marks_of_headings_lists_and_tables_are_no_symbols() -> None:
    text = "# Name\n\n- one\n- two\n\n| a | b |\n| --- | :-: |\n| c | d |\n"
    assert measure_page(text).prose_symbol_fraction == 0
    assert measure_page("%% && !!").prose_symbol_fraction == 1


def test_a_repeated_line_counts_from_its_second_time_on() -> None:
    assert measure_page("abcd\nabcd\nefgh\n abcd ").duplicate_line_fraction == 0.5
    assert measure_page("is $x$ so\nis $y$ so\n").duplicate_line_fraction == 0


def test_words_in_repeated_runs_of_ten_are_counted_each_once() -> None:
    words = [f"word{i}" for i in range(NGRAM_WORDS + 2)]
    assert measure_page(" ".join(words)).duplicate_ngram_fraction == 0
    assert measure_page(" ".join([*words, *words])).duplicate_ngram_fraction == 0.5
    assert measure_page(" ".join(words[:9] * 2)).duplicate_ngram_fraction == 0


def test_a_chinese_character_is_a_word() -> None:
    line = "\u8bbe\u51fd\u6570\u5728\u95ed\u533a\u95f4\u4e0a\u8fde\u7eed\u3002"
    assert measure_page(line * 2).duplicate_ngram_fraction == 0.5
    assert measure_page(line).duplicate_ngram_fraction == 0


def test_different_formulas_do_not_make_sentences_alike() -> None:
    text = "".join(f"where $x_{i}$ is one of the numbers of it\n" for i in range(9))
    assert measure_page(text).duplicate_ngram_fraction == 0


def test_lists_and_addresses_have_their_share() -> None:
    assert measure_page("- a\n* b\n1. c\nprose\n\n").list_line_fraction == 0.75
    assert measure_page("seehttps://example.org/a b").url_fraction == pytest.approx(21 / 25)


@pytest.mark.parametrize(
    "text", ["", "\n", "`" * 50_000, "$" * 50_001, "$a" * 30_000, "``a" * 30_000, "> " * 50_000]
)
def test_a_text_of_nothing_but_marks_has_measures_within_their_range(text: str) -> None:
    measured = measure_page(text)
    for name in PageText.__struct_fields__:
        if name.endswith("_fraction"):
            assert 0 <= getattr(measured, name) <= 1, name
