"""Files as a recall loop sees them: their URLs, and the places in repositories that people name."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.corpus.errors import GristmillError
from gristmill.filters.recall.decisions import Decision, format_decisions, parse_decisions
from gristmill.filters.recall.domains import registered_domain
from gristmill.filters.recall.files import (
    file_places,
    file_url,
    parse_places,
    place_column,
    spelled_url,
)
from gristmill.filters.recall.seeds import parse_labels

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1)


def places(*files: tuple[str, str]) -> pa.Table:
    collections, paths = zip(*files, strict=True)
    return file_places(pa.chunked_array([collections]), pa.chunked_array([paths]))


def named(lines: str, *files: tuple[str, str]) -> list[bool]:
    found = place_column(parse_places(lines, "seeds.txt"), places(*files))
    return [bool(one) for one in found]


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("src/a b.py", "o/r/src/a%20b.py"),
        ("src/a\tb\nc", "o/r/src/a%09b%0Ac"),
        ("100%.c", "o/r/100%25.c"),
        ("what?.c", "o/r/what%3F.c"),
        ("C#/a.cs", "o/r/C%23/a.cs"),
        ("app/[slug].tsx", "o/r/app/%5Bslug%5D.tsx"),
        ("\u6587.md", "o/r/%E6%96%87.md"),
        ("a+b@c~1.h", "o/r/a+b@c~1.h"),
    ],
)
def test_a_url_escapes_what_a_line_or_a_query_would_read(path: str, url: str) -> None:
    assert file_url("o/r", path) == url


@settings(deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=4))
def test_two_files_never_share_a_url(names: list[str]) -> None:
    path = "/".join(names)
    url = file_url("o/r", path)
    assert url.isascii()
    assert url.isprintable()
    assert not set(" ?#").intersection(url)
    assert spelled_url(url) == url
    assert parse_places(url, "seeds.txt") == (url,)


def test_a_file_lies_in_its_repository_and_has_no_query() -> None:
    (row,) = places(("o/r", "C#/what?.cs")).to_pylist()
    assert row == {
        "url": "o/r/C%23/what%3F.cs",
        "host": "o/r",
        "path": "/C%23/what%3F.cs",
        "has_query": False,
    }
    assert registered_domain(row["host"]) == "o"


@pytest.mark.parametrize("path", ["a b/f.c", "a\tb/f.c", "a%b/f.c", "a?b/f.c", "a#b/f.c"])
def test_a_decision_holds_any_directory(path: str) -> None:
    (row,) = places(("o/r", path)).to_pylist()
    prefix = row["path"].rpartition("/")[0] + "/"
    decision = Decision(
        target="code",
        host=row["host"],
        prefix=prefix,
        scope="prefix",
        verdict="accept",
        who="ada",
        date="",
        iteration=1,
        pages=1,
        collected=1,
        lower=0.2,
        upper=1.0,
        note="",
    )
    assert parse_decisions(format_decisions([decision]), "d.tsv") == [decision]
    label = f"{row['url']}\tyes\n"
    assert list(parse_labels(label, "pages.tsv")) == [row["url"]]


def test_an_owner_a_repository_a_folder_and_a_file_can_be_named() -> None:
    files = [("o/r", "a/b.c"), ("o/s", "b.c"), ("p/r", "src/x.c"), ("p/r", "srcs/x.c")]
    assert named("o", *files) == [True, True, False, False]
    assert named("o/s/", *files) == [False, True, False, False]
    assert named("p/r/src", *files) == [False, False, True, False]
    assert named("o/r/a/b.c", *files) == [True, False, False, False]
    assert named("# none\n", *files) == [False] * 4


def test_a_repository_may_be_called_by_one_word() -> None:
    assert named("tool/src/", ("tool", "src/a.c"), ("tool", "doc/a.c")) == [True, False]


def test_a_place_may_be_written_with_or_without_escapes() -> None:
    assert named("o/r/C%23/a b/", ("o/r", "C#/a b/x.cs")) == [True]


@pytest.mark.parametrize("line", ["https://github.com/o/r", "/o/r", "o//r", "/"])
def test_a_line_that_names_no_repository_is_refused(line: str) -> None:
    with pytest.raises(GristmillError, match=r"seeds.txt:1: .*names no repository"):
        parse_places(line, "seeds.txt")
