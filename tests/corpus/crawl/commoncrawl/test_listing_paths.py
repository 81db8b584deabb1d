"""A listing gives plain relative paths, or an error that names it."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.corpus.crawl.commoncrawl.paths import check_path, read_listing, sample_paths
from gristmill.corpus.errors import GristmillError

PATHS = tuple(
    f"crawl-data/CC-MAIN-2024-22/segments/1715971057216.39/warc/CC-MAIN-{i:05}.warc.gz"
    for i in range(50)
)
LISTING = "".join(f"{path}\n" for path in PATHS).encode()


@pytest.mark.parametrize("num_layers", [0, 1, 2])
def test_a_listing_is_read_however_often_it_is_packed(num_layers: int) -> None:
    data = LISTING
    for _ in range(num_layers):
        data = gzip.compress(data)
    assert read_listing(data, where="warc.paths.gz") == PATHS


def test_blank_lines_and_repeats_are_left_out() -> None:
    assert read_listing(b"a/b\r\n\n a/b \nc\n", where="x") == ("a/b", "c")


@pytest.mark.parametrize(
    "path",
    [
        *("../a", "a/../b", "/etc/passwd", "a//b", "https://host/a", "file:a", "a\\b", ".hidden/a"),
        *("a b", "a/", "a?b", "a#b", "a%2e", "a\0b", "x" * 2000, "//host/a", "a/./b", "a\u2028b"),
    ],
)
def test_a_path_that_could_leave_its_root_is_refused(path: str) -> None:
    with pytest.raises(GristmillError, match="no path below"):
        check_path(path, where="warc.paths.gz")


@pytest.mark.parametrize("end", [-9, 50])
def test_a_damaged_listing_is_an_error(end: int) -> None:
    data = gzip.compress(LISTING)[:end]
    with pytest.raises(GristmillError, match="damaged"):
        read_listing(data, where="warc.paths.gz")


def test_a_listing_that_unpacks_without_end_is_an_error() -> None:
    bomb = gzip.compress(gzip.compress(bytes(300 << 20), 1), 1)
    with pytest.raises(GristmillError, match="unpacks to over"):
        read_listing(bomb, where="x")
    with pytest.raises(GristmillError, match="packed over 3 times"):
        read_listing(gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"a")))), where="x")


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 9))
def test_a_sample_is_in_order_and_within_a_larger_one(few: int, many: int, seed: int) -> None:
    few, many = sorted((few, many))
    small, large = (sample_paths(PATHS, n, seed=seed) for n in (few, many))
    assert len(small) == min(few, len(PATHS))
    assert set(small) <= set(large)
    assert list(small) == sorted(small)


def test_another_seed_gives_another_sample() -> None:
    assert sample_paths(PATHS, 10, seed=1) != sample_paths(PATHS, 10, seed=2)
    assert sample_paths(PATHS, None, seed=1) == PATHS
