"""A take-down list as it is read: what each line names, and lines that name nothing."""

from pathlib import Path

import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.pipelines.removals import Removals, parse_list, read_list

CONTENT = "0123456789abcdef" * 2


def test_each_line_is_a_repository_an_owner_a_url_or_a_content_id() -> None:
    text = f"a/b  # asked for\n\nnotes\nc/*\nhttps://x.org/y*\n{CONTENT}\ncopies = true\n"
    assert parse_list(text, where="list") == Removals(
        collections=("a/b", "notes"),
        owners=("c",),
        urls=("https://x.org/y*",),
        content_ids=(CONTENT,),
    )


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
