"""Issue threads become documents that a build reads: by the API or from GH Archive, once each."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
import zstandard

from gristmill.corpus.crawl.github.document_files import Document, DocumentFiles
from gristmill.corpus.crawl.ledger import Ledger
from gristmill.corpus.errors import StorageError
from gristmill.corpus.memo import DigestMemo
from gristmill.corpus.sources import ReadLimits, ReadOptions, SourceSpec, list_units, read_unit
from gristmill.corpus.standins.faults import Fault
from gristmill.corpus.standins.github import GithubStandin

from .github_crawl import Crawl, issue, repository

Serve = Callable[..., GithubStandin]
CrawlOf = Callable[..., Crawl]
BODY = "The parser fails on an empty input file, and it should not. " * 4
BORN = datetime(2016, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def documents(crawl: Crawl) -> dict[str, Document]:
    found = {}
    for path in sorted(crawl.folder.glob("issues/*.jsonl.zst")):
        with path.open("rb") as stream:
            reader = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
            for line in reader.read().splitlines():
                document = msgspec.json.decode(line, type=Document)
                assert document.id not in found
                found[document.id] = document
    return found


def drops(crawl: Crawl) -> dict[str, int]:
    with Ledger(crawl.folder) as ledger:
        return msgspec.json.decode(ledger.cursor("issue_drops") or "{}", type=dict[str, int])


def served(**changes: object) -> object:
    issues = (
        issue(1, BODY, ("grace", "I see it, too, @reporter."), ("stale[bot]", "Closing.")),
        issue(2, "short"),
        issue(3, BODY, is_pull_request=True),
    )
    return repository(70001, "org/name", issues=issues, **changes)


def test_an_issue_with_its_comments_is_one_document(serve: Serve, crawl_of: CrawlOf) -> None:
    crawl = crawl_of(serve(served()), organisations=("org",), issues=True).run()
    (document,) = documents(crawl).values()
    assert (document.id, document.language, document.licence) == ("org/name#1", "Markdown", "MIT")
    assert document.url == "https://github.com/org/name/issues/1"
    assert "username_1: I see it, too, @username_0." in document.text
    assert "Closing" not in document.text
    assert drops(crawl) == {"too_short": 1, "pull_request": 1}
    assert crawl.items("issues") == {"70001": "done"}


def test_a_build_reads_the_documents(serve: Serve, crawl_of: CrawlOf) -> None:
    crawl = crawl_of(serve(served()), organisations=("org",), issues=True).run()
    spec = SourceSpec(name="talk", kind="documents", component="text", paths=("*.jsonl.zst",))
    (unit,) = list_units(spec, base=str(crawl.folder / "issues"), memo=DigestMemo())
    (record,) = read_unit(unit, ReadLimits(), options=ReadOptions.of(spec))
    assert (record.path, record.language_hint) == ("org/name#1", "Markdown")
    assert record.text == documents(crawl)["org/name#1"].text


def test_a_second_run_asks_for_no_issue(serve: Serve, crawl_of: CrawlOf) -> None:
    crawl = crawl_of(serve(served()), organisations=("org",), issues=True).run()
    crawl.standin.server.forget_requests()
    assert crawl.run().asked() == []
    assert len(documents(crawl)) == 1


def test_all_pages_of_issues_and_comments_are_read(serve: Serve, crawl_of: CrawlOf) -> None:
    talk = [("grace", f"Part {i} of it.") for i in range(150)]
    issues = (issue(1, BODY, *talk), *[issue(i, BODY) for i in range(2, 251)])
    standin = serve(repository(70001, "org/name", issues=issues))
    crawl = crawl_of(standin, organisations=("org",), issues=True).run()
    assert len(documents(crawl)) == 250
    assert "Part 149" in documents(crawl)["org/name#1"].text
    assert len(crawl.asked("/issues?")) == 3


def test_a_page_that_is_done_stays_done(serve: Serve, crawl_of: CrawlOf) -> None:
    issues = tuple(issue(i, BODY) for i in range(1, 251))
    standin = serve(repository(70001, "org/name", issues=issues))
    standin.server.inject(Fault(kind="server_error", match="page=2", times=9))
    crawl = crawl_of(standin, organisations=("org",), issues=True).run()
    assert crawl.items("issues") == {"70001": "http_500"}
    assert len(documents(crawl)) == 100
    standin.server.forget_requests()
    assert len(documents(crawl.run())) == 250
    assert len(crawl.asked("/issues?")) == 2


def test_a_refresh_asks_for_what_changed_since(serve: Serve, crawl_of: CrawlOf) -> None:
    old = [issue(i, BODY) for i in range(1, 4)]
    crawl = crawl_of(serve(repository(70001, "org/name", issues=tuple(old))), since=0, issues=True)
    crawl.run()
    later = datetime(2999, 1, 1, tzinfo=timezone.utc)
    grown = repository(70001, "org/name", issues=(*old, issue(4, BODY, updated_at=later)))
    crawl = crawl_of(serve(grown), since=0, issues=True)
    crawl.is_refreshed = True
    assert sorted(documents(crawl.run())) == [f"org/name#{i}" for i in range(1, 5)]
    assert len(crawl.asked("&since=20")) == 1


def test_disabled_issues_are_not_asked_for(serve: Serve, crawl_of: CrawlOf) -> None:
    standin = serve(served(has_issues=False))
    crawl = crawl_of(standin, organisations=("org",), issues=True).run()
    assert crawl.items("issues") == {}
    assert crawl.asked("/issues") == []


def test_the_archives_events_give_the_same_document(serve: Serve, crawl_of: CrawlOf) -> None:
    standin = serve(served(created_at=BORN - timedelta(minutes=1)))
    by_api = crawl_of(standin, organisations=("org",), issues=True).run()
    last = "2020-01-01-13"
    by_archive = Crawl(
        standin,
        by_api.folder.parent / "archive",
        organisations=("org",),
        hours=("2020-01-01-12", last),
        issues=True,
    )
    standin.server.forget_requests()
    by_archive.run()
    assert documents(by_archive) == documents(by_api)
    assert by_archive.asked("/issues") == []


def test_issues_alone_need_no_content(serve: Serve, crawl_of: CrawlOf) -> None:
    settings = {"organisations": ("org",), "issues": True, "content": "none"}
    crawl = crawl_of(serve(served()), **settings).run()
    assert crawl.items("content") == {}
    assert len(documents(crawl)) == 1


def document(number: int) -> Document:
    return Document(
        id=f"org/name#{number}",
        text="text",
        url="",
        repository="org/name",
        repository_id=1,
        created=0,
        licence=None,
        stars=0,
        num_comments=0,
    )


def _fail(ledger: Ledger, files: DocumentFiles) -> None:
    with ledger.transaction():
        files.append([document(2)])
        raise ZeroDivisionError


def test_what_was_not_committed_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "issues" / "00000.jsonl.zst"
    with Ledger(tmp_path) as ledger:
        files = DocumentFiles(ledger, max_file_bytes=1 << 20)
        with ledger.transaction():
            files.append([document(1)])
        committed = path.read_bytes()
        with pytest.raises(ZeroDivisionError):
            _fail(ledger, files)
        assert len(path.read_bytes()) > len(committed)
    with Ledger(tmp_path) as ledger:
        DocumentFiles(ledger, max_file_bytes=1 << 20)
        assert path.read_bytes() == committed


def test_a_full_file_is_followed_by_another_and_closed_ones_do_not_change(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        files = DocumentFiles(ledger, max_file_bytes=150)
        for number in range(4):
            files.append([document(number)])
        first = files.close()
        assert [file.name for file in first] == ["issues/00000.jsonl.zst", "issues/00001.jsonl.zst"]
        assert sum(file.num_items for file in first) == 4
        files.append([document(9)])
        assert files.close()[:2] == first


def test_a_file_that_lost_bytes_is_an_error(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        DocumentFiles(ledger, max_file_bytes=100).append([document(1)])
    (tmp_path / "issues" / "00000.jsonl.zst").write_bytes(b"")
    with Ledger(tmp_path) as ledger, pytest.raises(StorageError, match="0 bytes"):
        DocumentFiles(ledger, max_file_bytes=100)
