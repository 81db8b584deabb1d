"""The opt-out list: what each form of line covers, and what it does not."""

from pathlib import Path

import pytest

from gristmill.corpus.crawl.opt_out import OptOut, read_opt_out
from gristmill.corpus.errors import GristmillError


def opt_out(*lines: str) -> OptOut:
    return OptOut(lines, where="opt-out.txt")


def test_an_owner_covers_all_of_its_repositories_in_any_case() -> None:
    found = opt_out("Some-Owner")
    assert found.covers_repository("some-owner/name")
    assert found.covers_url("https://github.com/SOME-OWNER/name/issues/1")
    assert not found.covers_repository("some-owner-else/name")


def test_a_repository_covers_itself_alone() -> None:
    found = opt_out("Owner/Name.js  # they asked us")
    assert found.covers_repository("owner/name.JS")
    assert found.covers_url("https://github.com/owner/name.js.git")
    assert not found.covers_repository("owner/name")
    assert not found.covers_owner("owner")


def test_an_address_of_github_is_an_owner_or_a_repository() -> None:
    found = opt_out("https://github.com/Owner", "https://github.com/other/Name.git")
    assert found.covers_owner("owner")
    assert found.covers_repository("other/name")


def test_a_host_covers_its_subdomains() -> None:
    found = opt_out("example.org")
    assert found.covers_url("https://docs.example.org/page")
    assert not found.covers_url("https://example.org.evil.net/page")
    assert not found.covers_url("https://myexample.org/page")


def test_an_address_covers_what_lies_below_it() -> None:
    found = opt_out("https://example.org/private/")
    assert found.covers_url("http://example.org/private")
    assert found.covers_url("https://example.org/private/page?x=1")
    assert not found.covers_url("https://example.org/privately")


def test_comments_and_blank_lines_say_nothing() -> None:
    assert opt_out("# all", "", "  ").digest == opt_out().digest
    assert opt_out("a").digest != opt_out("b").digest


def test_another_line_is_refused_with_its_number() -> None:
    with pytest.raises(GristmillError, match=r"opt-out\.txt, line 2"):
        opt_out("owner", "two words")


def test_a_list_that_cannot_be_read_stops_the_crawl(tmp_path: Path) -> None:
    assert read_opt_out(None).digest == opt_out().digest
    with pytest.raises(GristmillError, match="nothing is fetched"):
        read_opt_out(tmp_path / "missing.txt")
