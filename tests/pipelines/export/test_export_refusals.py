"""What an export refuses: names that the build lacks, folders of others."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from gristmill.corpus.errors import GristmillError
from gristmill.pipelines.cli import cli
from gristmill.pipelines.export.known import stale_exports
from gristmill.pipelines.export.run import ExportResult
from gristmill.pipelines.export.settings import Content, make_settings

Exporter = Callable[..., ExportResult]


def test_a_language_that_the_build_lacks_is_an_error_beside_one_that_it_has(
    built: Path, tmp_path: Path, exporter: Exporter
) -> None:
    settings = make_settings("mds", languages=("Python", "Pyhton"))
    with pytest.raises(GristmillError, match=r"`Pyhton`. Did you mean `Python`"):
        exporter(built, tmp_path / "out", settings)
    with pytest.raises(GristmillError, match="unknown language `Python`"):
        exporter(
            built,
            tmp_path / "out",
            make_settings("mds", components=("text",), languages=("Python",)),
        )


def test_a_folder_with_other_files_is_refused_and_left_as_it_is(
    built: Path, tmp_path: Path, exporter: Exporter
) -> None:
    (tmp_path / ".gitattributes").touch()
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(GristmillError, match=r"of no export \(README.md\)"):
        exporter(built, tmp_path, make_settings("datasets"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gitattributes", "README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"


def test_an_export_that_was_stopped_is_named_after_a_change_too(
    copied: Path, tmp_path: Path, exporter: Exporter
) -> None:
    exporter(copied, tmp_path / "out", make_settings("megatron"))
    header = (tmp_path / "out/export.json").read_bytes()
    (tmp_path / "out/.export").mkdir()
    (tmp_path / "out/export.json").rename(tmp_path / "out/.export/plan.json")
    record = msgspec.json.decode(header)
    shard = next(iter(sorted(record["inputs"])))
    text = (copied / "build.json").read_text()
    (copied / "build.json").write_text(text.replace(record["inputs"][shard], "f" * 32))
    assert str(tmp_path / "out") in {export.out for export in stale_exports(str(copied))}


def test_a_split_that_is_given_twice_is_an_error(built: Path, tmp_path: Path) -> None:
    arguments = ["export", str(built), "--format", "mds", "--out", str(tmp_path / "out")]
    shown = CliRunner().invoke(cli, [*arguments, "--split", "a=0.5", "--split", "a=0.2"])
    assert (shown.exit_code, "'a' is given twice" in shown.stderr) == (2, True)


@pytest.mark.parametrize(("content", "folder"), [("tokens", "tokens"), ("documents", "ledger")])
def test_a_damaged_file_of_the_build_is_named_with_what_to_do(
    content: Content, folder: str, copied: Path, tmp_path: Path, exporter: Exporter
) -> None:
    path = next(iter(sorted((copied / folder).rglob("*.parquet"))))
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(GristmillError, match=f"{path.name}: the file is damaged: .* --verify"):
        exporter(copied, tmp_path / "out", make_settings("jsonl", content=content))


def test_a_damaged_build_json_is_an_error_that_says_what_to_do(
    copied: Path, tmp_path: Path, exporter: Exporter
) -> None:
    (copied / "build.json").write_text("{")
    with pytest.raises(
        GristmillError, match=r"build.json is not what .* Delete it and build again"
    ):
        exporter(copied, tmp_path / "out", make_settings("jsonl"))
