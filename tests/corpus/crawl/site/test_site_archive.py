"""The archive's files are named after hosts, and grow only by what the ledger counts."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from gristmill.corpus.crawl.ledger import Ledger
from gristmill.corpus.crawl.site.archive import Archive
from gristmill.corpus.crawl.site.warc import CrawlFacts
from gristmill.corpus.errors import GristmillError

FACTS = CrawlFacts(software="gristmill/0", operator="a@example.org", user_agent="gristmill/0")
RECORD = gzip.compress(b"WARC/1.1\r\n", mtime=0)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path) as ledger:
        yield ledger


def opened(ledger: Ledger) -> Archive:
    return Archive(ledger, ledger.folder, max_bytes=1 << 20, facts=FACTS)


def write(archive: Archive, host: str) -> None:
    archive.write("warc", host, RECORD, lambda: None)


def names(archive: Archive) -> list[str]:
    return [file.name for file in archive.close()]


def test_names_are_safe_and_no_two_hosts_share_one(ledger: Ledger) -> None:
    archive = opened(ledger)
    for host in ("a.example:8080", "a.example_8080", "[::1]", "x" * 250):
        write(archive, host)
    stems = [name.removesuffix("-00000.warc.gz") for name in names(archive)]
    expected = ["___1_", "a.example_8080", "a.example_8080_1", "x" * 200]
    assert stems == [f"warc/{stem}" for stem in expected]


def test_a_later_run_starts_a_new_file_and_leaves_the_closed_one(ledger: Ledger) -> None:
    archive = opened(ledger)
    write(archive, "a")
    (first,) = archive.close()
    later = opened(ledger)
    write(later, "a")
    assert later.close()[0] == first
    assert names(later) == ["warc/a-00000.warc.gz", "warc/a-00001.warc.gz"]


def test_what_was_written_and_not_counted_is_cut_off(ledger: Ledger) -> None:
    archive = opened(ledger)
    write(archive, "a")
    path = ledger.folder / "warc/a-00000.warc.gz"
    counted = path.read_bytes()
    path.write_bytes(counted + RECORD[:7])
    (path.parent / "b-00000.warc.gz").write_bytes(RECORD)
    assert names(opened(ledger)) == ["warc/a-00000.warc.gz"]
    assert path.read_bytes() == counted
    assert not (path.parent / "b-00000.warc.gz").exists()


def test_an_exchange_that_cannot_be_settled_is_not_kept(ledger: Ledger) -> None:
    def fail() -> None:
        raise OSError(28, "No space left on device")

    archive = opened(ledger)
    with pytest.raises(OSError, match="No space"):
        archive.write("warc", "a", RECORD, fail)
    assert names(archive) == []
    assert list((ledger.folder / "warc").iterdir()) == []


def test_a_file_that_was_shortened_is_named(ledger: Ledger) -> None:
    write(opened(ledger), "a")
    (ledger.folder / "warc/a-00000.warc.gz").write_bytes(RECORD[:3])
    with pytest.raises(GristmillError, match=r"warc/a-00000\.warc\.gz is shorter"):
        opened(ledger)
