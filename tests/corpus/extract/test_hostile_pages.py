"""No page takes more than bounded work: what would is read by the cheap tier, with the reason."""

import pytest

from gristmill.corpus.extract import extract_page
from gristmill.corpus.extract.parse import MAX_DEPTH, parse

NUM = 60_000
HOSTILE = {
    "attributes": f"<div {' '.join(f'a{i}' for i in range(NUM))}>text</div>",
    "a long name": f"<{'a' * 4 * NUM}",
    "tags without an end": "<a " * NUM,
    "quotes without an end": '<a x="' * NUM,
    "brackets": "<" * 4 * NUM,
    "end tags": "<table><tr><td>" + "<span>" * 4000 + "</p>" * NUM,
    "unclosed formatting": "<b><div></b>" * (NUM // 4),
    "opened formulas": "\\(" * NUM,
    "closed before opened": "\\)" * NUM + "\\(" * NUM,
    "environments": "\\begin{align}" * (NUM // 4),
    "dollars": "$a " * NUM,
    "wrappers of formulas": '<span class="katex">' * (NUM // 2),
    "scripts": '<script type="math/asciimath">x</script>' * (NUM // 8),
    "rows in MathML": "<math>" + "<mtable><mtr><mtd><mrow>" * NUM,
    "answers": "<div id=question><div class=s-prose>q</div></div>"
    + "<div class=answer><div class=s-prose>a</div></div>" * (NUM // 8),
    "an image's address": f'<img src="{"equation" * NUM}?x">',
    "a number": f"<p>&#{'9' * NUM};</p>",
    "unclosed noscript": "<noscript></b>" * (NUM // 4),
    "options": "<select>" + "<option>a" * NUM,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_has_an_outcome(name: str) -> None:
    page = extract_page(HOSTILE[name].encode(), mime="text/html", charset=None)
    assert (page.text is None) == (page.read_drop is not None)
    assert page.tier == "fine" or page.reason is not None


def test_a_page_with_too_many_elements_says_why_its_text_is_cheap() -> None:
    html = "<p>some words</p>" + "<i>a</i>" * 100_000
    page = extract_page(html.encode(), mime="text/html", charset=None)
    assert page.tier == "cheap"
    assert page.reason == "the fine text would cost too much: more than 100000 elements"
    assert (page.text or "").startswith("some words")


def test_text_below_the_deepest_level_is_kept_in_order() -> None:
    depth = 3 * MAX_DEPTH
    html = "".join(f"<div>{i} " for i in range(depth)) + "</div>" * depth + "<p>last</p>"
    assert parse(html).text().split() == [*map(str, range(depth)), "last"]


def test_a_drawing_is_no_part_of_the_tree() -> None:
    tags = [node.tag for node in parse("<p>a<svg><title>t</title><g/></svg>b<svg/>c</p>").nodes()]
    assert tags == ["p"]
