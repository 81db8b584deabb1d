"""Files of sites and of labelled pages: what they name, and what is refused."""

import pyarrow as pa
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.filters.recall.domains import url_parts
from gristmill.filters.recall.seeds import (
    PageLabel,
    SeedSites,
    join_sites,
    parse_labels,
    parse_sites,
    seed_column,
)


def named(lines: str, *urls: str) -> list[bool]:
    pages = url_parts(pa.chunked_array([list(urls)], pa.string()))
    return [bool(one) for one in seed_column(parse_sites(lines, "seeds.txt"), pages)]


def test_a_host_names_itself_and_what_lies_below_it() -> None:
    urls = ("https://example.org/a", "https://docs.example.org/b", "https://notexample.org/")
    assert named("example.org\n", *urls) == [True, True, False]


def test_a_directory_names_the_pages_below_it_on_its_host_alone() -> None:
    urls = ("https://a.org/docs/x/y", "https://a.org/doc", "https://b.a.org/docs/x")
    assert named("https://a.org/docs\n", *urls) == [True, False, False]


def test_comments_blank_lines_and_a_mark_say_nothing() -> None:
    assert parse_sites("\ufeff# sites\n\n  \nWWW.a.org\r\n", "f") == SeedSites(hosts=("a.org",))


def test_a_page_without_a_host_is_never_named() -> None:
    assert named("a.org", "mailto:a.org") == [False]


@pytest.mark.parametrize("line", ["https://", "two words.org", "/docs/"])
def test_a_line_that_names_no_site_is_an_error(line: str) -> None:
    with pytest.raises(GristmillError, match=r"seeds\.txt:2"):
        parse_sites(f"a.org\n{line}\n", "seeds.txt")


def test_sites_of_several_files_are_joined() -> None:
    parts = [parse_sites("b.org\na.org/x", "1"), parse_sites("a.org\nb.org", "2")]
    assert join_sites(parts) == SeedSites(hosts=("a.org", "b.org"), prefixes=(("a.org", "/x/"),))


def test_labels_have_a_weight_of_one_unless_they_say_so() -> None:
    assert parse_labels("https://a.org/\tyes\nhttps://b.org/\tno\t2.5\n", "f") == {
        "https://a.org/": PageLabel(is_positive=True),
        "https://b.org/": PageLabel(is_positive=False, weight=2.5),
    }


@pytest.mark.parametrize(
    "line", ["u", "u\tmaybe", "u\tyes\tx", "u\tyes\t-1", "u\tyes\t1\t2", "a\tno"]
)
def test_a_line_that_is_no_label_or_comes_again_is_an_error(line: str) -> None:
    with pytest.raises(GristmillError, match=r"labels\.tsv:2"):
        parse_labels(f"a\tyes\n{line}\n", "labels.tsv")
