"""An audit says how many sets of splits there are, and whether the mixture needs more."""

from pathlib import Path

import msgspec

from gristmill.corpus.mixture import read_mixture
from gristmill.corpus.packing import PackedDataset, PackingSettings
from gristmill.pipelines.audit import audit
from gristmill.pipelines.splits import ComponentSplits, splits_text

CODE = ComponentSplits(component="code", epochs=3.08, rearranged=(0.5, 0.49, 0.51, 0.5), repeated=0)


def test_a_build_has_four_sets_of_splits_of_its_code_alone(built: Path) -> None:
    found = {splits.component: splits for splits in audit(str(built), by=()).splits}
    assert found["code"].rearranged == (1.0, 1.0, 1.0, 1.0)
    assert found["math"].rearranged == found["text"].rearranged == (0.0,)
    mixture = read_mixture(str(built / "mixture.json"))
    assert {c.name: c.epochs for c in mixture.components} == {
        name: splits.epochs for name, splits in found.items()
    }


def test_a_reader_sees_every_set_and_then_the_first_again(built: Path) -> None:
    mixture = read_mixture(str(built / "mixture.json"))
    dataset = PackedDataset(mixture, str(built), PackingSettings(sequence_length=256))
    (part,) = (i for i, c in enumerate(mixture.components) if c.name == "code")
    num_blocks = sum(len(shard.block_tokens) for shard in mixture.components[part].shards)
    epochs = list[bytes]()
    for epoch in range(5):
        variant = dataset.streams[part].variant(epoch)
        blocks = (dataset.block(part, number, variant=variant) for number in range(num_blocks))
        epochs.append(b"".join(block.tokens.tobytes() for block in blocks))
    assert len(set(epochs)) == 4
    assert epochs[4] == epochs[0]


def test_enough_sets_are_said_to_be_there() -> None:
    (text,) = splits_text((CODE,))
    assert text == (
        "Fill-in-the-middle: code has 4 sets of splits for 3.08 epochs;\n"
        "50.0%, 49.0%, 51.0%, 50.0% of its documents are rearranged."
    )


def test_too_few_sets_are_said_to_repeat() -> None:
    (text,) = splits_text((msgspec.structs.replace(CODE, epochs=6.2),))
    assert text.endswith("\nSplits repeat from epoch 5 on: fim.epochs = 7 is enough.")


def test_rows_that_came_out_as_in_the_first_set_are_counted() -> None:
    (text,) = splits_text((msgspec.structs.replace(CODE, repeated=2),))
    assert "2 rows of later sets are as in the first." in text


def test_a_build_without_rearranged_documents_has_no_such_line() -> None:
    text = ComponentSplits(component="text", epochs=9.0, rearranged=(0.0,), repeated=0)
    assert splits_text((text,)) == []
