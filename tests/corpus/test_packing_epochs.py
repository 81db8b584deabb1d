"""Packing over epochs and by best fit: rows as their epoch has them, each token once."""

from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.fim import FimSettings
from gristmill.corpus.ids import content_id
from gristmill.corpus.mixture import Mixture, MixtureShard, make_mixture
from gristmill.corpus.packing import (
    PackedDataset,
    PackedSample,
    PackingSettings,
    document_ids,
    loss_mask,
    position_ids,
)
from gristmill.corpus.sample import Piece, build_sample
from gristmill.corpus.shards import ShardMetadata, token_table, write_token_shard
from gristmill.corpus.tokenizer import load_tokenizer

FIM = FimSettings(rate=0.8, spm_rate=0.3, epochs=3)
TEXTS = [f"def f{i}(x):\n    return x + {i}\n" * (1 + i * 7 % 5) for i in range(30)]


def rows(texts: list[str], fim: FimSettings) -> dict[bytes, list[int]]:
    """Return the tokens of each document under some settings, by its id."""
    found = {}
    for text in texts:
        piece = Piece(doc_id=content_id(text), text=text)
        row = build_sample(
            piece.doc_id, [piece], component="code", tokenizer=load_tokenizer(), fim=fim
        )
        found[piece.doc_id] = row.tokens.tolist()
    return found


def write_build(root: Path, texts: list[str], fim: FimSettings, block: int = 100) -> Mixture:
    shards = []
    for number, part in enumerate((texts[::2], texts[1::2])):
        samples = [
            build_sample(
                content_id(text),
                [Piece(doc_id=content_id(text), text=text)],
                component="code",
                tokenizer=load_tokenizer(),
                fim=fim,
            )
            for text in part
        ]
        names = ["Python"] * len(samples)
        path = f"tokens/code/Python/part-{number}.parquet"
        metadata = ShardMetadata(tokenizer="41f3", component="code", language="Python", fim=fim)
        table = token_table(samples, languages=names, sources=names)
        info = write_token_shard(str(root / path), [table], metadata=metadata, block_tokens=block)
        shards.append(
            MixtureShard(
                path=path,
                digest="",
                language="Python",
                documents=len(samples),
                block_tokens=info.block_tokens,
                later_block_tokens=info.later_block_tokens,
            )
        )
    return make_mixture({"code": shards}, tokenizer="41f3", weights={"code": 1.0}, total_tokens=999)


def open_build(root: Path, mixture: Mixture, length: int, **changes: object) -> PackedDataset:
    options = PackingSettings(sequence_length=length, shuffle_blocks=3)
    return PackedDataset(mixture, str(root), msgspec.structs.replace(options, **changes))


def documents_by_epoch(samples: list[PackedSample]) -> dict[int, dict[bytes, list[int]]]:
    """Put each document together again from its parts in the samples of each epoch."""
    parts: dict[int, dict[bytes, dict[int, list[int]]]] = {}
    for sample in samples:
        starts = [*(span.start for span in sample.documents), sample.length]
        for span, stop in zip(sample.documents, starts[1:], strict=True):
            document = parts.setdefault(sample.epoch, {}).setdefault(span.doc_id, {})
            assert span.offset not in document
            document[span.offset] = sample.tokens[span.start : stop].tolist()
    found: dict[int, dict[bytes, list[int]]] = {}
    for epoch, documents in parts.items():
        for identity, pieces in documents.items():
            whole: list[int] = []
            for offset in sorted(pieces):
                assert offset == len(whole)
                whole += pieces[offset]
            found.setdefault(epoch, {})[identity] = whole
    return found


def stream_of(dataset: PackedDataset, num_epochs: int) -> list[PackedSample]:
    samples = list[PackedSample]()
    while not samples or samples[-1].epoch < num_epochs:
        samples.append(dataset.sample(len(samples)))
    return samples[:-1]


@pytest.mark.parametrize("method", ["greedy", "best_fit"])
@pytest.mark.parametrize("length", [16, 64, 700])
def test_each_epoch_deals_every_document_with_its_own_splits(
    tmp_path: Path, method: str, length: int
) -> None:
    dataset = open_build(tmp_path, write_build(tmp_path, TEXTS, FIM), length, method=method)
    dealt = documents_by_epoch(stream_of(dataset, 5))
    assert sorted(dealt) == [0, 1, 2, 3, 4]
    for epoch, documents in dealt.items():
        assert documents == rows(TEXTS, FIM.at(epoch % 3))
    assert dealt[0] != dealt[1] != dealt[2]


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=20),
    length=st.integers(4, 80),
    block=st.integers(10, 120),
    method=st.sampled_from(["greedy", "best_fit"]),
    world=st.integers(1, 5),
    resume=st.integers(0, 40),
)
@settings(max_examples=30, deadline=None)
def test_any_world_size_and_resume_point_give_one_stream_with_each_token_once(
    tmp_path_factory: pytest.TempPathFactory,
    sizes: list[int],
    length: int,
    block: int,
    method: str,
    world: int,
    resume: int,
) -> None:
    root = tmp_path_factory.mktemp("build")
    texts = [f"{i} = " + "a\n" * size for i, size in enumerate(sizes)]
    mixture = write_build(root, texts, FIM, block)
    whole = stream_of(open_build(root, mixture, length, method=method), 3)
    assert documents_by_epoch(whole) == {e: rows(texts, FIM.at(e)) for e in range(3)}
    readers = [open_build(root, mixture, length, method=method) for _ in range(world)]
    for i in range(min(resume, len(whole)), len(whole)):
        sample = readers[i % world].sample(i)
        assert sample.tokens.tolist() == whole[i].tokens.tolist()
        assert (sample.documents, sample.epoch) == (whole[i].documents, whole[i].epoch)


def test_best_fit_pads_less_than_one_window_an_epoch(tmp_path: Path) -> None:
    dataset = open_build(tmp_path, write_build(tmp_path, TEXTS, FIM), 64, method="best_fit")
    padding = [0, 0, 0]
    for sample in stream_of(dataset, 3):
        padding[sample.epoch] += 64 - sample.length
    assert all(count < 64 for count in padding)


def test_best_fit_cuts_fewer_documents(tmp_path: Path) -> None:
    mixture = write_build(tmp_path, TEXTS, FIM)
    num_parts = {}
    for method in ("greedy", "best_fit"):
        dataset = open_build(tmp_path, mixture, 128, method=method)
        num_parts[method] = sum(len(sample.documents) for sample in stream_of(dataset, 1))
    assert len(TEXTS) <= num_parts["best_fit"] < num_parts["greedy"]


def test_the_loss_leaves_out_the_last_token_of_every_document(tmp_path: Path) -> None:
    dataset = open_build(tmp_path, write_build(tmp_path, TEXTS, FIM), 700)
    for sample in stream_of(dataset, 1):
        mask, ids = loss_mask(sample), document_ids(sample)
        expected = (ids[1:] == ids[:-1]) & (ids[1:] >= 0)
        assert mask.tolist() == [*expected.tolist(), False]
        assert mask.sum() == sample.length - len(sample.documents)
        assert position_ids(sample)[1:][expected].min() > 0
        assert loss_mask(sample, across_documents=True).sum() == sample.length - 1


def test_a_damaged_page_is_an_error(tmp_path: Path) -> None:
    mixture = write_build(tmp_path, TEXTS, FIM, block=10_000)
    path = tmp_path / mixture.components[0].shards[0].path
    group = pq.read_metadata(path).row_group(0)
    (tokens,) = (c for c in map(group.column, range(group.num_columns)) if "tokens.l" in str(c))
    data = bytearray(path.read_bytes())
    data[tokens.data_page_offset + tokens.total_compressed_size // 2] ^= 0x10
    path.write_bytes(data)
    with pytest.raises(GristmillError, match=r"row group 0 cannot be read \(.*CRC"):
        stream_of(open_build(tmp_path, mixture, 64), 1)


def test_shards_of_different_numbers_of_epochs_are_not_mixed(tmp_path: Path) -> None:
    mixture = write_build(tmp_path, TEXTS, FIM)
    (component,) = mixture.components
    first, second = component.shards
    odd = MixtureShard(
        path=first.path,
        digest="",
        language="Python",
        documents=first.documents,
        block_tokens=first.block_tokens,
    )
    mixed = make_mixture({"code": [odd, second]}, tokenizer="41f3", weights={"code": 1.0})
    with pytest.raises(GristmillError, match="different numbers of epochs"):
        open_build(tmp_path, mixed, 64)


def test_samples_are_int32_of_the_asked_length(tmp_path: Path) -> None:
    dataset = open_build(tmp_path, write_build(tmp_path, TEXTS, FIM), 64, method="best_fit")
    for sample in stream_of(dataset, 2):
        assert sample.tokens.dtype == np.int32
        assert sample.tokens.shape == (64,)
