"""An export as a whole: what is in it, any number of workers, stops, changed builds, removals."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
import zstandard
from click.testing import CliRunner

from gristmill.corpus.errors import GristmillError
from gristmill.pipelines.cli import cli
from gristmill.pipelines.export.known import stale_exports
from gristmill.pipelines.export.run import ExportResult, export
from gristmill.pipelines.export.settings import FORMATS, make_settings

Exporter = Callable[..., ExportResult]


def files_of(out: Path) -> dict[str, bytes]:
    """Return every file below a folder: path -> bytes."""
    return {
        str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()
    }


def lines_of(out: Path) -> list[dict[str, object]]:
    """Return the rows of all JSON lines below a folder."""
    rows: list[dict[str, object]] = []
    for path in sorted(out.rglob("*.jsonl.zst")):
        with path.open("rb") as file:
            text = zstandard.ZstdDecompressor().stream_reader(file).read()
        rows += [json.loads(line) for line in io.BytesIO(text)]
    return rows


@pytest.mark.parametrize("kind", FORMATS)
def test_the_bytes_do_not_depend_on_the_number_of_workers(
    kind: str, built: Path, tmp_path: Path
) -> None:
    settings = make_settings(kind, tokens_per_file=1000)  # type: ignore[arg-type]
    for workers in (0, 2):
        out = str(tmp_path / str(workers))
        export(str(built), out=out, settings=settings, workers=workers, report=lambda *_: None)
    assert files_of(tmp_path / "0") == files_of(tmp_path / "2")


def test_json_lines_hold_every_kept_document_with_its_text_and_origin(
    built: Path, tmp_path: Path, exporter: Exporter
) -> None:
    exporter(built, tmp_path / "out", make_settings("jsonl"))
    rows = {str(row["id"]): row for row in lines_of(tmp_path / "out")}
    ledger = pq.read_table(built / "ledger").to_pylist()
    kept = {row["doc_id"].hex(): row for row in ledger if row["dropped_by"] is None}
    assert rows.keys() == kept.keys()
    for name in ("collection", "path", "revision", "licence", "language", "component"):
        assert {i: row[name] for i, row in rows.items()} == {i: r[name] for i, r in kept.items()}
    inputs = built.parent / "repositories/ada__tools"
    core = next(row for row in rows.values() if row["path"] == "ada/core.py")
    assert core["text"] == (inputs / "ada/core.py").read_text()


def test_documents_lack_what_was_cut_of_them(
    built: Path, tmp_path: Path, exporter: Exporter
) -> None:
    copied = Path(shutil.copytree(built, tmp_path / "copied"))
    path = next(iter(sorted(copied.glob("ledger/prose*.parquet"))))
    table = pq.read_table(path)
    table = table.append_column("cut_spans", [[[0, 8]] * table.num_rows])
    pq.write_table(table, path)
    exporter(copied, tmp_path / "out", make_settings("jsonl", components=("text",)))
    exporter(built, tmp_path / "whole", make_settings("jsonl", components=("text",)))
    cut, whole = lines_of(tmp_path / "out"), lines_of(tmp_path / "whole")
    assert [row["text"] for row in cut] == [str(row["text"])[8:] for row in whole]


def test_samples_are_the_text_of_their_tokens_with_sentinels_spelled_out(
    built: Path, tmp_path: Path, exporter: Exporter
) -> None:
    exporter(built, tmp_path / "out", make_settings("jsonl", content="samples"))
    row = next(row for row in lines_of(tmp_path / "out") if row["fim"] == 1)
    text = str(row["text"])
    assert text.startswith("<\uff5cfim\u2581begin\uff5c>")
    assert text.endswith("<\uff5cend\u2581of\u2581sentence\uff5c>")
    assert text.count("<\uff5cfim\u2581hole\uff5c>") == 1


def test_components_and_languages_are_chosen(
    built: Path, tmp_path: Path, exporter: Exporter
) -> None:
    settings = make_settings("jsonl", components=("code",), languages=("Python",))
    exporter(built, tmp_path / "out", settings)
    assert {row["language"] for row in lines_of(tmp_path / "out")} == {"Python"}
    tokens = make_settings("parquet", content="tokens", languages=("Python",))
    result = exporter(built, tmp_path / "tokens", tokens)
    rows = pq.read_table(tmp_path / "tokens/code").to_pylist()
    assert {row["language"] for row in rows} == {"Python"}
    assert result.record.tokens == sum(row["num_tokens"] for row in rows)


def test_splits_hold_out_the_same_training_documents_in_every_format(
    built: Path, tmp_path: Path, exporter: Exporter
) -> None:
    splits = {"validation": 0.3}
    exporter(built, tmp_path / "a", make_settings("parquet", splits=splits))
    exporter(built, tmp_path / "b", make_settings("parquet", content="tokens", splits=splits))
    documents = pq.read_table(sorted((tmp_path / "a/text").glob("validation-*")))["id"].to_pylist()
    samples = pq.read_table(sorted((tmp_path / "b/text").glob("validation-*")))["id"].to_pylist()
    ledger = pq.read_table(built / "ledger").to_pylist()
    sample_of = {row["doc_id"]: row["sample_id"] for row in ledger}
    assert documents
    assert {sample_of[bytes.fromhex(i)].hex() for i in documents} == set(samples)
    rest = pq.read_table(sorted((tmp_path / "b/text").glob("train-*")))["id"].to_pylist()
    assert not set(rest) & set(samples)
    assert len(rest) + len(samples) == 12


def test_a_killed_export_goes_on_and_gives_the_same_bytes(
    built: Path, tmp_path: Path, exporter: Exporter
) -> None:
    command = [sys.executable, "-m", "gristmill", "export", str(built), "--format", "jsonl"]
    command += ["--content", "samples", "--tokens-per-file", "900", "--workers", "0"]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "out")], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for _ in range(3):
        assert "written" in process.stderr.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert not (tmp_path / "out/export.json").exists()
    (tmp_path / "out/.train-00099.jsonl.zst.0.partial").touch()  # as a kill may leave it
    settings = make_settings("jsonl", content="samples", tokens_per_file=900)
    result = exporter(built, tmp_path / "out", settings)
    whole = exporter(built, tmp_path / "whole", settings)
    assert 0 < result.num_written <= whole.num_written - 3
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")


def test_a_note_that_a_power_cut_left_empty_costs_its_file_alone(
    built: Path, tmp_path: Path, exporter: Exporter
) -> None:
    settings = make_settings("jsonl", content="samples", tokens_per_file=900)
    result = exporter(built, tmp_path / "out", settings)
    notes = tmp_path / "out/.export"
    notes.mkdir()
    (tmp_path / "out/export.json").rename(notes / "plan.json")
    for file in result.record.files:
        note = notes / f"{file.path.replace('/', '~')}.json"
        note.write_bytes(msgspec.json.encode((file,)))
    note.write_bytes(b"")
    assert exporter(built, tmp_path / "out", settings).num_written == 1


def test_ctrl_c_as_the_workers_start_is_one_line_and_no_traceback(
    built: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "gristmill", "export", str(built), "--format", "megatron"]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "out"), "--workers", "2"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while not any(
        "msgspec" in Path(f"/proc/{child}/maps").read_text()  # its modules are loading
        for child in children.read_text().split()
    ):
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate()[1]
    assert "Traceback" not in said
    assert said.endswith("stopped; run the same command again to go on\n")


def test_a_finished_export_is_not_written_again_but_for_what_is_missing(
    built: Path, tmp_path: Path, exporter: Exporter
) -> None:
    settings = make_settings("parquet")
    exporter(built, tmp_path / "out", settings)
    before = files_of(tmp_path / "out")
    assert exporter(built, tmp_path / "out", settings).num_written == 0
    next((tmp_path / "out/code").glob("*.parquet")).unlink()
    assert exporter(built, tmp_path / "out", settings).num_written == 1
    assert files_of(tmp_path / "out") == before


def test_an_export_of_other_settings_is_refused_and_says_what_differs(
    built: Path, tmp_path: Path, exporter: Exporter
) -> None:
    exporter(built, tmp_path / "out", make_settings("mds"))
    with pytest.raises(GristmillError, match=r'format was "mds", now "megatron"'):
        exporter(built, tmp_path / "out", make_settings("megatron"))


def test_an_export_of_a_build_that_changed_is_refused_and_names_the_shards(
    copied: Path, tmp_path: Path, exporter: Exporter
) -> None:
    exporter(copied, tmp_path / "out", make_settings("megatron"))
    record = msgspec.json.decode((copied / "build.json").read_bytes())
    shard = next(iter(sorted(record["tokens"])))
    for name in ("mixture.json", "build.json"):
        text = (copied / name).read_text()
        (copied / name).write_text(text.replace(record["tokens"][shard]["digest"], "f" * 32))
    with pytest.raises(GristmillError, match=r"1 changed \(tokens/code/"):
        exporter(copied, tmp_path / "out", make_settings("megatron"))
    stale = {export.out: export.changes for export in stale_exports(str(copied))}
    assert shard in stale[str(tmp_path / "out")]


def test_texts_that_are_gone_are_an_error_that_says_what_to_do(
    copied: Path, tmp_path: Path, exporter: Exporter
) -> None:
    with pytest.raises(GristmillError, match="--content samples"):
        exporter(copied, tmp_path / "out", make_settings("jsonl"))


def test_a_file_size_limit_is_an_error_and_none_lets_the_export_finish(
    built: Path, tmp_path: Path, exporter: Exporter
) -> None:
    limit = f"ulimit -f 8; exec {sys.executable} -m gristmill export"  # 8 blocks of 1 KiB
    command = f"{limit} {built} --format mds --out {tmp_path}/out --workers 0"
    shown = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert shown.returncode == 1
    assert "File too large. Check the disk's free space" in shown.stderr
    assert not list((tmp_path / "out").rglob("*.partial"))
    assert exporter(built, tmp_path / "out", make_settings("mds")).num_written > 0


def test_wrong_settings_are_errors() -> None:
    with pytest.raises(GristmillError, match="tokens only"):
        make_settings("megatron", content="documents")
    with pytest.raises(GristmillError, match="no component 'prose'"):
        make_settings("mds", components=("prose",))
    with pytest.raises(GristmillError, match="is no split"):
        make_settings("mds", splits={"train": 0.1})
    with pytest.raises(GristmillError, match="leave nothing for train"):
        make_settings("mds", splits={"a": 0.5, "b": 0.5})


def test_the_command_prints_the_flags_that_megatron_needs(built: Path, tmp_path: Path) -> None:
    arguments = ["export", str(built), "--format", "megatron", "--out", str(tmp_path / "out")]
    shown = CliRunner().invoke(cli, [*arguments, "--workers", "0"], catch_exceptions=False)
    assert "--data-args-path blend-train.txt" in shown.stdout
    weights = (tmp_path / "out/blend-train.txt").read_text().split()
    assert sum(map(float, weights[::2])) == pytest.approx(1)
    assert all((tmp_path / f"out/{prefix}.idx").exists() for prefix in weights[1::2])
