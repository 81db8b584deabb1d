"""Units of holding out: their names, their order, and how much of a language is taken."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.pipelines.held_out_units import Place, hash_limit, unit_hashes, unit_name
from gristmill.pipelines.stages.held_out import chosen_units

Size = tuple[int, str, int]  # unit, language, bytes


def place(
    kind: str, path: str, *, collection: str = "c", origin: str = "crawl/issues/00000.jsonl.zst"
) -> Place:
    return Place(kind=kind, source="s", collection=collection, path=path, origin_file=origin)


FILE = place("file", "src/a.py", collection="Ada/Tools")


@pytest.mark.parametrize(
    "other",
    [
        place("file", "b/c.ipynb#cells", collection="ada/tools"),
        place("document", "ada/Tools#12"),
        place("document", "https://github.com/Ada/tools/issues/3"),
        place("page", "https://github.com/ada/tools/wiki"),
        place("page", "http://www.github.com/ada/tools.git"),
    ],
)
def test_what_belongs_to_a_repository_has_its_name(other: Place) -> None:
    assert unit_name(other) == unit_name(FILE) == ("repository", "ada/tools")


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://docs.example.org/a?b", "example.org"),
        ("HTTP://EXAMPLE.ORG:80/", "example.org"),
        ("https://news.example.co.uk/", "example.co.uk"),
        ("https://ada.github.io/tools", "ada.github.io"),
        ("https://github.com/ada", "github.com"),
        ("http://10.0.0.1/x", "10.0.0.1"),
    ],
)
def test_pages_of_one_registered_domain_are_one_unit(url: str, site: str) -> None:
    assert unit_name(place("page", url)) == unit_name(place("document", url)) == ("site", site)


@pytest.mark.parametrize(
    ("path", "origin"),
    [("prose/a.jsonl#7", "../prose/a.jsonl"), ("page-7", "x.jsonl"), ("http://", "x.jsonl")],
)
def test_a_document_without_either_is_a_unit_of_its_own(path: str, origin: str) -> None:
    found = unit_name(place("document", path, origin=origin))
    assert found == ("document", "s", "c", path)


def test_hashes_depend_on_the_seed_and_the_name_alone() -> None:
    first = unit_hashes([FILE, place("document", "ada/tools#1"), place("page", "x")], seed=1)
    assert first[0] == first[1] != first[2]
    assert unit_hashes([FILE], seed=1) == first[:1]
    assert unit_hashes([FILE], seed=2) != first[:1]


def test_a_fraction_takes_so_many_units() -> None:
    pages = [place("document", f"page {i}") for i in range(20_000)]
    taken = sum(value < hash_limit(0.1) for value in unit_hashes(pages, seed=5))
    assert 1850 < taken < 2150  # four standard deviations
    assert hash_limit(0) == 0


def choose(sizes: list[Size], max_bytes: int) -> set[int]:
    columns = list(zip(*sizes, strict=True)) or [(), (), ()]
    table = pa.table(
        {
            "unit": pa.array(columns[0], pa.uint64()),
            "component": pa.array(["code"] * len(sizes), pa.string()),
            "language": pa.array(columns[1], pa.string()),
            "num_bytes": pa.array(columns[2], pa.int64()),
        }
    )
    return set(chosen_units(table, max_bytes))


def test_a_language_that_has_enough_takes_no_more_units() -> None:
    sizes = [(1, "C", 60), (2, "C", 60), (3, "C", 1), (4, "Go", 5)]
    assert choose(sizes, 100) == {1, 2, 4}
    assert choose(sizes, 1000) == {1, 2, 3, 4}


def test_a_unit_counts_for_its_main_language_in_all_shards() -> None:
    sizes = [(1, "C", 100), (2, "C", 30), (2, "Go", 20), (2, "Go", 20), (3, "C", 9)]
    assert choose(sizes, 50) == {1, 2}


UNIT_BYTES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 90)), max_size=12)


def of_c(sizes: list[tuple[int, int]]) -> list[Size]:
    return [(unit, "C", num_bytes) for unit, num_bytes in sizes]


@given(UNIT_BYTES, UNIT_BYTES)
@settings(max_examples=200, deadline=None)
def test_more_documents_of_a_language_move_no_unit_out_of_training(
    before: list[tuple[int, int]], added: list[tuple[int, int]]
) -> None:
    known = {unit for unit, _ in before}
    chosen = choose(of_c([*before, *added]), 200)
    assert chosen & known <= choose(of_c(before), 200)


@given(UNIT_BYTES)
@settings(max_examples=200, deadline=None)
def test_the_order_of_shards_changes_nothing(sizes: list[tuple[int, int]]) -> None:
    assert choose(of_c(sizes), 200) == choose(of_c(sizes)[::-1], 200)
