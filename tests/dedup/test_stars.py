"""Large-star and small-star: any partitioning and order ends in the components of the whole."""

import math
from itertools import pairwise
from random import Random

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.dedup.components import connected_components
from gristmill.dedup.stars import both_ends, distinct_edges, large_star, small_star

Nodes = npt.NDArray[np.uint64]
Pair = tuple[int, int]


def canonical(edges: list[Pair]) -> tuple[Nodes, Nodes]:
    table = np.array([edge for edge in edges if edge[0] != edge[1]], dtype=np.uint64)
    table = table.reshape(-1, 2)
    return distinct_edges(table.max(axis=1, initial=0), table.min(axis=1, initial=2**64 - 1))


def step(kind: str, larger: Nodes, smaller: Nodes, random: Random) -> tuple[Nodes, Nodes, int]:
    """One step over random partitions whose rows are in random order."""
    run = large_star if kind == "large" else small_star
    rows = both_ends(larger, smaller) if kind == "large" else (larger, smaller)
    order = np.array(random.sample(range(len(rows[0])), len(rows[0])), dtype=np.int64)
    nodes, others = rows[0][order], rows[1][order]
    count, salt = random.randint(1, 5), random.randint(1, 99)
    parts = (nodes * np.uint64(2 * salt + 1) >> np.uint64(7)) % np.uint64(count)
    found = [run(nodes[parts == part], others[parts == part]) for part in range(count)]
    edges = distinct_edges(
        *(np.concatenate(ends) for ends in zip(*(f[:2] for f in found), strict=True))
    )
    return *edges, sum(f.changed for f in found)


def converge(edges: list[Pair], seed: int) -> tuple[dict[int, int], int]:
    """Return the root of every node that is not alone, and how many rounds it took."""
    random = Random(seed)
    larger, smaller = canonical(edges)
    changed, rounds = 1, 0
    while changed:
        changed, rounds = 0, rounds + 1
        for kind in ("large", "small"):
            larger, smaller, moved = step(kind, larger, smaller, random)
            changed += moved
    roots = dict(zip(larger.tolist(), smaller.tolist(), strict=True))
    return roots | {root: root for root in smaller.tolist()}, rounds


def expected_roots(edges: list[Pair]) -> dict[int, int]:
    forest = connected_components(*canonical(edges))
    return dict(zip(forest.nodes.tolist(), forest.roots.tolist(), strict=True))


def shape(kind: str, labels: list[int]) -> list[Pair]:
    """A chain, star, clique or zipper (its ends far from each other in label order) of nodes."""
    if kind == "star":
        return [(labels[0], other) for other in labels[1:]]
    if kind == "clique":
        return [(a, b) for a in labels[:12] for b in labels[:12] if a != b]
    if kind == "zipper":
        half = len(labels) // 2
        low, high = sorted(labels)[:half], sorted(labels)[half:]
        labels = [node for pair in zip(low, reversed(high), strict=False) for node in pair]
    return list(pairwise(labels))


NODES = st.one_of(st.integers(0, 15), st.integers(0, 2**64 - 1))
RANDOM = st.lists(st.tuples(NODES, NODES), max_size=50)
LABELS = st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=60, unique=True)
SHAPES = st.builds(shape, st.sampled_from(["chain", "star", "clique", "zipper"]), LABELS)


@given(st.one_of(RANDOM, SHAPES, st.builds(list.__add__, SHAPES, SHAPES)), st.integers(0, 999))
@settings(max_examples=300, deadline=None)
def test_any_partitions_in_any_order_find_the_components(edges: list[Pair], seed: int) -> None:
    assert converge(edges, seed)[0] == expected_roots(edges)


@pytest.mark.parametrize("kind", ["chain", "sorted chain", "zipper"])
def test_rounds_grow_with_the_logarithm_of_a_chain(kind: str) -> None:
    labels = Random(1).sample(range(2**48), 4096)
    if kind == "sorted chain":
        labels.sort()
    edges = shape(kind.removeprefix("sorted "), labels)
    roots, rounds = converge(edges, seed=2)
    assert roots == expected_roots(edges)
    assert rounds <= 4 * math.log2(4096) + 6


def test_large_star_moves_larger_neighbours_to_the_least() -> None:
    nodes, neighbours = np.array([[5, 5, 5, 5], [3, 8, 9, 9]], dtype=np.uint64)
    edges = large_star(nodes, neighbours)
    assert [ends.tolist() for ends in edges[:2]] == [[8, 9], [3, 3]]
    assert edges.changed == 3


def test_small_star_moves_a_node_and_its_smaller_neighbours_to_the_least() -> None:
    larger, smaller = np.array([[9, 9, 9, 6], [5, 7, 5, 2]], dtype=np.uint64)
    edges = small_star(larger, smaller)
    assert [ends.tolist() for ends in edges[:2]] == [[6, 7, 9], [2, 5, 5]]
    assert edges.changed == 1
