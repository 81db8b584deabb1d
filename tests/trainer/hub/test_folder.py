"""transformers reads the checkpoints that are written here, and what it writes is read here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import DeepseekV2ForCausalLM

from gristmill.corpus.errors import GristmillError
from gristmill.trainer.hub.folder import load_weights, model_weights, write_checkpoint
from gristmill.trainer.model.model import Model
from gristmill.trainer.model.shapes import ModelSettings

ModelOf = Callable[[ModelSettings], Model]


class Rows(Protocol):
    tokens_BT: Tensor

    def logits(self, model: Model) -> Tensor: ...


def empty(settings: ModelSettings, layers: range | None = None) -> Model:
    model = Model(settings, layers)
    for weight in model.parameters():
        torch.nn.init.constant_(weight, float("nan"))
    return model


@pytest.fixture
def written(small_v2: ModelSettings, model_of: ModelOf, tmp_path: Path) -> tuple[Model, Path]:
    """A model and its checkpoint, in several files."""
    model, folder = model_of(small_v2), tmp_path / "checkpoint"
    weights = model_weights(model)
    write_checkpoint(str(folder), small_v2, weights, dtype=torch.float32, shard_bytes=200_000)
    return model, folder


def from_pretrained(folder: Path) -> tuple[torch.nn.Module, dict[str, set[str]]]:
    read: Any = DeepseekV2ForCausalLM  # its annotation leaves out what it returns when asked
    model, info = read.from_pretrained(folder, output_loading_info=True)
    return model, info


def test_transformers_reads_ours_with_equal_logits(written: tuple[Model, Path], rows: Rows) -> None:
    ours, folder = written
    theirs, info = from_pretrained(folder)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    with torch.no_grad():
        expected = theirs(rows.tokens_BT).logits
        torch.testing.assert_close(rows.logits(ours), expected, atol=1e-5, rtol=0)


def test_ours_reads_what_transformers_saves(
    written: tuple[Model, Path], small_v2: ModelSettings, tmp_path: Path
) -> None:
    theirs = DeepseekV2ForCausalLM.from_pretrained(written[1])
    theirs.save_pretrained(tmp_path / "theirs", max_shard_size="150KB")
    assert len(list((tmp_path / "theirs").glob("*.safetensors"))) > 2
    ours = empty(small_v2)
    load_weights(ours, str(tmp_path / "theirs"), small_v2)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), atol=0, rtol=0)


def test_a_checkpoint_has_the_names_and_sizes_of_published_ones(
    written: tuple[Model, Path],
) -> None:
    files = sorted(written[1].glob("*.safetensors"))
    assert files[0].name == f"model-00001-of-{len(files):05}.safetensors"
    assert len(files) > 2
    assert all(path.stat().st_size < 210_000 for path in files)
    index = msgspec.json.decode((written[1] / "model.safetensors.index.json").read_bytes())
    assert index["metadata"]["total_size"] == 4 * sum(w.numel() for w in written[0].parameters())
    assert "model.layers.1.mlp.experts.7.gate_proj.weight" in index["weight_map"]


def test_parts_of_a_model_read_their_part(
    written: tuple[Model, Path], small_v2: ModelSettings
) -> None:
    found: dict[str, Tensor] = {}
    for layers in (range(1), range(1, 2), range(2, 3)):
        part = empty(small_v2, layers)
        load_weights(part, str(written[1]), small_v2)
        found |= part.state_dict()
    torch.testing.assert_close(found, written[0].state_dict(), atol=0, rtol=0)


def test_bf16_is_written_by_default_and_read_into_fp32(
    small: ModelSettings, model_of: ModelOf, tmp_path: Path
) -> None:
    model, loaded = model_of(small), empty(small)
    write_checkpoint(str(tmp_path / "half"), small, model_weights(model))
    assert [path.name for path in (tmp_path / "half").glob("*.safetensors")] == [
        "model.safetensors"
    ]
    load_weights(loaded, str(tmp_path / "half"), small)
    expected = {name: w.bfloat16().float() for name, w in model.state_dict().items()}
    torch.testing.assert_close(loaded.state_dict(), expected, atol=0, rtol=0)


def test_a_checkpoint_is_never_written_over_another(
    written: tuple[Model, Path], small_v2: ModelSettings
) -> None:
    model, folder = written
    with pytest.raises(GristmillError, match="something is there already"):
        write_checkpoint(str(folder), small_v2, model_weights(model))


def test_a_checkpoint_that_was_not_finished_is_not_there(
    small: ModelSettings, model_of: ModelOf, tmp_path: Path
) -> None:
    folder = tmp_path / "cut"
    weights = list(model_weights(model_of(small)))
    with pytest.raises(RuntimeError):  # what a generator that ends early inside of another is
        write_checkpoint(str(folder), small, weights[:-3])
    assert not folder.exists()
    write_checkpoint(str(folder), small, weights)
    load_weights(empty(small), str(folder), small)


def broken(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    path = sorted(folder.glob("*.safetensors"))[0]
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


FAULTS: dict[str, Callable[[dict[str, Tensor]], object]] = {
    "it lacks model.embed_tokens.weight": lambda tensors: tensors.pop("model.embed_tokens.weight"),
    "it has no place for model.extra": lambda tensors: tensors.update(
        {"model.extra": torch.ones(2)}
    ),
    r"cannot take model.embed_tokens.weight of \(3,\), not \(512, 64\)": lambda tensors: (
        tensors.update({"model.embed_tokens.weight": torch.ones(3)})
    ),
    "cannot take model.embed_tokens.weight of type I8": lambda tensors: tensors.update(
        {"model.embed_tokens.weight": torch.ones(512, 64, dtype=torch.int8)}
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_weights_that_do_not_fit_are_named(
    written: tuple[Model, Path], small_v2: ModelSettings, what: str
) -> None:
    broken(written[1], FAULTS[what])
    with pytest.raises(GristmillError, match=what):
        load_weights(empty(small_v2), str(written[1]), small_v2)


def test_another_shape_than_the_checkpoints_is_refused(
    written: tuple[Model, Path], small_v2: ModelSettings
) -> None:
    other = msgspec.structs.replace(small_v2, num_experts_per_tok=3)
    with pytest.raises(GristmillError, match="num_experts_per_tok = 4, the model 3"):
        load_weights(Model(other), str(written[1]), other)


@pytest.mark.parametrize("name", ["model.safetensors.index.json", "model-00002-of-*.safetensors"])
def test_a_damaged_file_is_named(
    written: tuple[Model, Path], small_v2: ModelSettings, name: str
) -> None:
    (path,) = written[1].glob(name)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(GristmillError, match="cannot be read") as caught:
        load_weights(empty(small_v2), str(written[1]), small_v2)
    assert caught.value.where == str(path)
