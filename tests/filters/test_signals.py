from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters import characters
from gristmill.filters.signals import (
    SIGNAL_RANGES,
    SIGNALS,
    measure,
    measure_slow,
    visible_text,
)

Row = tuple[str | None, str | None, str, str]

TEXTS = st.text(
    st.one_of(
        st.sampled_from("\n\r\t ab1<>=\"'/;{}\u2028\x0b\x0c\ufeff\u00e9\u4e2d\u0661\U0001f600"),
        st.characters(codec="utf-8"),
    ),
    max_size=60,
)
ROWS = st.tuples(
    st.none() | TEXTS | TEXTS.map(lambda text: f"<p>{text}</p><script>x</script>"),
    st.sampled_from([None, "HTML", "Python", "TypeScript", "Brainfuck"]),
    st.sampled_from(["file", "page"]),
    st.sampled_from(["a.py", "vendor/a.js", "b.min.css", "t/x.t", "Cargo.lock", "i.html", "o.xml"]),
)


def measured(rows: Sequence[Row], *, cut: int = 0) -> list[dict[str, object]]:
    texts, languages, kinds, paths = zip(*rows, strict=True) if rows else ((), (), (), ())
    parts = [pa.array(part, pa.large_string()) for part in (texts[:cut], texts[cut:])]
    table = measure(
        pa.chunked_array(parts),
        pa.chunked_array([pa.array(languages, pa.string())]),
        pa.chunked_array([pa.array(kinds, pa.string())]),
        pa.chunked_array([pa.array(paths, pa.string())]),
    )
    assert table.schema == SIGNALS
    rows_out: list[dict[str, object]] = table.to_pylist()
    return rows_out


def one(text: str, language: str = "Python") -> dict[str, object]:
    return measured([(text, language, "file", "a.py")])[0]


@settings(max_examples=150, deadline=None)
@given(st.lists(ROWS, max_size=8), st.integers(0, 8))
def test_columns_equal_the_slow_twin(rows: list[Row], cut: int) -> None:
    slow = [measure_slow(t, language=lang, kind=k, path=p) for t, lang, k, p in rows]
    assert measured(rows, cut=cut) == slow


def test_batches_smaller_than_a_text_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Row] = [("ab\n\u00e9" * n, None, "file", "a.py") for n in (0, 5, 1, 0, 9, 2)]
    expected = measured(rows)
    monkeypatch.setattr(characters, "BATCH_BYTES", 7)
    assert measured(rows) == expected


def test_null_rows_that_hide_bytes_are_null() -> None:
    hidden = pa.array(["abc", "def", "g"], pa.large_string())
    validity = pa.array([1, 0, 1], pa.int8()).cast(pa.bool_()).buffers()[1]
    texts = pa.Array.from_buffers(pa.large_string(), 3, [validity, *hidden.buffers()[1:]])
    counts = characters.count_characters(texts)
    assert counts.num_chars.tolist() == [3, 0, 1]


def test_unreadable_text_has_only_null_signals() -> None:
    row = measured([(None, "Python", "file", "vendor/a.py")])[0]
    assert set(row.values()) == {None}


@pytest.mark.parametrize(
    ("text", "num_lines", "mean", "longest"),
    [
        ("", 0, 0.0, 0),
        ("\n", 1, 0.0, 0),
        ("abc", 1, 3.0, 3),
        ("abc\n", 1, 3.0, 3),
        ("abc\n\n", 2, 1.5, 3),
        ("abc\r\nd\r\n", 2, 2.0, 3),
        ("a\rb\x0cc\u2028d\n", 1, 7.0, 7),
    ],
)
def test_lines_end_at_line_feeds(text: str, num_lines: int, mean: float, longest: int) -> None:
    row = one(text)
    assert (row["num_lines"], row["mean_line_length"], row["max_line_length"]) == (
        num_lines,
        mean,
        longest,
    )


def test_fractions_count_code_points_of_any_script() -> None:
    row = one("\u4e2d\u00e9a1\u0661 +\n")
    assert row["num_chars"] == 8
    assert row["num_bytes_utf8"] == 12
    assert row["alphabetic_fraction"] == 3 / 8
    assert row["alphanumeric_fraction"] == 5 / 8


def test_xml_declaration_counts_within_the_first_100_characters() -> None:
    declaration = "<?xml version="
    assert one("\u00e9" * 86 + declaration)["xml_declaration"] is True
    assert one("\u00e9" * 87 + declaration)["xml_declaration"] is False


def test_visible_text_leaves_out_script_style_and_comments() -> None:
    page = "<p>a &amp; b</p>\n<script>var x</script><style>p{}</style><!-- c --><p>d</p>"
    assert visible_text(page) == "a & b\nd"


def test_visible_text_counts_the_indentation_between_tags_once() -> None:
    assert visible_text("<ul>\n      <li> a  b </li>\n\n   </ul>  <b>\0c</b>") == "\n a  b \n c"


def test_visible_text_is_measured_for_html_only() -> None:
    page = "<html><body><p>abcde</p></body></html>"
    assert one(page, "HTML")["visible_text_fraction"] == 5 / len(page)
    assert one(page, "HTML ERB")["visible_text_chars"] is None


def test_deeply_nested_html_is_measured() -> None:
    assert one("<div>" * 5_000 + "x", "HTML")["visible_text_chars"] == 1


def test_header_licence_is_measured_for_files() -> None:
    text = "// SPDX-License-Identifier: MIT\nimport x from './y';\nconst a = <b/>;\n"
    rows = [(text, "TypeScript", kind, "a.tsx") for kind in ("file", "page")]
    file, page = measured(rows)
    assert (file["header_licence"], page["header_licence"]) == ("MIT", None)


def test_every_signal_a_rule_can_ask_is_in_the_range_table() -> None:
    assert set(SIGNALS.names) <= set(SIGNAL_RANGES)
