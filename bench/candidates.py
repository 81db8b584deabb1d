"""Documents that share a band hash, found and united, beside numpy with scipy and datasketch.

Synthetic band hashes of 8 rows a band: a fifth of the documents lie in clusters of two to five,
where a copy shares each band with its first document by the probability of LSH at a similarity of
0.8. Speeds are documents per second of CPU time on one core, the best of several runs. `total` is
everything from band hashes to components; the steps before it are those of the way by pairs.
datasketch inserts and queries signatures with the same bands, and gets fewer documents.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from datasketch import MinHash, MinHashLSH
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components as scipy_components

from gristmill.dedup.buckets import bucket_pairs
from gristmill.dedup.components import connected_components
from gristmill.dedup.lsh import lsh_components
from gristmill.dedup.sorting import argsort_u64

ROWS_PER_BAND = 8
SIMILARITY = 0.8
PEER_DOCUMENTS = 10_000
RUNS = 3

Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]
T = TypeVar("T")


def main() -> None:
    """Measure, then print a table or, with --json, one object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--large", action="store_true", help="two million documents as well")
    options = parser.parse_args()
    if not options.json:
        print(f"Python {platform.python_version()}, {platform.machine()}, documents/s of CPU time")
        print(f"{'':56}{'ours':>12}{'peer':>12}{'ratio':>9}")
    for num_documents in (100_000, 1_000_000, *([2_000_000] if options.large else [])):
        for num_bands in (14, 25):
            for row in measure(num_documents, num_bands):
                if options.json:
                    print(json.dumps(row), flush=True)
                else:
                    print("{name:56}{ours:12,.0f}{peer:12,.0f}{ratio:9.2f}".format_map(row))


def measure(num_documents: int, num_bands: int) -> list[dict[str, str | float]]:
    """Return name, ours, peer (both documents/s) and ratio of each step and of the whole."""
    hashes = planted(num_documents, num_bands)
    label = f"candidates_{num_documents // 1000}k_{num_bands}_bands"
    orders, sort = timed(partial(sort_bands, hashes))
    _, numpy_sort = timed(partial(numpy_sort_bands, hashes))
    pairs, star = timed(partial(star_pairs, hashes, orders))
    numpy_pairs, numpy_star = timed(partial(numpy_star_pairs, hashes, orders))
    assert np.array_equal(pairs, numpy_pairs)
    del orders
    nodes = pairs.astype(np.uint64)
    _, unite = timed(partial(connected_components, *nodes))
    roots, scipy = timed(partial(scipy_labels, pairs, num_documents))
    labels, total = timed(partial(lsh_components, hashes))
    assert np.array_equal(labels, roots)
    datasketch = datasketch_seconds(num_bands) * num_documents / PEER_DOCUMENTS
    figures = {
        "sort_numpy": (sort, numpy_sort),
        "star_pairs_numpy": (star, numpy_star),
        "union_find_scipy": (unite, scipy),
        "by_pairs_numpy_and_scipy": (sort + star + unite, numpy_sort + numpy_star + scipy),
        "total_numpy_and_scipy": (total, numpy_sort + numpy_star + scipy),
        "total_datasketch": (total, datasketch),
    }
    return [
        {
            "name": f"{label}_{name}",
            "ours": round(num_documents / ours),
            "peer": round(num_documents / theirs),
            "ratio": round(theirs / ours, 2),
        }
        for name, (ours, theirs) in figures.items()
    ]


def planted(num_documents: int, num_bands: int) -> Hashes:
    """Return band hashes [num_documents, num_bands] with clusters planted at random rows."""
    rng = np.random.default_rng(num_bands)
    hashes = rng.integers(0, 2**64 - 1, (num_documents, num_bands), dtype=np.uint64)
    members = rng.permutation(num_documents)[: num_documents // 5]
    sizes = rng.integers(2, 6, len(members))
    sizes = sizes[np.cumsum(sizes) <= len(members)]
    firsts = members[np.repeat(np.cumsum(sizes) - sizes, sizes)]
    copies = members[: len(firsts)]
    share = rng.random((len(firsts), num_bands)) < SIMILARITY**ROWS_PER_BAND
    hashes[copies] = np.where(share, hashes[firsts], hashes[copies])
    return hashes


def sort_bands(hashes: Hashes) -> list[Rows]:
    """Return the order of the rows of each band."""
    return [argsort_u64(band) for band in hashes.T]


def numpy_sort_bands(hashes: Hashes) -> list[Rows]:
    """Return the order of the rows of each band by numpy."""
    return [np.argsort(band, kind="stable") for band in hashes.T]


def star_pairs(hashes: Hashes, orders: list[Rows]) -> Rows:
    """Return the first row of each bucket with every other one, [2, num_pairs]."""
    found = []
    for band, order in zip(hashes.T, orders, strict=True):
        pairs = bucket_pairs(
            np.ascontiguousarray(band)[order], max_bucket=1, fanout=1, block_pairs=len(order)
        )
        found += [order[np.stack(pair)] for pair in pairs]
    return np.concatenate(found, axis=1)


def numpy_star_pairs(hashes: Hashes, orders: list[Rows]) -> Rows:
    """Return the same pairs by numpy."""
    found = []
    for band, order in zip(hashes.T, orders, strict=True):
        in_order = np.ascontiguousarray(band)[order]
        opens = np.append(True, in_order[1:] != in_order[:-1])
        rows = np.flatnonzero(~opens)
        starts = np.flatnonzero(opens)[np.cumsum(opens)[rows] - 1]
        found.append(np.stack([order[starts], order[rows]]))
    return np.concatenate(found, axis=1)


def scipy_labels(pairs: Rows, num_documents: int) -> Rows:
    """Return the least row of each row's component by scipy."""
    graph = coo_array((np.ones(pairs.shape[1], np.int8), tuple(pairs)), (num_documents,) * 2)
    _, numbers = scipy_components(graph.tocsr(), directed=False)
    _, firsts = np.unique(numbers, return_index=True)
    return np.asarray(firsts[numbers], dtype=np.int64)


def datasketch_seconds(num_bands: int) -> float:
    """Return the CPU time of PEER_DOCUMENTS inserted, queried and united by datasketch."""
    num_documents = PEER_DOCUMENTS
    hashes = planted(num_documents, num_bands)
    steps = np.arange(1, ROWS_PER_BAND + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    values = (hashes[:, :, None] * (steps | np.uint64(1))) >> np.uint64(32)
    signatures = values.reshape(num_documents, -1)
    num = num_bands * ROWS_PER_BAND
    sketches = [MinHash(num, hashvalues=signature, scheme="legacy") for signature in signatures]
    start = time.process_time()
    index = MinHashLSH(num_perm=num, params=(num_bands, ROWS_PER_BAND))
    for row, sketch in enumerate(sketches):
        index.insert(row, sketch)
    parents = list(range(num_documents))
    for row, sketch in enumerate(sketches):
        for other in index.query(sketch):
            one, two = sorted((root_of(parents, row), root_of(parents, other)))
            parents[two] = one
    labels = [root_of(parents, row) for row in range(num_documents)]
    seconds = time.process_time() - start
    assert labels == lsh_components(hashes).tolist()
    return seconds


def root_of(parents: list[int], row: int) -> int:
    """Return the root of a row, halving its path."""
    while parents[row] != row:
        parents[row] = row = parents[parents[row]]
    return row


def timed(run: Callable[[], T]) -> tuple[T, float]:
    """Return the result and the CPU seconds of the fastest of several runs."""
    best = float("inf")
    for _ in range(RUNS):
        start = time.process_time()
        result = run()
        best = min(best, time.process_time() - start)
    return result, best


if __name__ == "__main__":
    main()
