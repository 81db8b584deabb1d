"""Components: the extension, its numpy twin and a search agree, whatever the order of edges."""

import json
import subprocess
import sys
from random import Random

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.dedup.components import connected_components, least_ranks, numpy_least_ranks
from gristmill.dedup.native import graph_kernel
from gristmill.dedup.reference import slow_components

NODES = st.one_of(st.integers(0, 12), st.integers(0, 2**64 - 1))
EDGES = st.lists(st.tuples(NODES, NODES), max_size=60)

WITHOUT_KERNELS = """
import json, sys
sys.modules["gristmill.dedup.native._graph"] = None
sys.modules["gristmill.dedup.native._sketch"] = None
import numpy as np
from gristmill.dedup.buckets import bucket_pairs
from gristmill.dedup.components import connected_components
from gristmill.dedup.lsh import lsh_components
from gristmill.dedup.native import kernel
from gristmill.dedup.sorting import argsort_u64
from gristmill.dedup.verify import similarities
edges = np.array(json.loads(sys.argv[1]), dtype=np.uint64)
assert kernel() is None
forest = connected_components(*edges.T)
print(json.dumps([
    forest.nodes.tolist(),
    forest.roots.tolist(),
    argsort_u64(edges[:, 0]).tolist(),
    lsh_components(edges % 7).tolist(),
    [np.stack(block).tolist() for block in bucket_pairs(forest.roots)],
    similarities(forest.nodes, np.array([0, 2, 6]), np.array([0, 0]), np.array([0, 1])).tolist(),
]))
"""


def columns(
    edges: list[tuple[int, int]],
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    table = np.array(edges, dtype=np.uint64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


@given(EDGES, st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_every_node_has_the_least_node_of_its_component(
    edges: list[tuple[int, int]], random: Random
) -> None:
    expected = slow_components(edges)
    turned = [edge if random.random() < 0.5 else edge[::-1] for edge in edges]
    random.shuffle(turned)
    forest = connected_components(*columns(turned))
    assert forest.nodes.dtype == forest.roots.dtype == np.uint64
    assert forest.nodes.tolist() == sorted(expected)
    assert forest.roots.tolist() == [expected[node] for node in sorted(expected)]


@pytest.mark.parametrize("num_edges", [0, 100, 900, 1500, 10_000])
def test_the_extension_and_numpy_agree_on_random_graphs(num_edges: int) -> None:
    rng = np.random.default_rng(num_edges)
    left, right = rng.integers(0, 2000, (2, num_edges), dtype=np.uint32)
    assert np.array_equal(least_ranks(left, right, 2000), numpy_least_ranks(left, right, 2000))


def test_without_the_extensions_numpy_finds_the_same_and_says_so_once() -> None:
    edges = [[9, 4], [7, 7], [4, 2], [30, 31]]
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_KERNELS, json.dumps(edges)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ran.stdout) == [
        [2, 4, 7, 9, 30, 31],
        [2, 2, 7, 2, 30, 30],
        [2, 1, 0, 3],
        [0, 1, 2, 0],
        [[[0, 4], [1, 5]]],
        [1.0, 0.0],
    ]
    assert ran.stderr.count("the C extension was not built") == 1


def test_edges_outside_the_nodes_are_refused_by_the_extension() -> None:
    native = graph_kernel()
    assert native is not None, "the C extension was not built: is there a compiler?"
    zero, one, two = (np.full(1, i, dtype=np.uint32) for i in range(3))
    parents = np.arange(2, dtype=np.uint32)
    with pytest.raises(ValueError, match="outside the nodes"):
        native.unite(one, two, parents)
    with pytest.raises(ValueError, match="has two ends"):
        native.unite(one, two[:0], parents)
    with pytest.raises(ValueError, match="behind its child"):
        native.unite(zero, one, parents[::-1].copy())
