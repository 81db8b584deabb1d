"""MDS, WebDataset and datasets: each export is read back by the library that it is for."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from gristmill.corpus.shards import language_folder
from gristmill.filters.languages import language_table
from gristmill.pipelines.export.card import configurations
from gristmill.pipelines.export.run import ExportResult
from gristmill.pipelines.export.settings import make_settings
from gristmill.pipelines.export.write import WrittenFile

READ_MDS = """
import json, sys
from streaming import StreamingDataset
dataset = StreamingDataset(local=sys.argv[1], split="train", batch_size=1)
rows = [dataset[i] for i in range(len(dataset))]
rows = [{**row, "tokens": row["tokens"].tolist()} for row in rows]
print(json.dumps(rows))
"""
WRITE_MDS = """
import json, sys
import numpy as np
from streaming import MDSWriter
columns = {"component": "str", "documents": "json", "fim": "int", "id": "str", "language": "str",
           "num_tokens": "int", "source": "str", "tokens": "ndarray:int32"}
with MDSWriter(columns=columns, out=sys.argv[1]) as writer:
    for row in json.loads(open(sys.argv[2]).read()):
        writer.write({**row, "tokens": np.array(row["tokens"], np.int32)})
"""
READ_TARS = """
import json, sys
import numpy as np
import webdataset
rows = []
for sample in webdataset.WebDataset(sys.argv[1], shardshuffle=False):
    row = json.loads(sample["json"])
    rows.append({**row, "tokens": np.frombuffer(sample["bin"], "<i4").tolist()})
    assert sample["__key__"] == row["id"]
print(json.dumps(rows))
"""
LOAD = """
import json, sys
from datasets import get_dataset_config_names, load_dataset
names = get_dataset_config_names(sys.argv[1])
found = {}
for name in names:
    for split, rows in load_dataset(sys.argv[1], name, cache_dir=sys.argv[2]).items():
        found[f"{name} {split}"] = sorted((row["id"], row["text"]) for row in rows)
print(json.dumps(found))
"""
Loaded = dict[str, list[tuple[str, str]]]
Exporter = Callable[..., ExportResult]
Reader = Callable[..., str]


def token_rows(built: Path, component: str) -> list[dict[str, object]]:
    """Return the rows of a component's shards as an export has them."""
    rows: list[dict[str, object]] = []
    for path in sorted((built / "tokens" / component).glob("*/*.parquet")):
        for row in pq.ParquetFile(path).read().to_pylist():
            parts = [{"id": p["doc_id"].hex(), "offset": p["offset"]} for p in row.pop("files")]
            identity = row.pop("doc_id").hex()
            del row["later_epochs"]  # an export holds the first
            rows.append({**row, "id": identity, "component": component, "documents": parts})
    return rows


@pytest.mark.readers
def test_mosaics_streaming_reads_every_sample(
    built: Path, tmp_path: Path, exporter: Exporter, reader: Reader
) -> None:
    exporter(built, tmp_path / "out", make_settings("mds", tokens_per_file=500))
    shown = reader("streaming torch", READ_MDS, tmp_path / "out/text")
    assert json.loads(shown.splitlines()[-1]) == token_rows(built, "text")
    assert len(list((tmp_path / "out/text/train").glob("*.mds"))) > 1


@pytest.mark.readers
def test_a_shard_has_the_bytes_of_mosaics_own_writer(
    built: Path, tmp_path: Path, exporter: Exporter, reader: Reader
) -> None:
    exporter(built, tmp_path / "out", make_settings("mds"))
    (tmp_path / "rows.json").write_text(json.dumps(token_rows(built, "code")))
    reader("streaming torch", WRITE_MDS, tmp_path / "own", tmp_path / "rows.json")
    for name in ("shard.00000.mds", "index.json"):
        own = (tmp_path / "own" / name).read_bytes()
        assert (tmp_path / "out/code/train" / name).read_bytes() == own


def test_webdataset_reads_every_sample(
    built: Path, tmp_path: Path, exporter: Exporter, reader: Reader
) -> None:
    result = exporter(built, tmp_path / "out", make_settings("webdataset", tokens_per_file=500))
    last = sum(file.component == "text" for file in result.record.files) - 1
    assert last > 0
    urls = tmp_path / f"out/text/train-{{000000..{last:06d}}}.tar"
    rows = json.loads(reader("webdataset", READ_TARS, urls))
    assert rows == token_rows(built, "text")


@pytest.fixture(scope="module")
def loadable(built: Path, tmp_path_factory: pytest.TempPathFactory, exporter: Exporter) -> Path:
    out = tmp_path_factory.mktemp("loadable") / "out"
    exporter(built, out, make_settings("datasets", splits={"validation": 0.3}))
    return out


@pytest.fixture(scope="module")
def loaded(loadable: Path, tmp_path_factory: pytest.TempPathFactory, reader: Reader) -> Loaded:
    """The id and text of every row, by configuration and split, as `datasets` loads them."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        found: Loaded = json.loads(reader("datasets", LOAD, loadable, cache).splitlines()[-1])
    return found


def kept_ids(built: Path, column: str, value: str) -> list[str]:
    rows = pq.read_table(built / "ledger").to_pylist()
    kept = (row for row in rows if row["dropped_by"] is None and (row[column] or "und") == value)
    return sorted(row["doc_id"].hex() for row in kept)


@pytest.mark.parametrize("component", ["code", "math", "text"])
def test_datasets_loads_every_component_and_split_of_the_folder(
    built: Path, loaded: Loaded, component: str
) -> None:
    ids = [i for name in ("train", "validation") for i, _ in loaded.get(f"{component} {name}", [])]
    assert sorted(ids) == kept_ids(built, "component", component)
    assert loaded["text validation"]


def test_datasets_loads_each_language_by_its_name(built: Path, loaded: Loaded) -> None:
    names = {name.rpartition(" ")[0] for name in loaded} - {"code", "math", "text"}
    assert {"Python", "C#", "C++", "en"} <= names
    for name in names:
        ids = [i for split in ("train", "validation") for i, _ in loaded.get(f"{name} {split}", [])]
        assert sorted(ids) == kept_ids(built, "language", name)


def test_a_language_whose_name_no_file_may_have_has_a_configuration() -> None:
    name = next(row.name for row in language_table().languages if "*" in row.name)
    file = WrittenFile(
        path=f"data/code/{language_folder(name)}/train-00000-of-00001.parquet",
        digest="",
        num_bytes=1,
        component="code",
        language=name,
        split="train",
        documents=1,
        tokens=1,
    )
    lines = configurations([file])
    assert '- config_name: "F%2A"' in lines
    assert '    path: ["data/code/F%2A/train-*.parquet"]' in lines


def test_the_card_names_files_that_are_there_and_every_licence(built: Path, loadable: Path) -> None:
    card = (loadable / "README.md").read_text()
    head = yaml.safe_load(card.split("---\n")[1])
    for config in head["configs"]:
        for part in config["data_files"]:
            assert all(list(loadable.glob(path)) for path in part["path"]), part
    licences = json.loads((built / "build.json").read_text())["totals"]["by"]["licence"]
    for licence, (documents, tokens) in licences.items():
        assert f"| {licence} | {documents:,} | {tokens:,} |" in card


def test_hostile_names_do_not_break_the_card(loadable: Path) -> None:
    card = (loadable / "README.md").read_text()
    assert yaml.safe_load(card.split("---\n")[1])["pretty_name"] == "small <b>corpus</b>"
    assert "# small &lt;b>corpus&lt;/b>" in card
