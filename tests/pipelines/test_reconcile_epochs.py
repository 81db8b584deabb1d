"""An audit compares what rows, footers, build.json and mixture.json say of later epochs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.pipelines.audit import audit

Epochs = list[dict[str, Any]]


def edit_epochs(out: Path, change: Callable[[Epochs], object]) -> str:
    """Change the later epochs of one row, and return the shard's path."""
    shard = min((out / "tokens/code/Python").glob("*.parquet"))
    table = pq.ParquetFile(shard).read()
    epochs = table["later_epochs"].to_pylist()
    change(epochs[0])
    index = table.schema.get_field_index("later_epochs")
    field = table.field("later_epochs")
    shard.unlink()  # it is a link to the artifact
    pq.write_table(table.set_column(index, field, pa.array(epochs, field.type)), shard)
    return str(shard.relative_to(out))


def differences(out: Path, *, check: bool = True) -> list[str]:
    found = audit(str(out), by=(), check=check).differences
    return [line for line in found if "bytes, build.json says" not in line]


def test_a_sound_build_agrees_on_every_later_epoch(built: Path) -> None:
    assert differences(built) == differences(built, check=False) == []


def test_a_row_with_a_wrong_count_of_a_later_epoch_is_found(copied: Path) -> None:
    path = edit_epochs(copied, lambda epochs: epochs[1].update(num_tokens=7))
    found = differences(copied)
    assert len(found) == 2
    assert found[0].startswith(f"{path}: edits of epoch 2 make ")
    assert found[0].endswith(" in all")
    assert found[1].startswith(f"{path} holds ")
    assert " tokens in epoch 2, its footer says " in found[1]


def test_edits_that_make_another_number_of_tokens_are_found(copied: Path) -> None:
    path = edit_epochs(copied, lambda epochs: epochs[0]["edits"].append(5))
    (found,) = differences(copied)
    assert found.startswith(f"{path}: edits of epoch 1 make ")


def test_a_row_without_its_later_epochs_is_found(copied: Path) -> None:
    path = edit_epochs(copied, lambda epochs: epochs.clear())
    found = differences(copied)
    assert [line.partition(" tokens in ")[2][:7] for line in found] == [
        f"epoch {e}" for e in (1, 2, 3)
    ]
    assert all(line.startswith(f"{path} holds") for line in found)


def test_a_build_json_with_another_sum_is_found_by_footers_alone(copied: Path) -> None:
    document = json.loads((copied / "build.json").read_bytes())
    path, shard = min(document["tokens"].items())
    shard["later_row_groups"][0][0] += 1
    (copied / "build.json").write_text(json.dumps(document))
    (found,) = differences(copied, check=False)
    assert found.startswith(f"{path}: its footer has ")
    assert " in epoch 1, build.json " in found
    assert differences(copied) == [found]


def test_a_mixture_with_another_sum_is_found_by_footers_alone(copied: Path) -> None:
    mixture = json.loads((copied / "mixture.json").read_bytes())
    shard = mixture["components"][0]["shards"][0]
    shard["later_block_tokens"][2][0] -= 1
    (copied / "mixture.json").write_text(json.dumps(mixture))
    (found,) = differences(copied, check=False)
    assert found.startswith(f"{shard['path']}: its footer has ")
    assert " in epoch 3, mixture.json " in found


def test_a_footer_that_says_nothing_sensible_is_named(copied: Path) -> None:
    shard = min((copied / "tokens/code/Python").glob("*.parquet"))
    table = pq.ParquetFile(shard).read().replace_schema_metadata({"gristmill": "{}"})
    shard.unlink()
    pq.write_table(table, shard)
    (found,) = differences(copied)
    assert found.startswith(f"{shard.relative_to(copied)}: its footer is not one of a token shard")
