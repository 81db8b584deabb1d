"""The report says what told each language, and how well that was measured."""

import csv
import re
from base64 import b64decode
from io import StringIO
from pathlib import Path

import pytest

from gristmill.pipelines.audit import audit
from gristmill.pipelines.language_quality import LanguageQuality
from gristmill.pipelines.report import render_report
from gristmill.pipelines.report_languages import Told, detection_parts, read_told, told_languages
from gristmill.pipelines.tables import open_tables

TOLD = (
    Told(language="C", evidence="extension", documents=6, confidence=0.9),
    Told(language="C", evidence="repository", documents=2, confidence=0.5),
    Told(language="Zig <b>", evidence="extension", documents=1, confidence=0.98),
    Told(language="(none)", evidence="none", documents=3, confidence=0.0),
)
MEASURED = (
    LanguageQuality(
        language="C", num_files=20, recall=0.95, precision=None, most_confused_with="C++"
    ),
)


def downloaded(page: str) -> list[dict[str, str]]:
    (data,) = re.findall(r'download="languages\.csv" href="data:text/csv;[^,]*,([^"]*)"', page)
    return list(csv.DictReader(StringIO(b64decode(data).decode())))


@pytest.fixture(scope="module")
def told(built: Path) -> tuple[Told, ...]:
    with open_tables(str(built)) as tables:
        tables.add_ledger()
        return read_told(tables)


def test_shares_and_confidence_are_those_of_a_language_s_files() -> None:
    first, *others = told_languages(TOLD, MEASURED)
    assert (first.language, first.documents) == ("C", 8)
    assert first.shares == {"extension": 0.75, "repository": 0.25}
    assert first.confidence == pytest.approx(0.8)
    assert first.quality == MEASURED[0]
    assert [(row.language, row.quality) for row in others] == [("(none)", None), ("Zig <b>", None)]


def test_the_section_shows_measures_where_there_are_any() -> None:
    section = "".join(detection_parts(TOLD, MEASURED))
    row = re.search(r"<tr><th scope=\"row\">C .*?</tr>", section)
    assert row is not None
    assert "most often taken for C++" in row[0]
    cells = re.findall(r"<td>(.*?)</td>", row[0])
    assert cells == ["8", "75%", "", "", "25%", "0.80", "95.0%", "-", "20"]


def test_names_in_the_section_are_text() -> None:
    section = "".join(detection_parts(TOLD, MEASURED))
    assert "Zig &lt;b&gt;" in section
    assert "<b>" not in section


def test_the_csv_has_every_language_and_all_evidence() -> None:
    rows = downloaded("".join(detection_parts(TOLD, MEASURED)))
    assert [row["language"] for row in rows] == ["C", "(none)", "Zig <b>"]
    assert rows[0]["repository_fraction"] == "0.2500"
    assert (rows[0]["recall"], rows[0]["precision"]) == ("0.9500", "")
    assert rows[2]["most_confused_with"] == ""


def test_many_languages_are_folded_but_none_is_missing() -> None:
    told = [
        Told(language=f"L{i}", evidence="content", documents=1, confidence=0.5) for i in range(338)
    ]
    section = "".join(detection_parts(told, ()))
    assert "and 308 more" in section
    assert all(f">L{i}<" in section for i in range(338))


def test_a_corpus_without_repositories_says_so() -> None:
    assert detection_parts((), ()) == ["<p>The corpus holds no files of repositories.</p>"]


def test_the_ledger_s_files_are_all_counted(built: Path, told: tuple[Told, ...]) -> None:
    kinds, evidence = audit(str(built), by=("kind", "evidence")).breakdowns
    (files,) = [group for group in kinds.groups if group.value == "file"]
    assert sum(row.documents for row in told) == files.documents
    by_evidence = {g.value: g.documents for g in evidence.groups if g.component == "code"}
    assert by_evidence["extension"] == sum(
        row.documents for row in told if row.evidence == "extension"
    )


def test_the_page_holds_the_section_and_its_csv(built: Path, told: tuple[Told, ...]) -> None:
    rows = downloaded(render_report(str(built)))
    assert {row["language"] for row in rows} == {row.language for row in told}
    assert all(
        0 < float(row["mean_confidence"]) <= 1 for row in rows if row["language"] != "(none)"
    )
