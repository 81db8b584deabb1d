"""Placeholders in the place of findings, beside what is cut, and the way back."""

from hypothesis import given
from hypothesis import strategies as st

from gristmill.dedup.lines import cut
from gristmill.filters.redaction.credits import is_credits
from gristmill.filters.redaction.kinds import Finding
from gristmill.filters.redaction.redact import original_span, redact


def test_each_class_has_its_placeholder() -> None:
    kinds = ("email", "ipv6", "jwt", "url_password")
    findings = [Finding(kind, 2 * i, 2 * i + 1) for i, kind in enumerate(kinds)]
    assert redact("a b c d", findings) == "<EMAIL> <IP_ADDRESS> <KEY> <PASSWORD>"


def test_a_finding_that_is_cut_in_part_leaves_one_placeholder() -> None:
    assert redact("ab SECRET cd", [Finding("jwt", 3, 9)], [5, 7]) == "ab <KEY> cd"
    assert redact("ab SECRET cd", [Finding("jwt", 3, 9)], [0, 5]) == "<KEY> cd"
    assert redact("ab SECRET cd", [Finding("jwt", 3, 9)], [5, 12]) == "ab <KEY>"


def test_a_finding_that_is_cut_whole_leaves_none() -> None:
    assert redact("ab SECRET cd", [Finding("jwt", 3, 9)], [2, 10]) == "abcd"


@st.composite
def spans(draw: st.DrawFn, size: int) -> list[tuple[int, int]]:
    bounds = sorted(draw(st.sets(st.integers(0, size), max_size=8)))
    return list(zip(bounds[::2], bounds[1::2], strict=False))


@given(st.data())
def test_without_findings_only_the_cuts_are_left_out(data: st.DataObject) -> None:
    text = "0123456789abcdefghijklmnopq"
    cuts = [bound for span in data.draw(spans(len(text))) for bound in span]
    assert redact(text, [], cuts) == cut(text, cuts)


@given(st.data())
def test_every_character_that_is_left_leads_back_to_where_it_stood(data: st.DataObject) -> None:
    text = "0123456789abcdefghijklmnopq"  # all different, none in a placeholder
    findings = [Finding("jwt", *span) for span in data.draw(spans(len(text)))]
    cuts = [bound for span in data.draw(spans(len(text))) for bound in span]
    result = redact(text, findings, cuts)
    for place, character in enumerate(result):
        if character in text:
            assert original_span(place, place + 1, findings, cuts) == (
                text.index(character),
                text.index(character) + 1,
            )


def test_author_lists_and_change_logs_are_told_by_their_names() -> None:
    for path in ("AUTHORS", "doc/CHANGES.rst", "debian/changelog", "Contributors.md", ".mailmap"):
        assert is_credits(path), path
    for path in ("authors.go/x.go", "src/changes_view.py", "README.md"):
        assert not is_credits(path), path
