"""Reading held-out documents: every row with its bytes, and an error for whatever is damaged."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.fim import FimMode, FimSettings
from gristmill.corpus.held_out import HeldOut, HeldOutShard, read_held_out
from gristmill.corpus.ids import content_id
from gristmill.corpus.sample import SampleTokens, Segment
from gristmill.corpus.shards import ShardMetadata, token_table, write_token_shard
from gristmill.corpus.storage import digest_file
from gristmill.corpus.token_rows import HELD_OUT_ROW
from gristmill.corpus.tokenizer_info import DEEPSEEK_V2, Sentinels

LENGTHS = [5, 900, 300, 40, 1]
SHARD = "held_out/code/C%23/part.parquet"


def rows() -> pa.Table:
    samples = [
        SampleTokens(
            sample_id=content_id(str(i)),
            tokens=np.arange(length, dtype=np.int32) + i,
            fim=FimMode.NONE,
            segments=(Segment(content_id(str(i)), 0),),
        )
        for i, length in enumerate(LENGTHS)
    ]
    table = token_table(samples, languages=["C#"] * 5, sources=["s"] * 5)
    sizes = pa.array([3 * length for length in LENGTHS], pa.int64())
    return table.append_column(HELD_OUT_ROW.field("num_bytes"), sizes)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with held_out.json and the one shard that it names."""
    metadata = ShardMetadata(
        tokenizer="41f3",
        component="code",
        language="C#",
        fim=FimSettings(rate=0, epochs=1, apply_to=()),
    )
    path = tmp_path / SHARD
    path.parent.mkdir(parents=True)
    info = write_token_shard(
        str(path), [rows()], metadata=metadata, block_tokens=1000, schema=HELD_OUT_ROW
    )
    shard = HeldOutShard(
        path=SHARD,
        digest=digest_file(str(path)),
        component="code",
        language="C#",
        documents=info.num_rows,
        block_tokens=info.block_tokens,
        num_bytes=3 * sum(LENGTHS),
    )
    write(tmp_path, shard)
    return tmp_path


def write(root: Path, shard: HeldOutShard, **changed: object) -> None:
    manifest = HeldOut(
        tokenizer="41f3",
        tokenizer_name=DEEPSEEK_V2.info.name,
        sentinels=Sentinels(),
        vocab_size=DEEPSEEK_V2.info.vocab_size,
        seed=0,
        fraction=0.5,
        shards=(shard,),
    )
    manifest = msgspec.structs.replace(manifest, **changed)
    (root / "held_out.json").write_bytes(msgspec.json.encode(manifest))


def shard_of(root: Path) -> HeldOutShard:
    (shard,) = msgspec.json.decode((root / "held_out.json").read_bytes(), type=HeldOut).shards
    return shard


def test_every_document_comes_with_its_tokens_and_bytes(root: Path) -> None:
    found = list(read_held_out(str(root)))
    assert [len(document.tokens) for document in found] == LENGTHS
    assert [document.num_bytes for document in found] == [3 * length for length in LENGTHS]
    assert [document.doc_id for document in found] == [content_id(str(i)) for i in range(5)]
    assert {(document.component, document.language) for document in found} == {("code", "C#")}
    assert all(document.tokens.dtype == np.int32 for document in found)
    assert found[2].tokens[:3].tolist() == [2, 3, 4]


def cut_off(root: Path) -> None:
    path = root / SHARD
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_byte(root: Path) -> None:
    path = root / SHARD
    tokens = pq.read_metadata(path).row_group(0).column(1)
    data = bytearray(path.read_bytes())
    data[tokens.data_page_offset + tokens.total_compressed_size // 2] ^= 0xFF
    path.write_bytes(data)


def other_blocks(root: Path) -> None:
    write(root, msgspec.structs.replace(shard_of(root), block_tokens=(7,)))


def other_bytes(root: Path) -> None:
    write(root, msgspec.structs.replace(shard_of(root), num_bytes=1))


def other_language(root: Path) -> None:
    write(root, msgspec.structs.replace(shard_of(root), language="C"))


DAMAGE: list[tuple[Callable[[Path], object], str]] = [
    (lambda root: (root / "held_out.json").unlink(), "holds nothing out"),
    (lambda root: (root / "held_out.json").write_text("{}"), "not a manifest"),
    (lambda root: write(root, shard_of(root), format_version=9), "format 9"),
    (lambda root: write(root, shard_of(root), tokenizer="other"), "another vocabulary"),
    (lambda root: (root / SHARD).unlink(), "missing"),
    (cut_off, "not Parquet"),
    (flip_a_byte, "cannot be read"),
    (other_blocks, "not the one"),
    (other_language, "not the one"),
    (other_bytes, "says otherwise"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGE)
def test_damage_is_an_error_that_names_the_file(
    root: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(root)
    with pytest.raises(GristmillError, match=message) as error:
        list(read_held_out(str(root)))
    assert str(root) in error.value.where
