"""Packing: every token once per epoch at any length, in an order that random access agrees with."""

import itertools
import pickle
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.fim import FimMode, FimSettings
from gristmill.corpus.ids import content_id
from gristmill.corpus.mixture import Mixture, MixtureShard, make_mixture
from gristmill.corpus.packing import (
    ComponentStream,
    PackedDataset,
    PackedSample,
    PackingSettings,
    document_ids,
    position_ids,
    seeded_permutation,
)
from gristmill.corpus.rates import LongDocuments, RateSettings
from gristmill.corpus.record import Component
from gristmill.corpus.sample import SampleTokens, Segment
from gristmill.corpus.shards import ShardMetadata, token_table, write_token_shard
from gristmill.corpus.tokenizer import EOS

ROWS: dict[Component, list[list[int]]] = {  # lengths of the rows of each shard
    "code": [[7, 3, 30, 1, 12, 9], [41], [2] * 20],
    "math": [[5, 6, 7]],
    "text": [[13, 1, 1, 8], [64, 5]],
}
WEIGHTS: dict[Component, float] = {"code": 0.6, "math": 0.1, "text": 0.3}


def write_shard(
    root: Path, component: Component, number: int, lengths: list[int], first: int, block: int = 20
) -> MixtureShard:
    """Write rows whose tokens count up from `first`, so that each token has one value."""
    samples = []
    for row, length in enumerate(lengths):
        identity = content_id(f"{component} {number} {row}")
        tokens = np.arange(first, first + length, dtype=np.int32)
        segments = (Segment(identity, 0),)
        samples.append(
            SampleTokens(sample_id=identity, tokens=tokens, fim=FimMode.NONE, segments=segments)
        )
        first += length
    names = ["x"] * len(samples)
    path = f"tokens/{component}/x/part-{number}.parquet"
    metadata = ShardMetadata(tokenizer="41f3", component=component, language="x", fim=FimSettings())
    table = token_table(samples, languages=names, sources=names)
    info = write_token_shard(str(root / path), [table], metadata=metadata, block_tokens=block)
    return MixtureShard(
        path=path, digest="", language="x", documents=len(lengths), block_tokens=info.block_tokens
    )


def write_build(
    root: Path, rows: Mapping[Component, list[list[int]]] = ROWS, block: int = 20
) -> Mixture:
    shards: dict[Component, list[MixtureShard]] = {}
    for component, parts in rows.items():
        firsts = np.cumsum([0, *map(sum, parts)])
        shards[component] = [
            write_shard(root, component, i, part, int(firsts[i]), block)
            for i, part in enumerate(parts)
        ]
    weights = {name: WEIGHTS[name] if len(rows) == 3 else 1 / len(rows) for name in rows}
    return make_mixture(shards, tokenizer="41f3", weights=weights, total_tokens=10_000)


def open_build(root: Path, mixture: Mixture, length: int, **changes: int) -> PackedDataset:
    options = PackingSettings(sequence_length=length, shuffle_blocks=2)
    return PackedDataset(mixture, str(root), msgspec.structs.replace(options, **changes))


def tokens_by_epoch(dataset: PackedDataset, stop: int) -> dict[tuple[str, int], list[int]]:
    dealt: dict[tuple[str, int], list[int]] = {}
    for sample in map(dataset.sample, range(stop)):
        dealt.setdefault((sample.component, sample.epoch), []).extend(
            sample.tokens[: sample.length].tolist()
        )
    return dealt


def first_tokens() -> dict[bytes, int]:
    """Each row's first token in the build of ROWS."""
    firsts: dict[bytes, int] = {}
    for component, parts in ROWS.items():
        next_token = 0
        for number, part in enumerate(parts):
            for row, length in enumerate(part):
                firsts[content_id(f"{component} {number} {row}")] = next_token
                next_token += length
    return firsts


def same(one: PackedSample, other: PackedSample) -> bool:
    fields = [(s.length, s.component, s.epoch, s.documents) for s in (one, other)]
    return fields[0] == fields[1] and np.array_equal(one.tokens, other.tokens)


@pytest.mark.parametrize("length", [1, 4, 7, 16, 64, 500])
def test_every_token_is_dealt_once_an_epoch(tmp_path: Path, length: int) -> None:
    mixture = write_build(tmp_path)
    dealt = tokens_by_epoch(open_build(tmp_path, mixture, length), 400)
    last = {component: max(e for c, e in dealt if c == component) for component in ROWS}
    checked = 0
    for component in mixture.components:
        for epoch in range(last[component.name]):
            assert sorted(dealt[component.name, epoch]) == list(range(component.tokens))
            checked += 1
    assert checked >= 3


@given(
    parts=st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=8), min_size=1, max_size=3),
    length=st.integers(1, 80),
    block=st.integers(1, 50),
    group=st.integers(1, 5),
)
@settings(max_examples=40, deadline=None)
def test_exactly_once_holds_for_any_shards(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[list[int]],
    length: int,
    block: int,
    group: int,
) -> None:
    root = tmp_path_factory.mktemp("build")
    dataset = open_build(
        root, write_build(root, {"code": parts}, block), length, shuffle_blocks=group
    )
    total = sum(map(sum, parts))
    num_windows = -(-total // length)
    dealt = tokens_by_epoch(dataset, num_windows)
    # One component of weight 1 is dealt in order, so the first windows are the first epoch.
    assert {key: sorted(tokens) for key, tokens in dealt.items()} == {
        ("code", 0): list(range(total))
    }


def test_only_the_last_window_of_an_epoch_is_short(tmp_path: Path) -> None:
    dataset = open_build(tmp_path, write_build(tmp_path), 16)
    lengths = Counter(
        (s.component, s.length) for s in map(dataset.sample, range(300)) if s.epoch == 0
    )
    short = {key for key in lengths if key[1] < 16}
    assert short == {("code", 143 % 16), ("math", 18 % 16), ("text", 92 % 16)}
    assert all(lengths[key] == 1 for key in short)


def test_padding_is_eos(tmp_path: Path) -> None:
    dataset = open_build(tmp_path, write_build(tmp_path), 500)
    sample = dataset.sample(0)
    assert sample.length < 500
    assert set(sample.tokens[sample.length :].tolist()) == {EOS}
    assert set(document_ids(sample)[sample.length :].tolist()) == {-1}


def test_random_access_equals_the_sequence_and_a_fresh_reader(tmp_path: Path) -> None:
    mixture = write_build(tmp_path)
    dataset = open_build(tmp_path, mixture, 8)
    in_order = [dataset.sample(i) for i in range(120)]
    fresh = open_build(tmp_path, mixture, 8, cache_tokens=1)
    for i in seeded_permutation(120, 5).tolist():
        assert same(fresh.sample(i), in_order[i])


def test_a_reader_sent_to_another_process_gives_the_same_samples(tmp_path: Path) -> None:
    dataset = open_build(tmp_path, write_build(tmp_path), 8)
    dataset.sample(3)
    copy = pickle.loads(pickle.dumps(dataset))
    assert copy.cache.num_reads == 0
    assert all(same(copy.sample(i), dataset.sample(i)) for i in range(20))


def test_a_run_resumes_from_one_number(tmp_path: Path) -> None:
    mixture = write_build(tmp_path)
    whole = tokens_by_epoch(open_build(tmp_path, mixture, 8), 90)
    resumed = tokens_by_epoch(open_build(tmp_path, mixture, 8), 50)
    dataset = open_build(tmp_path, mixture, 8)
    for sample in map(dataset.sample, range(50, 90)):
        resumed.setdefault((sample.component, sample.epoch), []).extend(
            sample.tokens[: sample.length].tolist()
        )
    assert resumed == whole


def test_epochs_seeds_and_lengths_change_the_order(tmp_path: Path) -> None:
    mixture = write_build(tmp_path)
    dealt = tokens_by_epoch(open_build(tmp_path, mixture, 4), 400)
    assert dealt["math", 0] != dealt["math", 1]
    other = tokens_by_epoch(open_build(tmp_path, mixture, 4, seed=1), 400)
    assert dealt["code", 0] != other["code", 0]
    assert sorted(dealt["code", 0]) == sorted(other["code", 0])


def test_documents_of_a_sample_are_the_rows_it_came_from(tmp_path: Path) -> None:
    mixture = write_build(tmp_path)
    dataset = open_build(tmp_path, mixture, 16)
    firsts = first_tokens()
    for sample in map(dataset.sample, range(100)):
        for span in sample.documents:
            assert sample.tokens[span.start] == firsts[span.doc_id] + span.offset
        assert sample.documents[0].start == 0


def test_positions_restart_with_every_document(tmp_path: Path) -> None:
    dataset = open_build(tmp_path, write_build(tmp_path), 16)
    for sample in map(dataset.sample, range(60)):
        ids, positions = document_ids(sample), position_ids(sample)
        new = np.append(True, ids[1:] != ids[:-1])
        assert np.all(positions[new] == 0)
        assert np.all(np.diff(positions)[~new[1:]] == 1)
        assert ids.dtype == positions.dtype == np.int32


def test_continued_positions_count_from_the_documents_own_start(tmp_path: Path) -> None:
    dataset = open_build(tmp_path, write_build(tmp_path, {"code": [[100]]}), 16)
    for sample in map(dataset.sample, range(7)):
        positions = position_ids(sample, continued=True)[: sample.length]
        assert np.array_equal(positions, sample.tokens[: sample.length])


def test_a_window_may_cross_row_groups_and_shards(tmp_path: Path) -> None:
    dataset = open_build(tmp_path, write_build(tmp_path), 64)
    crossing = [
        {span.shard for span in sample.documents} for sample in map(dataset.sample, range(40))
    ]
    assert max(map(len, crossing)) > 1


def test_the_cache_is_bounded_and_still_saves_reads(tmp_path: Path) -> None:
    mixture = write_build(tmp_path)
    small = open_build(tmp_path, mixture, 4, cache_tokens=90)
    large = open_build(tmp_path, mixture, 4)
    for i in range(300):
        small.sample(i)
        large.sample(i)
        assert small.cache.num_tokens <= 90
    num_blocks = sum(len(s.block_tokens) for c in mixture.components for s in c.shards)
    assert large.cache.num_reads == num_blocks
    assert num_blocks < small.cache.num_reads < 600


def test_shuffling_stays_within_its_group_of_blocks() -> None:
    options = PackingSettings(sequence_length=10, shuffle_blocks=4)
    stream = ComponentStream("code", [100] * 20, options)
    windows = [stream.locate(i)[1] for i in range(stream.num_windows)]
    assert sorted(windows) == list(range(200))
    assert [window // 40 for window in windows] == [i // 40 for i in range(200)]
    assert windows[:40] != sorted(windows[:40])


def test_a_reader_needs_few_blocks_at_a_time() -> None:
    options = PackingSettings(sequence_length=7, shuffle_blocks=4)
    stream = ComponentStream("code", [50] * 40, options)
    opened = [
        {span.block for span in stream.spans(*stream.locate(i))} for i in range(stream.num_windows)
    ]
    for start in range(0, len(opened), 28):  # one group is 28 or 29 windows
        assert len(set().union(*opened[start : start + 28])) <= 2 * 4 + 1


@given(size=st.integers(0, 300), key=st.integers(0, 2**64 - 1))
def test_a_seeded_permutation_is_one(size: int, key: int) -> None:
    order = seeded_permutation(size, key)
    assert sorted(order.tolist()) == list(range(size))
    assert order.tolist() == sorted(range(size), key=lambda i: split_mix(i, key))


def split_mix(i: int, key: int) -> int:
    """SplitMix64 in whole numbers."""
    mask = 2**64 - 1
    mixed = ((i + 1) * 0x9E3779B97F4A7C15 + key) & mask
    mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & mask
    mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & mask
    return mixed ^ mixed >> 31


def test_a_replaced_shard_is_refused(tmp_path: Path) -> None:
    mixture = write_build(tmp_path)
    write_shard(tmp_path, "math", 0, [5, 6, 8], 0)
    dataset = open_build(tmp_path, mixture, 8)
    with pytest.raises(GristmillError, match="not the one that the mixture describes"):
        tokens_by_epoch(dataset, 50)


@pytest.mark.parametrize("length", [3, 16, 100])
def test_the_samples_reach_every_target_to_one_sample(tmp_path: Path, length: int) -> None:
    mixture = write_build(tmp_path)
    dataset = open_build(tmp_path, mixture, length)
    dealt = Counter[str]()
    for sample in map(dataset.sample, range(dataset.num_samples)):
        dealt[sample.component] += sample.length
    for component in mixture.components:
        assert abs(dealt[component.name] - component.target_tokens) < length


def test_windows_of_one_group_cover_all_its_documents_once(tmp_path: Path) -> None:
    dataset = open_build(tmp_path, write_build(tmp_path, {"code": [[4] * 30]}), 6)
    spans = itertools.chain.from_iterable(dataset.sample(i).documents for i in range(20))
    starts = Counter(span.doc_id for span in spans if span.offset == 0)
    assert set(starts.values()) == {1}
    assert len(starts) == 30


def test_a_document_of_a_group_of_long_rows_keeps_its_place_in_the_row_group(
    tmp_path: Path,
) -> None:
    lengths = [3, 12, 4, 20]
    plain = write_shard(tmp_path, "code", 0, lengths, 0, block=100)
    shard = msgspec.structs.replace(plain, long_tokens=((32,),))
    rates = RateSettings(long=LongDocuments(min_tokens=10, weight=2.0))
    mixture = make_mixture(
        {"code": [shard]}, tokenizer="41f3", weights={"code": 1.0}, total_tokens=200, rates=rates
    )
    dataset = open_build(tmp_path, mixture, 4)
    spans = {span for i in range(50) for span in dataset.sample(i).documents}
    places = {(span.doc_id, span.row) for span in spans}
    assert places == {(content_id(f"code 0 {row}"), row) for row in range(len(lengths))}
