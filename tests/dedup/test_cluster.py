"""Clusters: every dropped item resembles its kept keeper, whatever the order of the input."""

from collections import defaultdict
from random import Random

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.dedup.cluster import DROPPED, EDGE, FATE, choose_keepers, follow_copies
from gristmill.dedup.reference import slow_choose_keepers

Edge = tuple[int, int, float]


def name(number: int) -> bytes:
    return number.to_bytes(16, "big")


def rank(number: int) -> int:
    """Preference runs 0, 3, 6, ..., then 1, 4, ...: not the order of the ids."""
    return number % 3


def edges_of(edges: list[Edge]) -> pa.Table:
    rows = []
    for a, b, similarity in edges:
        left, right = sorted((a, b), key=lambda number: (rank(number), number))
        rows.append(
            (name(left), name(right), rank(left), rank(right), left + 50, right + 50, similarity)
        )
    return pa.Table.from_pylist([dict(zip(EDGE.names, r, strict=True)) for r in rows], EDGE)


def rows_of(table: pa.Table) -> dict[int, tuple[int, float]]:
    assert table.schema == DROPPED
    numbers = [int.from_bytes(item, "big") for item in table["item_id"].to_pylist()]
    assert table["shard"].to_pylist() == [number + 50 for number in numbers]
    keepers = [int.from_bytes(item, "big") for item in table["keeper"].to_pylist()]
    found = zip(keepers, table["similarity"].to_pylist(), strict=True)
    return dict(zip(numbers, found, strict=True))


GRAPHS = st.dictionaries(
    st.frozensets(st.integers(0, 20), min_size=2, max_size=2), st.integers(6, 8), max_size=40
).map(lambda drawn: [(min(pair), max(pair), eighths / 8) for pair, eighths in drawn.items()])


@given(GRAPHS, st.randoms())
@settings(max_examples=150, deadline=None)
def test_the_dropped_equal_the_slow_twin_in_any_order(edges: list[Edge], shuffler: Random) -> None:
    expected = slow_choose_keepers(edges, lambda number: (rank(number), number))
    edges = edges + edges[:3]
    shuffler.shuffle(edges)
    assert rows_of(choose_keepers(edges_of(edges))) == expected


@given(GRAPHS)
@settings(max_examples=100, deadline=None)
def test_keepers_are_kept_and_no_two_kept_items_resemble_each_other(edges: list[Edge]) -> None:
    dropped = rows_of(choose_keepers(edges_of(edges)))
    weights: dict[frozenset[int], float] = defaultdict(float)
    for a, b, similarity in edges:
        weights[frozenset((a, b))] = similarity
    assert all(pair & dropped.keys() for pair in weights)
    for item, (keeper, similarity) in dropped.items():
        assert keeper not in dropped
        assert weights[frozenset((item, keeper))] == similarity


def test_the_ends_of_a_chain_are_both_kept() -> None:
    chain = choose_keepers(edges_of([(0, 3, 0.75), (3, 6, 0.75)]))
    assert rows_of(chain) == {3: (0, 0.75)}


def test_a_component_is_cut_at_its_weakest_link() -> None:
    # 0 and 3 are kept; 1 lies between them and goes to the one it is closer to.
    assert rows_of(choose_keepers(edges_of([(0, 1, 0.72), (3, 1, 0.9)]))) == {1: (3, 0.9)}


def test_no_edges_drop_nothing() -> None:
    assert rows_of(choose_keepers(EDGE.empty_table())) == {}


def fate(item: int, keeper: int, *, is_copy: bool, similarity: float = 1.0) -> dict[str, object]:
    subject = keeper if is_copy else item
    values = (name(subject), name(item), name(keeper), similarity, 9, is_copy)
    return dict(zip(FATE.names, values, strict=True))


def test_a_copy_follows_its_content_to_the_final_keeper() -> None:
    rows = [
        fate(8, 3, is_copy=True),
        fate(3, 0, is_copy=False, similarity=0.75),
        fate(9, 4, is_copy=True),
    ]
    found = follow_copies(pa.Table.from_pylist(rows, FATE))
    assert sorted(found.to_pylist(), key=lambda row: row["item_id"]) == [
        fate(3, 0, is_copy=False, similarity=0.75),
        fate(8, 0, is_copy=True, similarity=0.75) | {"subject": name(3), "is_copy": False},
        fate(9, 4, is_copy=True),
    ]
