"""A page's row says what was found on it, by which tier, and why not by the one asked for."""

from pathlib import Path
from typing import Literal

from gristmill.corpus.memo import DigestMemo
from gristmill.corpus.record import FELL_BACK, Record
from gristmill.corpus.sources import ReadLimits, SourceSpec, list_units, read_unit
from gristmill.corpus.sources.unit import ReadOptions

FORMULAS = "<p>Let \\(x\\) and \\(y\\) be numbers with \\[x = y\\] for all of them.</p>"
CODE = '<pre class="brush: python">def f():\n\n    return 1\n</pre>'
COSTLY = "<p>many" * 110_000


def read_page(
    folder: Path, body: str, tier: Literal["cheap", "fine"] = "fine", mime: str = "text/html"
) -> Record:
    http = f"HTTP/1.1 200 OK\r\nContent-Type: {mime}\r\n\r\n{body}".encode()
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.org/\r\n"
        "Content-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(http)}\r\n\r\n"
    )
    (folder / "a.warc").write_bytes(head.encode() + http + b"\r\n\r\n")
    spec = SourceSpec(name="w", kind="warc", component="math", paths=("a.warc",))
    (unit,) = list_units(spec, base=str(folder), memo=DigestMemo())
    (record,) = read_unit(unit, ReadLimits(), options=ReadOptions(extract=tier))
    return record


def test_formulas_and_code_of_a_page_are_counted(tmp_path: Path) -> None:
    row = read_page(tmp_path, f"<main>{FORMULAS}{CODE}</main>")
    assert (row.formulas_found, row.formulas_kept) == (3, 3)
    assert (row.code_lines_found, row.code_lines_kept) == (2, 2)
    assert row.code_languages == ("python",)
    assert (row.extracted_by, row.extract_reason) == ("fine", None)


def test_the_cheap_tier_is_named(tmp_path: Path) -> None:
    row = read_page(tmp_path, f"<main>{FORMULAS}</main>", "cheap")
    assert (row.extracted_by, row.extract_reason) == ("cheap", None)


def test_a_page_that_costs_too_much_says_why_it_has_the_cheap_text(tmp_path: Path) -> None:
    row = read_page(tmp_path, COSTLY)
    assert row.extracted_by == "cheap"
    assert (row.extract_reason or "").startswith(f"{FELL_BACK} would cost too much: ")


def test_a_text_payload_is_not_searched_for_formulas(tmp_path: Path) -> None:
    row = read_page(tmp_path, "\\(x\\)", mime="text/plain")
    assert (row.extracted_by, row.formulas_found, row.code_languages) == ("raw", None, None)


def test_what_has_no_text_was_extracted_by_nothing(tmp_path: Path) -> None:
    row = read_page(tmp_path, "")
    assert row.read_drop == "empty"
    assert (row.extracted_by, row.formulas_found) == (None, None)
