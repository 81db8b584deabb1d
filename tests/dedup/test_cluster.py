"""Clusters: every dropped item resembles its kept keeper, whatever the order of the input."""

from collections import defaultdict
from random import Random

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.corpus.ids import content_id
from gristmill.dedup.candidates import candidate_pairs
from gristmill.dedup.cluster import DROPPED, resolve
from gristmill.dedup.exact import EXACT, exact_duplicates
from gristmill.dedup.minhash import MinHashScheme, band_hashes, signatures
from gristmill.dedup.preference import PREFERENCE_KEY
from gristmill.dedup.reference import slow_resolve
from gristmill.dedup.shingles import shingle_column, shingle_hashes
from gristmill.dedup.verify import EDGES, verify_pairs

KEYS = pa.schema([("item_id", pa.binary(16)), ("preference_key", PREFERENCE_KEY)])
SCHEME = MinHashScheme()
Edge = tuple[bytes, bytes, float]


def name(number: int) -> bytes:
    return number.to_bytes(16, "big")


def key(item: bytes) -> bytes:
    """Preference runs 0, 3, 6, ..., then 1, 4, ...: not the order of the ids."""
    return bytes([int.from_bytes(item, "big") % 3] * 13) + item


def keys_of(items: list[bytes]) -> pa.Table:
    return pa.table([items, [key(item) for item in items]], schema=KEYS)


def edges_of(edges: list[Edge]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(EDGES.names, e, strict=True)) for e in edges], EDGES)


def rows_of(table: pa.Table) -> dict[bytes, tuple[str, bytes, float]]:
    assert table["cluster"] == table["keeper"]
    names = ["item_id", "reason", "keeper", "similarity"]
    return {row[0]: row[1:] for row in zip(*(table[n].to_pylist() for n in names), strict=True)}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Edge], dict[bytes, bytes]]:
    """Edges among items 0..20, of which some of 15..20 are copies of some of 0..14."""
    number = st.integers(0, 20)
    drawn = draw(
        st.dictionaries(
            st.frozensets(number, min_size=2, max_size=2), st.integers(6, 8), max_size=40
        )
    )
    edges = [(name(min(pair)), name(max(pair)), eighths / 8) for pair, eighths in drawn.items()]
    copies = draw(st.dictionaries(st.integers(15, 20), st.integers(0, 14), max_size=5))
    return edges, {name(copy): name(keeper) for copy, keeper in copies.items()}


@given(graphs(), st.randoms())
@settings(max_examples=150, deadline=None)
def test_the_dropped_equal_the_slow_twin_in_any_order_and_direction(
    graph: tuple[list[Edge], dict[bytes, bytes]], shuffler: Random
) -> None:
    edges, copies = graph
    items = [name(i) for i in range(21)]
    expected = slow_resolve(edges, copies, {item: key(item) for item in items})
    edges = [(b, a, s) if shuffler.random() < 0.5 else (a, b, s) for a, b, s in edges + edges[:3]]
    exact = list(copies.items())
    for rows in (edges, exact, items):
        shuffler.shuffle(rows)
    exact_table = pa.table([[i for i, _ in exact], [k for _, k in exact]], schema=EXACT)
    result = resolve(edges_of(edges), exact_table, keys_of(items))
    assert result.schema == DROPPED
    assert rows_of(result) == expected
    assert result["item_id"].to_pylist() == sorted(expected)


@given(graphs())
@settings(max_examples=100, deadline=None)
def test_keepers_are_kept_and_no_two_kept_items_resemble_each_other(
    graph: tuple[list[Edge], dict[bytes, bytes]],
) -> None:
    edges, copies = graph
    exact = pa.table([list(copies), list(copies.values())], schema=EXACT)
    dropped = rows_of(resolve(edges_of(edges), exact, keys_of([name(i) for i in range(21)])))
    weights: dict[frozenset[bytes], set[float]] = defaultdict(set)
    for a, b, similarity in edges:
        weights[frozenset((copies.get(a, a), copies.get(b, b)))].add(similarity)
    assert all(pair & dropped.keys() for pair in weights if len(pair) == 2)
    for item, (reason, keeper, similarity) in dropped.items():
        assert keeper not in dropped
        if reason == "exact_duplicate":
            assert (copies[item], similarity) == (keeper, 1.0)
        else:
            assert max(weights[frozenset((copies.get(item, item), keeper))]) == similarity


def test_the_ends_of_a_chain_are_both_kept() -> None:
    result = resolve(
        edges_of([(name(0), name(3), 0.75), (name(3), name(6), 0.75)]),
        EXACT.empty_table(),
        keys_of([name(i) for i in (0, 3, 6)]),
    )
    assert rows_of(result) == {name(3): ("near_duplicate", name(0), 0.75)}


def test_an_exact_duplicate_follows_its_content_to_the_final_keeper() -> None:
    exact = pa.table([[name(8), name(9)], [name(3), name(4)]], schema=EXACT)
    edges = edges_of([(name(3), name(0), 0.75)])
    assert rows_of(resolve(edges, exact, keys_of([name(0), name(3)]))) == {
        name(3): ("near_duplicate", name(0), 0.75),
        name(8): ("near_duplicate", name(0), 0.75),
        name(9): ("exact_duplicate", name(4), 1.0),
    }


def dedup(texts: list[str], *, num_partitions: int = 1) -> dict[int, tuple[str, int]]:
    """Deduplicate texts, each preferred to those behind it; return what is dropped and for whom."""
    ids = pa.array([name(i) for i in range(len(texts))], pa.binary(16))
    contents = pa.array([content_id(text) for text in texts], pa.binary(16))
    keys = pa.array([bytes(13) + name(i) for i in range(len(texts))], PREFERENCE_KEY)
    items = pa.table({"item_id": ids, "content_id": contents, "preference_key": keys})
    (batch,) = shingle_column(pa.chunked_array([texts]), ngram=SCHEME.ngram)
    signed = signatures(batch.hashes, batch.offsets, SCHEME)
    hashes = band_hashes(signed.values[signed.present], SCHEME)
    rows = np.repeat(np.flatnonzero(signed.present), SCHEME.num_bands)
    bands = items.take(rows).append_column("band_hash", pa.array(hashes.ravel()))
    parts = [
        bands.filter(pa.array(hashes.ravel() % num_partitions == p)) for p in range(num_partitions)
    ]
    pairs = pa.concat_tables(candidate_pairs(part).pairs for part in parts)
    edges = verify_pairs(
        pairs, lambda item: shingle_hashes(texts[int.from_bytes(item, "big")]), SCHEME.threshold
    )
    dropped = rows_of(resolve(edges, exact_duplicates(items), items.drop_columns(["content_id"])))
    number = {name(i): i for i in range(len(texts))}
    return {number[item]: (reason, number[keeper]) for item, (reason, keeper, _) in dropped.items()}


MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software"
)
APACHE = (
    "Licensed under the Apache License, Version 2.0; you may not use this file except in compliance"
)


def test_short_files_do_not_collapse() -> None:
    texts = [
        "import os",
        "console.log(1)",
        "",
        "x " * 50,
        "y " * 50,
        "漢字",
        "++[>++<-]",
        MIT,
        APACHE,
    ]
    assert dedup(texts) == {}


def test_copies_of_short_files_are_exact_duplicates_only() -> None:
    assert dedup(["import os", "import  os", "import os", ""]) == {2: ("exact_duplicate", 0)}


def test_a_sliding_window_keeps_survivors_that_do_not_resemble_each_other() -> None:
    words = [f"w{i}" for i in range(600)]
    texts = [" ".join(words[start : start + 200]) for start in range(0, 400, 10)]
    dropped = dedup(texts)
    survivors = [i for i in range(len(texts)) if i not in dropped]
    # A step moves 10 of 196 shingles, so three steps are still above 0.7; LSH may miss the third.
    assert len(survivors) >= 10
    assert np.diff(survivors).min() >= 3
    assert {reason for reason, _ in dropped.values()} == {"near_duplicate"}
    assert {item - keeper for item, (_, keeper) in dropped.items()} <= {1, 2, 3}


def test_the_result_does_not_depend_on_the_partitions_of_the_bands() -> None:
    generator = np.random.default_rng(7)
    words = np.array([f"w{i}" for i in range(300)])
    texts = [" ".join(words[np.sort(generator.permutation(300)[:280])]) for _ in range(20)]
    texts += [f"{text} tail {i}" for i, text in enumerate(texts)] + texts[:5]
    whole = dedup(texts)
    assert {reason for reason, _ in whole.values()} == {"exact_duplicate", "near_duplicate"}
    assert dedup(texts, num_partitions=3) == whole
