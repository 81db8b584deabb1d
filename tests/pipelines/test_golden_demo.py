"""The demo's totals by language are pinned, so that a change of output is read in review."""

from pathlib import Path

import pytest

from gristmill.pipelines.audit import audit
from gristmill.pipelines.totals import HEAD, total_differences, write_totals

TOTALS = Path(__file__).parents[2] / "fixtures/golden/demo.tsv"


def test_the_demo_has_the_totals_by_language_that_are_kept(
    demo_build: Path, request: pytest.FixtureRequest
) -> None:
    found = audit(str(demo_build), by=("language",), check=False)
    if request.config.getoption("--update-golden"):
        write_totals(found, str(TOTALS))
    assert total_differences(found, str(TOTALS)) == []


def test_the_totals_that_are_kept_are_sorted_and_hold_every_component() -> None:
    head, *lines = [line.split("\t") for line in TOTALS.read_text().splitlines()]
    assert tuple(head) == HEAD
    assert [line[:2] for line in lines] == sorted(line[:2] for line in lines)
    assert {line[0] for line in lines} == {"code", "math", "text"}
