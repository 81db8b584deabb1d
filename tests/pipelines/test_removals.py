"""A take-down list as it is read: what each line names, and lines that name nothing."""

from pathlib import Path

import pyarrow as pa
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.record import Record
from gristmill.pipelines.removals import (
    Removals,
    TakeDown,
    load_take_down,
    parse_list,
    read_list,
    removed_rows,
)

CONTENT = "0123456789abcdef" * 2
RECORD = Record(collection="Ada/Tools", path="a.py", origin_file="tools", num_bytes=1, text="a")


def test_each_line_is_a_repository_an_owner_a_url_or_a_content_id() -> None:
    text = f"a/b  # asked for\n\nnotes\nc/*\nhttps://x.org/y*\n{CONTENT}\ncopies = true\n"
    assert parse_list(text, where="list") == Removals(
        collections=("a/b", "notes"),
        owners=("c",),
        urls=("https://x.org/y*",),
        content_ids=(CONTENT,),
    )


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("https://github.com/Ada/Tools", "ada/tools"),
        ("https://www.github.com/ada/tools.git", "ada/tools"),
        ("http://github.com/ada/tools/", "ada/tools"),
        ("https://github.com/Ada", "ada/*"),
        ("https://github.com/ada/*", "ada/*"),
    ],
)
def test_an_address_on_github_names_the_repository_or_the_owner_too(
    address: str, named: str
) -> None:
    assert parse_list(address, where="list").entries() == [named, address]


@pytest.mark.parametrize("address", ["https://github.com/a/b/issues/1", "https://gitlab.com/a/b"])
def test_other_addresses_are_only_addresses(address: str) -> None:
    assert parse_list(address, where="list").entries() == [address]


@pytest.mark.parametrize("line", ["ada/tools", "ADA/*", "https://github.com/aDa/toolS"])
def test_names_of_repositories_and_owners_are_matched_whatever_their_case(line: str) -> None:
    removals = parse_list(line, where="list")
    rows = pa.table({"collection": ["Ada/Tools", "eve/tools"], "path": ["a.py", "b.py"]})
    assert removals.matches(RECORD)
    assert removed_rows(rows, removals).tolist() == [True, False]
    assert TakeDown(removals=removals).of_shard("shard", ["Ada/Tools"]).matches(RECORD)


def test_a_list_saved_with_capitals_stays_in_force(tmp_path: Path) -> None:
    (tmp_path / "removals.json").write_text('{"removals": {"collections": ["Ada/Tools"]}}')
    assert load_take_down(str(tmp_path)).removals.matches(RECORD)


def test_a_content_id_may_be_written_in_capitals() -> None:
    assert parse_list(CONTENT.upper(), where="list").content_ids == (CONTENT,)


@pytest.mark.parametrize(
    "line",
    ["a b", "owner/", "/name", "*/*", "/*", "own*", "copies = yes", CONTENT[:31], CONTENT * 2],
)
def test_a_line_that_can_name_nothing_is_an_error_with_its_number(line: str) -> None:
    with pytest.raises(GristmillError, match=r"list:2: .* is no repository, owner, URL or content"):
        parse_list(f"a/b\n{line}\n", where="list")


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"\xef\xbb\xbfa/b\r\n")
    assert parse_list(read_list(str(tmp_path / "list")), where="list").collections == ("a/b",)


def test_a_list_that_is_not_utf_8_is_an_error_that_says_where(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes("a/b".encode("utf-16"))
    with pytest.raises(GristmillError, match=r"not UTF-8 \(invalid start byte at byte 0\)"):
        read_list(str(tmp_path / "list"))
