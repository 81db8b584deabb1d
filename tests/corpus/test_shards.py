"""Token shards: one row per training document, blocks known from the footer, stable placement."""

import hashlib
import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.corpus.blocks import BlockCache
from gristmill.corpus.errors import GristmillError
from gristmill.corpus.fim import FimMode, FimSettings
from gristmill.corpus.fim_epochs import LaterEpoch
from gristmill.corpus.ids import content_id
from gristmill.corpus.mixture import MixtureShard
from gristmill.corpus.sample import SampleTokens, Segment
from gristmill.corpus.shards import (
    TOKEN_ROW,
    Prefix,
    ShardMetadata,
    bucket_of,
    folder_language,
    language_folder,
    layout,
    read_footer,
    shuffle_key,
    shuffle_table,
    token_table,
    write_token_shard,
)

METADATA = ShardMetadata(
    tokenizer="41f3", component="code", language="Python", fim=FimSettings(rate=0.25)
)


def make_table(lengths: list[int]) -> pa.Table:
    rng = np.random.default_rng(0)
    samples = []
    for i, length in enumerate(lengths):
        identity = content_id(f"sample {i}")
        segments = [Segment(identity, 0)]
        if i % 3 == 1 and length > 1:
            segments = [Segment(content_id("a"), 0), Segment(content_id("b"), length // 2)]
        tokens = rng.integers(0, 100_000, length).astype(np.int32)
        samples.append(
            SampleTokens(
                sample_id=identity, tokens=tokens, fim=FimMode.NONE, segments=tuple(segments)
            )
        )
    return token_table(
        samples, languages=["Python"] * len(lengths), sources=["github"] * len(lengths)
    )


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    table = make_table([5, 1, 9, 30, 2])
    path = str(tmp_path / "part.parquet")
    write_token_shard(path, [table], metadata=METADATA, block_tokens=12)
    assert pq.read_table(path).cast(TOKEN_ROW).equals(table)
    assert [len(row) for row in table["files"].to_pylist()] == [0, 0, 0, 0, 2]


def test_a_footer_tells_the_tokens_of_every_block(tmp_path: Path) -> None:
    path = str(tmp_path / "part.parquet")
    info = write_token_shard(
        path, [make_table([5, 7, 1, 30, 2])], metadata=METADATA, block_tokens=12
    )
    assert info.block_tokens == (12, 1, 30, 2)
    assert (info.num_rows, info.num_tokens) == (5, 45)
    assert read_footer(path) == info
    assert info.metadata.fim.rate == 0.25


@given(lengths=st.lists(st.integers(1, 40), max_size=30), block=st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_blocks_are_full_but_never_over_unless_one_row_is(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], block: int
) -> None:
    path = str(tmp_path_factory.mktemp("shard") / "part.parquet")
    info = write_token_shard(path, [make_table(lengths)], metadata=METADATA, block_tokens=block)
    assert read_footer(path) == info
    assert sum(info.block_tokens) == sum(lengths)
    assert all(count <= block or count in lengths for count in info.block_tokens)
    assert all(a + b > block for a, b in itertools.pairwise(info.block_tokens))


@given(cuts=st.lists(st.integers(0, 50), max_size=4))
@settings(max_examples=25, deadline=None)
def test_bytes_do_not_depend_on_how_the_rows_are_batched(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    table = make_table([i % 7 + 1 for i in range(50)])
    bounds = itertools.pairwise([0, *sorted(cuts), 50])
    digests = []
    for tables in ([table], [table.slice(a, b - a) for a, b in bounds]):
        path = tmp_path_factory.mktemp("shard") / "part.parquet"
        write_token_shard(str(path), tables, metadata=METADATA, block_tokens=40)
        digests.append(hashlib.sha256(path.read_bytes()).hexdigest())
    assert digests[0] == digests[1]


def test_columns_have_their_encodings(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    write_token_shard(str(path), [make_table([9, 4])], metadata=METADATA)
    group = pq.read_metadata(path).row_group(0)
    columns = {c.path_in_schema: c for c in map(group.column, range(group.num_columns))}
    assert "PLAIN" in columns["tokens.list.element"].encodings
    assert "BYTE_STREAM_SPLIT" not in columns["tokens.list.element"].encodings
    assert "RLE_DICTIONARY" in columns["language"].encodings
    assert "RLE_DICTIONARY" not in columns["doc_id"].encodings
    assert {column.compression for column in columns.values()} == {"ZSTD"}


def test_rows_are_ordered_by_their_shuffle_keys() -> None:
    table = make_table([1] * 40)
    ids = shuffle_table(table, seed=7)["doc_id"].to_pylist()
    assert ids == sorted(table["doc_id"].to_pylist(), key=lambda i: shuffle_key(7, i))
    assert ids != shuffle_table(table, seed=8)["doc_id"].to_pylist()


def test_other_files_are_refused(tmp_path: Path) -> None:
    text, table = tmp_path / "a.parquet", tmp_path / "b.parquet"
    text.write_text("not parquet, but long enough to be looked at")
    pq.write_table(pa.table({"x": [1]}), table)
    with pytest.raises(GristmillError, match="not Parquet"):
        read_footer(str(text))
    with pytest.raises(GristmillError, match="not a token shard"):
        read_footer(str(table))


@given(
    tokens=st.dictionaries(st.integers(0, 63), st.integers(1, 100), max_size=40),
    target=st.integers(1, 500),
)
def test_every_bucket_has_one_shard_within_the_target(tokens: dict[int, int], target: int) -> None:
    leaves = layout(tokens, bits=6, target_tokens=target)
    keys = {bucket: bucket << 58 | 12345 for bucket in tokens}
    owners = {b: [leaf for leaf in leaves if leaf.holds(key)] for b, key in keys.items()}
    assert all(len(found) == 1 for found in owners.values())
    for leaf in leaves:
        inside = sum(count for bucket, count in tokens.items() if owners[bucket] == [leaf])
        assert inside > 0
        assert inside <= target or leaf.bits == 6
    starts = [leaf.value << (64 - leaf.bits) for leaf in leaves]
    assert starts == sorted(starts)


def test_a_growing_language_splits_only_the_shard_that_grew() -> None:
    tokens = dict.fromkeys(range(16), 10)
    before = layout(tokens, bits=4, target_tokens=45)
    assert [leaf.name for leaf in before] == ["part-00", "part-01", "part-10", "part-11"]
    after = layout({**tokens, 5: 30}, bits=4, target_tokens=45)
    assert [leaf.name for leaf in after] == [
        "part-00",
        "part-010",
        "part-011",
        "part-10",
        "part-11",
    ]


def test_a_small_language_is_one_shard() -> None:
    assert layout({3: 5, 9: 6}, bits=4, target_tokens=11) == [Prefix(0, 0)]
    assert Prefix(0, 0).name == "part"
    assert Prefix(0, 0).holds(2**64 - 1)
    assert layout({}, bits=4, target_tokens=11) == []


def test_buckets_are_the_first_bits_of_a_key() -> None:
    assert bucket_of(0b1011 << 60, 4) == 0b1011
    assert bucket_of(2**64 - 1, 0) == 0


@given(language=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_language_folder_is_safe_and_comes_back(language: str) -> None:
    folder = language_folder(language)
    assert folder_language(folder) == language
    assert set(folder) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+._-%")
    assert folder[0] not in "._"


@pytest.mark.parametrize(
    ("language", "folder"),
    [
        ("C++", "C++"),
        ("C#", "C%23"),
        ("..", "%2E."),
        ("a/b", "a%2Fb"),
        ("Vim Script", "Vim%20Script"),
    ],
)
def test_language_folders_read_like_their_languages(language: str, folder: str) -> None:
    assert language_folder(language) == folder


def test_an_unnamed_language_is_refused() -> None:
    with pytest.raises(GristmillError, match="empty name"):
        language_folder("")


def test_a_footer_tells_the_tokens_of_later_epochs_too(tmp_path: Path) -> None:
    path = str(tmp_path / "part.parquet")
    info = write_token_shard(path, [make_later_table()], metadata=METADATA, block_tokens=8)
    assert (info.block_tokens, info.later_block_tokens) == ((5, 7), ((9, 7), (5, 8)))
    assert read_footer(path) == info
    assert (info.metadata.num_rows, info.metadata.num_tokens) == (2, 12)


def make_later_table() -> pa.Table:
    """Return rows of 5 and 7 tokens that two later epochs make longer."""
    edits = np.array([-1, 1], dtype=np.int32)
    later = [[(1, 9), (0, 5)], [(0, 7), (2, 8)]]
    samples = [
        SampleTokens(
            sample_id=content_id(str(length)),
            tokens=np.arange(length, dtype=np.int32),
            fim=FimMode.NONE,
            segments=(Segment(content_id(str(length)), 0),),
            later=tuple(LaterEpoch(FimMode(mode), count, edits) for mode, count in epochs),
        )
        for length, epochs in zip((5, 7), later, strict=True)
    ]
    return token_table(samples, languages=["Python"] * 2, sources=["github"] * 2)


def test_every_page_has_a_checksum_that_readers_verify(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    write_token_shard(str(path), [make_table([900])], metadata=METADATA)
    group = pq.read_metadata(path).row_group(0)
    (column,) = (c for c in map(group.column, range(group.num_columns)) if "tokens.l" in str(c))
    data = bytearray(path.read_bytes())
    data[column.data_page_offset + column.total_compressed_size // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(OSError, match="CRC"):
        pq.ParquetFile(path, page_checksum_verification=True).read()


def write_first_version(path: Path, table: pa.Table) -> None:
    """Write rows as the first version of the format has them."""
    metadata = {"format_version": 1, "tokenizer": "41f3", "component": "code"}
    fim = {"rate": 0.25, "spm_rate": 0.0, "seed": 0, "epoch": 0, "apply_to": ["code"]}
    footer = json.dumps({**metadata, "language": "Python", "fim": fim})
    table = table.drop_columns(["later_epochs"])
    pq.write_table(table.replace_schema_metadata({"gristmill": footer}), path)


def test_a_shard_of_the_first_version_is_read(tmp_path: Path) -> None:
    write_first_version(tmp_path / "part.parquet", make_table([5, 7]))
    info = read_footer(str(tmp_path / "part.parquet"))
    assert (info.block_tokens, info.later_block_tokens, info.num_rows) == ((12,), (), 2)
    assert (info.metadata.fim.rate, info.metadata.fim.epochs) == (0.25, 1)
    shard = MixtureShard(
        path="part.parquet", digest="", language="Python", documents=2, block_tokens=(12,)
    )
    cache = BlockCache(str(tmp_path), tokenizer="41f3", max_tokens=100)
    assert cache.read(shard, 0).row_starts.tolist() == [0, 5, 12]


def test_a_shard_of_a_version_to_come_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    footer = json.dumps({"format_version": 3, "news": True})
    pq.write_table(make_table([5]).replace_schema_metadata({"gristmill": footer}), path)
    with pytest.raises(GristmillError, match="has format 3, this gristmill reads up to 2"):
        read_footer(str(path))


def test_a_shard_that_lost_a_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    write_token_shard(str(path), [make_table([5, 7])], metadata=METADATA)
    footer = pq.read_metadata(path).metadata[b"gristmill"]
    table = pq.ParquetFile(path).read().slice(1)
    pq.write_table(table.replace_schema_metadata({"gristmill": footer}), path)
    with pytest.raises(GristmillError, match="holds 7 tokens in 1 rows, its footer says 12 in 2"):
        read_footer(str(path))
