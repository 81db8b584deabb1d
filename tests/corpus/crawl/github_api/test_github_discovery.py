"""How repositories are found: lists, hours, listings and searches, each once and resumably."""

import gzip
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from gristmill.corpus.crawl.github.discovery import hour_names
from gristmill.corpus.errors import GristmillError
from gristmill.corpus.standins.faults import Fault
from gristmill.corpus.standins.github import GithubStandin

from .github_crawl import BORN, Crawl, repository

Serve = Callable[..., GithubStandin]
CrawlOf = Callable[..., Crawl]
MANY = 250


def many(first: int = 1000, count: int = MANY) -> list[object]:
    return [
        repository(first + i, f"org/name-{i}", created_at=BORN + timedelta(days=i))
        for i in range(count)
    ]


def test_a_list_of_names_ids_and_addresses_is_found(serve: Serve, crawl_of: CrawlOf) -> None:
    served = [repository(70000 + i, f"org/name{i}") for i in (1, 2, 3)]
    crawl = crawl_of(serve(*served), repositories="repositories.txt")
    crawl.listing(
        "# ours", "Org/NAME1", "70002  # by id", "https://github.com/org/name3/", ""
    ).run()
    assert crawl.items("repository") == {"70001": "done", "70002": "done", "70003": "done"}
    assert crawl.items("content") == {"70001": "waiting", "70002": "waiting", "70003": "waiting"}


def test_a_line_that_names_nothing_is_refused_with_its_number(
    serve: Serve, crawl_of: CrawlOf
) -> None:
    crawl = crawl_of(serve(), repositories="repositories.txt").listing("a/b", "what is this")
    with pytest.raises(GristmillError, match=r"repositories\.txt, line 2"):
        crawl.run()


def test_one_repository_under_two_names_and_an_id_is_one(serve: Serve, crawl_of: CrawlOf) -> None:
    served = repository(70001, "new/name", old_names=("old/name",))
    crawl = crawl_of(serve(served), repositories="repositories.txt")
    crawl.listing("old/name", "new/name", "70001").run()
    assert crawl.items("content") == {"70001": "waiting"}
    assert crawl.items("repository") == {
        "70001": "done",
        "name:new/name": "duplicate",
        "name:old/name": "duplicate",
    }


def test_a_listing_by_id_reads_all_pages(serve: Serve, crawl_of: CrawlOf) -> None:
    crawl = crawl_of(serve(*many()), since=0).run()
    assert len(crawl.items("repository")) == MANY
    assert len(crawl.asked("/repositories?")) == 3


def test_a_listing_ends_at_what_was_born_too_late(serve: Serve, crawl_of: CrawlOf) -> None:
    served = [
        repository(i * 1_000_000, f"org/n{i}", created_at=BORN + timedelta(days=10 * (i - 500)))
        for i in range(400, 900)
    ]
    crawl = crawl_of(serve(*served), since=0, created_before=date(2020, 1, 1)).run()
    states = crawl.items("repository")
    assert len(crawl.asked("/repositories?")) == 2
    assert sum(state == "done" for state in states.values()) == 100
    assert sum(state == "created_after" for state in states.values()) == 100


@pytest.mark.parametrize("kind", ["organisations", "users"])
def test_an_accounts_repositories_are_listed(serve: Serve, crawl_of: CrawlOf, kind: str) -> None:
    other = repository(5, "other/name")
    crawl = crawl_of(serve(*many(), other), **{kind: ("org", "nobody")}).run()
    assert len(crawl.items("repository")) == MANY
    assert sorted(crawl.items("listing").values()) == ["done", "not_found"]


def test_a_search_with_too_many_results_is_split_by_births(serve: Serve, crawl_of: CrawlOf) -> None:
    crawl = crawl_of(serve(*many(count=1300)), queries=("org:org",)).run()
    assert len(crawl.items("repository")) == 1300
    assert set(crawl.items("listing").values()) == {"split", "done"}


def test_a_search_that_cannot_be_split_says_that_it_is_capped(
    serve: Serve, crawl_of: CrawlOf
) -> None:
    served = [repository(70000 + i, f"org/name-{i}") for i in range(1100)]
    crawl = crawl_of(serve(*served), queries=("org:org created:2020-01-01",)).run()
    assert len(crawl.items("repository")) == 1000
    assert list(crawl.items("listing").values()) == ["capped"]
    assert "1100 results, GitHub shows 1000" in crawl.notes[0]


def test_a_query_that_github_refuses_is_refused(serve: Serve, crawl_of: CrawlOf) -> None:
    crawl = crawl_of(serve(), queries=("nonsense:1",)).run()
    assert list(crawl.items("listing").values()) == ["unprocessable"]


def test_hours_of_every_era_give_births_once(serve: Serve, crawl_of: CrawlOf) -> None:
    moments = {
        70001: "2013-05-06T07:08:09",
        70002: "2016-01-02T03:04:05",
        70003: "2025-11-12T13:14",
    }
    served = [
        repository(number, f"org/n{number}", created_at=datetime.fromisoformat(f"{text}+00:00"))
        for number, text in moments.items()
    ]
    standin = serve(*served)
    for name in standin.hours:
        hour = name.removesuffix(".json.gz")
        crawl_of(standin, hours=(hour, hour)).run()
    crawl = crawl_of(standin, hours=("2016-01-02-3", "2016-01-02-4"))
    assert set(crawl.items("repository")) == {"70001", "70002", "70003"}
    assert len(crawl.run().items("hour")) == 4


def test_an_hour_that_is_missing_is_refused(serve: Serve, crawl_of: CrawlOf) -> None:
    crawl = crawl_of(serve(), hours=("2016-01-02-23", "2016-01-03-0")).run()
    assert crawl.items("hour") == {"2016-01-02-23": "not_found", "2016-01-03-0": "not_found"}
    assert sorted(crawl.asked("gharchive")) == [
        "/gharchive/2016-01-02-23.json.gz",
        "/gharchive/2016-01-03-0.json.gz",
    ]


def test_a_truncated_hour_gives_what_is_readable_and_has_failed(
    serve: Serve, crawl_of: CrawlOf
) -> None:
    standin = serve(*[repository(70000 + i, f"org/name-{i}") for i in range(500)])
    standin.server.inject(Fault(kind="cut_body", match="gharchive", times=None))
    crawl = crawl_of(standin, hours=("2020-01-01-12", "2020-01-01-12")).run()
    assert crawl.items("hour") == {"2020-01-01-12": "damaged"}
    assert 100 < len(crawl.items("repository")) < 500
    assert any("what is before it was read" in note for note in crawl.notes)


def test_a_damaged_hour_is_read_again_by_the_next_run(serve: Serve, crawl_of: CrawlOf) -> None:
    standin = serve(*[repository(70000 + i, f"org/name-{i}") for i in range(500)])
    standin.server.inject(Fault(kind="cut_body", match="gharchive", times=1))
    crawl = crawl_of(standin, hours=("2020-01-01-12", "2020-01-01-12")).run().run()
    assert crawl.items("hour") == {"2020-01-01-12": "done"}
    assert len(crawl.items("repository")) == 500


def test_a_second_run_asks_for_nothing(serve: Serve, crawl_of: CrawlOf) -> None:
    standin = serve(*many())
    settings = {
        "since": 0,
        "organisations": ("org",),
        "queries": ("org:org",),
        "hours": ("2020-01-01-12", "2020-01-01-13"),
        "repositories": "repositories.txt",
    }
    crawl = crawl_of(standin, **settings).listing("org/name-1", "org/gone").run()
    standin.server.forget_requests()
    crawl.run()
    assert crawl.asked() == []


def test_an_open_ended_listing_asks_again_for_free(serve: Serve, crawl_of: CrawlOf) -> None:
    standin = serve(*many())
    crawl = crawl_of(standin, since=0, created_before=date(2999, 1, 1)).run()
    standin.server.forget_requests()
    crawl.run()
    assert len(crawl.asked()) == 1
    (request,) = standin.requests
    assert "if-none-match" in request.headers


def test_hours_must_be_hours() -> None:
    assert list(hour_names("2015-01-01-9", "2015-01-01-10")) == ["2015-01-01-9", "2015-01-01-10"]
    for wrong in ("2015-01-01", "2015-01-01-24", "2015-02-30-1"):
        with pytest.raises(GristmillError, match="is no hour"):
            list(hour_names(wrong, wrong))


def test_lines_of_an_hour_that_say_nothing_are_counted(
    tmp_path: Path,
) -> None:
    from gristmill.corpus.crawl.github.archive_hours import read_hour

    lines = [
        {"type": "CreateEvent", "payload": {"ref_type": "repository"}, "repo": {"id": 7}},
        {"type": "CreateEvent", "payload": {"ref_type": "repository"}},
        {"type": "CreateEvent", "payload": {}, "repo": {"id": 8}},
        {"type": "CreateEvent", "payload": {"object": "repository"}, "repo": {"name": "a/b"}},
        {"type": "PushEvent"},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines) + '{"type":"CreateEvent", broken\n'
    path = tmp_path / "hour.json.gz"
    path.write_bytes(gzip.compress(text[:80].encode()) + gzip.compress(text[80:].encode()))
    hour = read_hour(path, with_issues=False)
    assert [(seen.id, seen.full_name) for seen in hour.births] == [(7, None), (None, "a/b")]
    assert dict(hour.skipped) == {"no_repository": 1, "no_ref_type": 1, "bad_json": 1}
    assert hour.num_events == 6


def test_times_of_both_forms_are_read() -> None:
    from gristmill.corpus.crawl.github.events import seconds_of

    assert seconds_of("2011/02/12 00:00:19 -0800") == seconds_of("2011-02-12T08:00:19Z")
    assert seconds_of("2012-03-10T22:55:22-08:00") == int(
        datetime(2012, 3, 11, 6, 55, 22, tzinfo=timezone.utc).timestamp()
    )
