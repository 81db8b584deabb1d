"""The cut of a host's URLs: exact, deterministic and bounded."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters.recall.cut_reference import Page, cheapest_cost
from gristmill.filters.recall.prefixes import (
    Prefix,
    PrefixSettings,
    directories,
    host_prefixes,
    likelihood_cost,
    propose,
)

PAGES = st.lists(
    st.tuples(st.lists(st.sampled_from("ab"), max_size=3), st.booleans()), min_size=1, max_size=9
)


def cut(pages: dict[str, tuple[int, int]], settings: PrefixSettings | None = None) -> list[Prefix]:
    """Return the cut of pages given as path: (pages, of these collected)."""
    paths = [path for path, (num, _) in pages.items() for _ in range(num)]
    collected = [i < hits for num, hits in pages.values() for i in range(num)]
    return cut_pages(paths, collected, settings)


def cut_pages(
    paths: list[str], collected: list[bool], settings: PrefixSettings | None = None
) -> list[Prefix]:
    has_query = np.array([path.endswith("?") for path in paths], dtype=np.bool_)
    bare = [path.rstrip("?") for path in paths]
    return host_prefixes(bare, has_query, np.array(collected), settings or PrefixSettings())


@given(PAGES)
@settings(max_examples=300, deadline=None)
def test_no_cut_is_cheaper(pages: list[tuple[list[str], bool]]) -> None:
    # Repeated, so that a split can pay for its prefixes.
    many = [page for page in pages for _ in range(9)]
    paths = ["/" + "".join(f"{name}/" for name in names) + "page" for names, _ in many]
    penalty = 0.5 * math.log(len(many)) + 1
    found = cut_pages(paths, [collected for _, collected in many])
    cost = sum(likelihood_cost(one.num_collected, one.num_pages) + penalty for one in found)
    tree: list[Page] = [(tuple(names), collected) for names, collected in many]
    assert cost == pytest.approx(cheapest_cost(tree, penalty))


def test_a_directory_in_topic_is_found_inside_a_host_that_is_not() -> None:
    found = cut({"/text/swriter/x": (200, 4), "/text/sbasic/x": (95, 92), "/text/x": (30, 1)})
    assert [(one.prefix, one.scope, one.proposal) for one in found] == [
        ("/text/", "page", "reject"),
        ("/text/sbasic/", "prefix", "accept"),
        ("/text/swriter/", "prefix", "reject"),
    ]
    assert (found[1].num_pages, found[1].num_collected) == (95, 92)


def test_parts_that_do_not_differ_stay_together() -> None:
    found = cut({f"/q/{i}/x": (3, 3) for i in range(50)})
    assert [(one.prefix, one.num_pages) for one in found] == [("/q/", 150)]


def test_a_prefix_says_no_more_than_what_was_seen() -> None:
    assert [one.prefix for one in cut({"/docs/en/maths/x": (9, 9)})] == ["/docs/en/maths/"]


def test_a_script_with_queries_is_a_directory() -> None:
    found = cut({"/forum/topic.php?": (60, 58), "/forum/user.php?": (60, 1)})
    assert [(one.prefix, one.proposal) for one in found] == [
        ("/forum/topic.php?", "accept"),
        ("/forum/user.php?", "reject"),
    ]
    assert directories("/a/b.php", has_query=True) == ["a/", "b.php?"]


def test_the_order_of_pages_is_no_matter() -> None:
    rng = random.Random(1)
    pages = [(f"/{rng.randrange(4)}/{rng.randrange(9)}/x", rng.random() < 0.4) for _ in range(500)]
    shuffled = random.Random(2).sample(pages, len(pages))
    first, second = (
        cut_pages([path for path, _ in one], [hit for _, hit in one]) for one in (pages, shuffled)
    )
    assert first == second


def test_every_page_is_in_one_prefix() -> None:
    pages = {f"/{i % 7}/{i % 3}/x": (20, 20 * (i % 2)) for i in range(42)}
    assert sum(one.num_pages for one in cut(pages)) == sum(num for num, _ in pages.values())


def test_a_tree_with_too_many_nodes_is_cut_to_a_depth_that_fits() -> None:
    pages = {f"/{side}/{i}/x": (1, int(side == "yes")) for side in ("yes", "no") for i in range(99)}
    found = cut(pages, PrefixSettings(max_nodes=100))
    assert [(one.prefix, one.num_pages) for one in found] == [("/no/", 99), ("/yes/", 99)]
    assert [one.prefix for one in cut(pages, PrefixSettings(max_nodes=1))] == ["/"]


def test_a_path_of_many_slashes_is_bounded() -> None:
    found = cut({"/" * 100_000: (3, 3)}, PrefixSettings(max_depth=4))
    assert [one.prefix for one in found] == ["/////"]


def test_a_proposal_follows_the_interval() -> None:
    options = PrefixSettings(accept_share=0.6)
    assert [propose(*one, options) for one in ((0.6, 0.9), (0.1, 0.59), (0.5, 0.7))] == [
        "accept",
        "reject",
        "review",
    ]
