"""Megatron: the bytes of its own builder, read back by its own data sets."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gristmill.pipelines.export.run import ExportResult
from gristmill.pipelines.export.settings import make_settings

pytestmark = pytest.mark.readers

BUILD_WITH_MEGATRON = """
import sys, pyarrow.parquet as pq, torch
from megatron.core.datasets.indexed_dataset import IndexedDatasetBuilder
builder = IndexedDatasetBuilder(sys.argv[1] + ".bin")
for path in sys.argv[2:]:
    for tokens in pq.read_table(path)["tokens"].to_pylist():
        builder.add_document(torch.tensor(tokens, dtype=torch.int32), [len(tokens)])
builder.finalize(sys.argv[1] + ".idx")
"""
READ = """
import json, sys
from megatron.core.datasets.indexed_dataset import IndexedDataset
dataset = IndexedDataset(sys.argv[1])
print(json.dumps([dataset[i].tolist() for i in range(len(dataset))]))
"""
BLEND = """
import sys, torch
from types import SimpleNamespace
from megatron.core.datasets.blended_megatron_dataset_builder import BlendedMegatronDatasetBuilder
from megatron.core.datasets.gpt_dataset import GPTDataset, GPTDatasetConfig
from megatron.core.datasets.utils import get_blend_from_list
store = "file://" + sys.argv[2]
torch.distributed.init_process_group("gloo", init_method=store, rank=0, world_size=1)
blend = get_blend_from_list(open(sys.argv[1]).read().split())
tokenizer = SimpleNamespace(eod=100001, vocab_size=102400, unique_identifiers={})
config = GPTDatasetConfig(
    random_seed=1, sequence_length=64, blend=blend, split="1000,0,0", tokenizer=tokenizer,
    path_to_cache=sys.argv[3], reset_position_ids=True, reset_attention_mask=True,
    eod_mask_loss=False, mmap_bin_files=True,
)
builder = BlendedMegatronDatasetBuilder(GPTDataset, [500, 0, 0], lambda: True, config)
train, _, _ = builder.build()
names = [dataset.dataset.path_prefix.split("/")[0] for dataset in train.datasets]
counts = {}
for i in range(500):
    which = names[train.dataset_index[i]]
    counts[which] = counts.get(which, 0) + 1
    assert len(train[i]["tokens"]) == 64
print(*(f"{name}={count / 500:.2f}" for name, count in sorted(counts.items())))
"""


@pytest.fixture(scope="module")
def exported(
    built: Path,
    tmp_path_factory: pytest.TempPathFactory,
    exporter: Callable[..., ExportResult],
) -> Path:
    out = tmp_path_factory.mktemp("megatron") / "out"
    exporter(built, out, make_settings("megatron"))
    return out


def test_both_files_are_the_bytes_of_megatrons_own_builder(
    built: Path, exported: Path, tmp_path: Path, reader: Callable[..., str]
) -> None:
    shards = sorted((built / "tokens/text/en").glob("*.parquet"))
    reader("megatron torch", BUILD_WITH_MEGATRON, tmp_path / "own", *shards)
    for suffix in (".bin", ".idx"):
        ours = (exported / f"text/en-train-00000{suffix}").read_bytes()
        assert ours == (tmp_path / f"own{suffix}").read_bytes()
    assert sum(pq.ParquetFile(path).num_row_groups for path in shards) > 1


def test_megatron_reads_every_document_with_its_end_of_text(
    built: Path, exported: Path, reader: Callable[..., str]
) -> None:
    shown = reader("megatron torch", READ, exported / "text/en-train-00000")
    rows = pq.read_table(built / "tokens/text/en")["tokens"].to_pylist()
    assert shown.splitlines()[-1] == str(rows)
    assert all(row[-1] == 100_001 for row in rows)


def test_megatron_blends_components_by_the_weights_of_the_mixture(
    exported: Path, tmp_path: Path, reader: Callable[..., str]
) -> None:
    shown = reader(
        "megatron torch",
        BLEND,
        "blend-train.txt",
        tmp_path / "store",
        tmp_path / "cache",
        cwd=exported,
    )
    assert shown.splitlines()[-1] == "code=0.60 math=0.10 text=0.30"


def test_megatron_draws_from_every_epoch_as_much_as_training_sees_of_it(
    built: Path,
    tmp_path: Path,
    exporter: Callable[..., ExportResult],
    reader: Callable[..., str],
) -> None:
    exporter(built, tmp_path / "out", make_settings("megatron", epoch="all"))
    by_epoch = BLEND.replace('split("/")[0]', 'split("-")[-2]')
    arguments = ("blend-train.txt", tmp_path / "store", tmp_path / "cache")
    shown = reader("megatron torch", by_epoch, *arguments, cwd=tmp_path / "out")
    found = dict(part.split("=") for part in shown.splitlines()[-1].split())
    # Code has four sets of splits and 0.6 of training; all else is in the first.
    expected = {"epoch0": 0.55, "epoch1": 0.15, "epoch2": 0.15, "epoch3": 0.15}
    shares = {name: float(share) for name, share in found.items()}
    assert shares == pytest.approx(expected, abs=0.01)
