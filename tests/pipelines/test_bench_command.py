"""The bench of a machine: every step of a small build has its amount, its seconds and its bytes."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.pipelines.bench_command import bench
from gristmill.pipelines.bench_text import bench_text
from gristmill.pipelines.machine_rates import KINDS, STEPS, MachineRates

MORE = "A chapter of its own. " * 30


@pytest.fixture(scope="module")
def measured(
    template: Path,
    warc_record: Callable[[str, str], bytes],
    tmp_path_factory: pytest.TempPathFactory,
) -> MachineRates:
    """The rates of a bench over a few small inputs of every kind."""
    fixtures = tmp_path_factory.mktemp("fixtures")
    shutil.copytree(template / "repositories", fixtures / "repositories", symlinks=True)
    (fixtures / "repositories.jsonl").write_text("")
    shutil.copytree(template / "prose", fixtures / "documents")
    texts = pa.table({"id": ["a"], "text": [MORE], "language": ["en"]})
    pq.write_table(texts, fixtures / "documents/more.parquet")
    pages = fixtures / "web/math"
    pages.mkdir(parents=True)
    for name in (f"site{i}" for i in range(16)):  # two sources read each; one keeps it
        words = " ".join(f"{name} word {i} of a page." for i in range(80))
        record = warc_record(f"https://{name}.test/", f"<p>{words}</p>")
        (pages / f"{name}.warc.gz").write_bytes(gzip.compress(record))
    return bench(fixtures)


def test_every_step_has_a_rate_for_every_kind_of_source(measured: MachineRates) -> None:
    assert [(rate.step, rate.kind) for rate in measured.rates] == [
        (step.name, kind) for step in STEPS for kind in (KINDS if step.by_kind else (None,))
    ]
    assert all(rate.amount > 0 and rate.written_bytes > 0 for rate in measured.rates)


def test_amounts_are_those_of_the_ledger(measured: MachineRates) -> None:
    amounts = {(rate.step, rate.kind): rate.amount for rate in measured.rates}
    assert amounts["sign", "repository"] == amounts["read", "repository"]
    assert amounts["ledger", None] == amounts["decide", None] > amounts["dedup", None]
    chapters = (f"Chapter {i}.\n" + f"It was day {i}. " * (i + 9) for i in range(40))
    assert amounts["read", "document"] == sum(map(len, chapters)) + len(MORE)


def test_the_table_says_what_one_core_does(measured: MachineRates) -> None:
    text = bench_text(measured)
    assert text.startswith(measured.machine)
    assert len(text.splitlines()) == 3 + len(measured.rates)
