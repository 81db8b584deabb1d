"""A build of real pages says of each what datatrove's own pipeline says, and reads back into it."""

import io
import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.pipeline.filters.base_filter import BaseFilter
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter

from gristmill.corpus.errors import GristmillError
from gristmill.pipelines.audit import audit
from gristmill.pipelines.build import build
from gristmill.pipelines.datatrove_reader import GristmillReader
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.lookup import why
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.why_text import format_why

FIXTURES = Path(__file__).parents[2] / "fixtures"
STEPS: dict[str, tuple[type[BaseFilter], dict[str, object]]] = {
    "gopher_repetition": (GopherRepetitionFilter, {}),
    "gopher_quality": (GopherQualityFilter, {"max_doc_words": 20_000}),
    "c4_quality": (C4QualityFilter, {"filter_no_terminal_punct": False}),
    "fine_web_quality": (FineWebQualityFilter, {}),
}
SOURCES = """
name = "web"

[[source]]
name = "web"
kind = "warc"
component = "text"
paths = ["{fixtures}/web/text/*.gz"]

[[source]]
name = "math"
kind = "documents"
component = "math"
paths = ["math.jsonl"]

[mixture]
weights = {{ text = 0.9, math = 0.1 }}
"""
Row = dict[str, object]


def step(name: str, **keys: str) -> str:
    kind, args = STEPS[name]
    shown = ", ".join(f"{key} = {json.dumps(value)}" for key, value in args.items())
    lines = [f'step = "datatrove.pipeline.filters.{kind.__name__}"', f"args = {{ {shown} }}"]
    return "\n".join(["", "[[datatrove]]", *lines, *(f"{k} = {v}" for k, v in keys.items()), ""])


def built(folder: Path, steps: str) -> list[str]:
    """Build the recipe with steps; return the stages that ran."""
    (folder / "math.jsonl").write_text(json.dumps({"text": "Two and two are four.\n" * 40}))
    recipe = folder / "recipe.toml"
    recipe.write_text(SOURCES.format(fixtures=FIXTURES) + steps)
    shown = io.StringIO()
    result = build(
        str(recipe),
        out=str(folder / "out"),
        executor=LocalExecutor(),
        observer=JsonLines(shown),
    )
    assert not result.failures, result.failures
    events = [json.loads(line) for line in shown.getvalue().splitlines()]
    return [event["stage"] for event in events if event["event"] == "done"]


def ledger(folder: Path) -> dict[str, Row]:
    rows = pa.concat_tables(
        map(pq.read_table, sorted((folder / "out/ledger").glob("*")))
    ).to_pylist()
    return {row["doc_id"].hex(): row for row in rows}


def texts(folder: Path) -> dict[str, str]:
    """Return the text of every row, from the files that the build works with."""
    found = sorted((folder / "out/work/read").rglob("*.parquet"))
    rows = [row for path in found for row in pq.read_table(path).to_pylist()]
    return {row["doc_id"].hex(): row["text"] for row in rows if row["text"] is not None}


def run(steps: Sequence[PipelineStep], logs: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves its own files open
        LocalPipelineExecutor(list(steps), tasks=1, workers=1, logging_dir=str(logs)).run()


def read(folder: Path) -> list[Row]:
    tables = [pq.read_table(path) for path in sorted(folder.glob("*.parquet"))]
    return [row for table in tables for row in table.to_pylist()]


def theirs(
    given: dict[str, str], names: Sequence[str], folder: Path
) -> tuple[dict[str, str], dict[str, str]]:
    """Return what datatrove's own pipeline drops, id -> reason, and the texts that it keeps."""
    folder.mkdir()
    table = pa.table({"id": list(given), "text": list(given.values())})
    pq.write_table(table, folder / "texts.parquet")
    filters = []
    for name in names:
        kind, args = STEPS[name]
        writer = ParquetWriter(str(folder / "dropped" / name))
        filters.append(kind(**args, exclusion_writer=writer))
    reader = ParquetReader(str(folder), glob_pattern="texts.parquet")
    run([reader, *filters, ParquetWriter(str(folder / "kept"))], folder / "logs")
    dropped = {
        str(row["id"]): f"{name}:{row['metadata']['filter_reason']}"  # type: ignore[index]
        for name in names
        for row in read(folder / "dropped" / name)
    }
    return dropped, {str(row["id"]): str(row["text"]) for row in read(folder / "kept")}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build whose English texts all four filters judge."""
    folder = tmp_path_factory.mktemp("judged")
    stages = built(folder, "".join(step(name, languages='["en"]') for name in STEPS))
    assert stages.count("datatrove") == 2
    return folder


@pytest.fixture(scope="module")
def english(judged: Path) -> dict[str, str]:
    known = ledger(judged)
    return {
        name: text
        for name, text in texts(judged).items()
        if (known[name]["component"], known[name]["language"]) == ("text", "en")
    }


@pytest.mark.parametrize("name", STEPS)
def test_a_filter_drops_what_datatrove_drops(
    name: str, judged: Path, english: dict[str, str], tmp_path: Path
) -> None:
    expected, _ = theirs(english, [name], tmp_path / "theirs")
    hits = {doc: row["rule_hits"] for doc, row in ledger(judged).items()}
    ours = {doc: hit for doc, own in hits.items() for hit in own or [] if hit.startswith(name)}  # type: ignore[attr-defined]
    assert ours == expected
    assert ours


def test_the_first_reason_is_that_of_the_whole_pipeline(
    judged: Path, english: dict[str, str], tmp_path: Path
) -> None:
    names = [name for name in STEPS if name != "c4_quality"]
    expected, _ = theirs(english, names, tmp_path / "theirs")
    ours = {
        doc: next((hit for hit in row["rule_hits"] if not hit.startswith("c4")), None)  # type: ignore[attr-defined]
        for doc, row in ledger(judged).items()
        if row["rule_hits"]
    }
    assert {doc: hit for doc, hit in ours.items() if hit} == expected


def test_other_languages_and_components_are_left_alone(judged: Path) -> None:
    others = [row for row in ledger(judged).values() if row["language"] != "en"]
    assert len(others) > 20
    assert not any(row["rule_hits"] for row in others)
    assert all(
        row["rule_hits"] == [] for row in ledger(judged).values() if row["component"] == "math"
    )


def test_audit_and_why_name_the_reasons(judged: Path) -> None:
    report = audit(str(judged / "out"), by=("component",))
    drops = {drop.reason: drop for drop in report.funnel}
    assert drops["fine_web_quality:line_punct_ratio"].kind == "rule"
    reasons = [drop.reason for drop in report.funnel if ":" in drop.reason]
    order = [reason.partition(":")[0] for reason in reasons]
    assert order == sorted(order, key=list(STEPS).index)
    doc, row = next(
        (doc, row)
        for doc, row in ledger(judged).items()
        if len(row["rule_hits"] or []) > 1  # type: ignore[arg-type]
    )
    shown = format_why(why(str(judged / "out"), doc))
    assert all(hit in shown for hit in row["rule_hits"])  # type: ignore[attr-defined]
    assert f"DROPS  {row['dropped_by']}" in shown


def test_a_new_threshold_judges_again_and_reads_nothing(tmp_path: Path) -> None:
    built(tmp_path, step("fine_web_quality"))
    stages = built(tmp_path, step("fine_web_quality").replace("{", "{ line_punct_thr = 0.0", 1))
    assert stages.count("datatrove") == 2
    assert not {"read", "language", "measure", "sign"} & set(stages)


@pytest.mark.slow
def test_rewritten_texts_are_those_of_datatroves_pipeline(tmp_path: Path) -> None:
    built(tmp_path, "")
    known = ledger(tmp_path)
    given = {
        f"{known[doc]['path']} {known[doc]['revision']}": text
        for doc, text in texts(tmp_path).items()
        if known[doc]["component"] == "text"
    }
    names = ["c4_quality", "gopher_quality"]
    dropped, kept = theirs(given, names, tmp_path / "theirs")
    ours = tmp_path / "ours"
    ours.mkdir()
    built(ours, "".join(step(name, texts='"rewrite"') for name in names))
    found = {
        f"{row['path']} {row['revision']}": row["dropped_by"]
        for row in ledger(ours).values()
        if row["component"] == "text" and row["dropped_by"] not in (None, "not_text")
    }
    assert {name: why for name, why in found.items() if ":" in str(why)} == dropped
    rows = ledger(ours)
    made = [text for doc, text in texts(ours).items() if rows[doc]["component"] == "text"]
    assert sorted(made) == sorted(kept.values())


def test_the_reader_yields_what_the_build_keeps(judged: Path) -> None:
    documents = list(GristmillReader(str(judged / "out")).run())
    known, given = ledger(judged), texts(judged)
    assert {document.id: document.text for document in documents} == {
        doc: given[doc] for doc, row in known.items() if row["dropped_by"] is None
    }
    first = documents[0]
    assert first.metadata["language"] == known[first.id]["language"]
    assert json.loads(json.dumps(first.metadata)) == first.metadata


def test_datatroves_executor_reads_a_build_and_finds_the_same_drops(
    judged: Path, english: dict[str, str], tmp_path: Path
) -> None:
    reader = GristmillReader(
        str(judged / "out"), components=["text"], languages=["en"], dropped=True, metadata=["path"]
    )
    writer = ParquetWriter(str(tmp_path / "dropped"))
    run(
        [reader, GopherQualityFilter(max_doc_words=20_000, exclusion_writer=writer)], tmp_path / "l"
    )
    expected, _ = theirs(english, ["gopher_quality"], tmp_path / "theirs")
    assert {row["id"] for row in read(tmp_path / "dropped")} == expected.keys()


def test_tasks_of_the_reader_share_the_shards(judged: Path) -> None:
    reader = GristmillReader(str(judged / "out"), components=["text"], dropped=True)
    parts = [[doc.id for doc in reader.run(rank=rank, world_size=2)] for rank in range(2)]
    assert all(parts)
    assert sorted(parts[0] + parts[1]) == sorted(doc.id for doc in reader.run())


def test_the_reader_says_that_texts_are_gone(tmp_path: Path) -> None:
    built(tmp_path, "")
    for path in (tmp_path / "out/work/read").rglob("*.parquet"):
        path.unlink()
    with pytest.raises(GristmillError, match="are gone from its work folder"):
        list(GristmillReader(str(tmp_path / "out")).run())
