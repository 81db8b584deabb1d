"""Merging and sorting with bounded memory: what a sort gives, whole groups, for any memory."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gristmill.dedup import merge
from gristmill.dedup.merge import ExternalSorter, Run, merge_blocks

SCHEMA = pa.schema([("key", pa.uint64()), ("value", pa.int64())])
ROW_BYTES = 16
Rows = list[tuple[int, int]]


def key_of(table: pa.Table) -> npt.NDArray[np.uint64]:
    return np.asarray(table["key"].to_numpy(), dtype=np.uint64)


def table_of(rows: Rows) -> pa.Table:
    keys, values = ([row[i] for row in rows] for i in range(2))
    return pa.table([pa.array(keys, pa.uint64()), pa.array(values, pa.int64())], schema=SCHEMA)


def rows_of(table: pa.Table) -> Rows:
    return list(zip(table["key"].to_pylist(), table["value"].to_pylist(), strict=True))


def run_of(rows: Rows, batch_rows: int) -> Run:
    table = table_of(sorted(rows))

    def read(_: int) -> Iterator[pa.Table]:
        return (pa.Table.from_batches([batch]) for batch in table.to_batches(batch_rows))

    return Run(len(rows), ROW_BYTES, read)


RUNS = st.lists(
    st.lists(st.tuples(st.integers(0, 12) | st.just(2**64 - 1), st.integers(0, 99)), max_size=30),
    max_size=6,
)
KEEP_FOLDER = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@given(RUNS, st.integers(1, 7), st.sampled_from([1, 200, 10**6]), st.sampled_from([2, 256]))
@KEEP_FOLDER
def test_blocks_hold_all_rows_in_order_and_no_key_is_in_two(
    tmp_path: Path, runs: list[Rows], batch_rows: int, memory_bytes: int, fan_in: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge, "MAX_FAN_IN", fan_in)
        blocks = list(
            merge_blocks(
                [run_of(rows, batch_rows) for rows in runs],
                key_of,
                memory_bytes=memory_bytes,
                folder=tmp_path,
            )
        )
    for block in blocks:
        assert block.keys.tolist() == block.table["key"].to_pylist()
    for one, other in pairwise(blocks):
        assert max(one.keys) < min(other.keys)
    found = [row for block in blocks for row in sorted(rows_of(block.sorted()))]
    assert found == sorted(row for rows in runs for row in rows)
    assert not list(tmp_path.iterdir())


def random_run(num_rows: int, seed: int) -> Run:
    keys = np.random.default_rng(seed).integers(0, 2**63, num_rows, dtype=np.uint64)
    table = pa.table([np.sort(keys), np.arange(num_rows)], schema=SCHEMA)

    def read(batch_rows: int) -> Iterator[pa.Table]:
        return (table.slice(i, batch_rows) for i in range(0, num_rows, batch_rows))

    return Run(num_rows, ROW_BYTES, read)


def test_more_runs_do_not_make_smaller_blocks(tmp_path: Path) -> None:
    num_blocks = []
    for num_runs in (4, 64):
        runs = [random_run((1 << 19) // num_runs, seed) for seed in range(num_runs)]
        blocks = merge_blocks(runs, key_of, memory_bytes=1 << 23, folder=tmp_path)
        num_blocks.append(sum(1 for _ in blocks))
    assert num_blocks[1] < 2 * num_blocks[0]


def test_a_block_has_about_the_rows_that_memory_allows(tmp_path: Path) -> None:
    runs = [run_of([(key, i) for key in range(i, 20_000, 4)], 1024) for i in range(4)]
    blocks = merge_blocks(runs, key_of, memory_bytes=4 * 4 * 1024 * ROW_BYTES, folder=tmp_path)
    sizes = [len(block.keys) for block in blocks]
    assert sum(sizes) == 20_000
    assert max(sizes) <= 2 * 4 * 1024


def test_a_run_out_of_order_is_noticed(tmp_path: Path) -> None:
    table = table_of([(2, 0), (1, 0)])
    run = Run(2, ROW_BYTES, lambda _: iter([table]))
    with pytest.raises(AssertionError, match="not sorted"):
        list(merge_blocks([run, run], key_of, memory_bytes=1, folder=tmp_path))


@given(RUNS, st.sampled_from([1, 2000, 10**6]))
@KEEP_FOLDER
def test_the_sorter_gives_what_a_sort_gives_and_leaves_no_file(
    tmp_path: Path, parts: list[Rows], memory_bytes: int
) -> None:
    with ExternalSorter(
        key_of,
        memory_bytes=memory_bytes,
        folder=tmp_path,
        finish=lambda table: table_of(sorted(set(rows_of(table)))),
    ) as sorter:
        for rows in parts:
            sorter.add(table_of(rows))
        found = [row for block in sorter.blocks() for row in rows_of(block)]
    assert found == sorted({row for rows in parts for row in rows})
    assert not list(tmp_path.iterdir())


def _fail_after_spilling(folder: Path) -> None:
    with ExternalSorter(key_of, memory_bytes=1, folder=folder) as sorter:
        sorter.add(table_of([(1, 1)]))
        assert list(folder.iterdir())
        raise RuntimeError("stop")


def test_the_sorter_removes_its_files_when_its_user_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stop"):
        _fail_after_spilling(tmp_path)
    assert not list(tmp_path.iterdir())
