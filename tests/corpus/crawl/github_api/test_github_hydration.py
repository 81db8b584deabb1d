"""What repositories are: facts in batches, reasons of what is missing, and rules decided anew."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import pytest

from gristmill.corpus.crawl.github.facts import RepositoryFacts
from gristmill.corpus.crawl.github.git_head import parse_head
from gristmill.corpus.crawl.github.node_ids import repository_node_id
from gristmill.corpus.standins.faults import Fault
from gristmill.corpus.standins.github import GithubStandin

from .github_crawl import BORN, COMMIT, Crawl, repository

Serve = Callable[..., GithubStandin]
CrawlOf = Callable[..., Crawl]


def listed(crawl: Crawl, *lines: str) -> Crawl:
    return crawl.listing(*lines).run()


def test_facts_are_those_that_github_has(serve: Serve, crawl_of: CrawlOf) -> None:
    served = repository(70001, "org/name", language="C", is_fork=True, disk_usage_kib=7)
    crawl = listed(crawl_of(serve(served), repositories="repositories.txt"), "70001")
    facts = crawl.facts("content", "70001")
    assert facts == RepositoryFacts(
        id=70001,
        full_name="org/name",
        created=int(BORN.timestamp()),
        pushed=int(BORN.timestamp()),
        stars=5,
        licence="MIT",
        is_fork=True,
        disk_kib=7,
        language="C",
        default_branch="main",
        commit=COMMIT,
        hydrated_at=facts.hydrated_at,
    )


def test_a_hundred_repositories_are_one_request(serve: Serve, crawl_of: CrawlOf) -> None:
    crawl = crawl_of(
        serve(*[repository(70000 + i, f"org/name-{i}") for i in range(250)]), since=0
    ).run()
    assert len(crawl.items("content")) == 250
    assert len(crawl.asked("graphql")) <= 5


def test_rest_and_git_know_the_same_as_graphql(
    serve: Serve, crawl_of: CrawlOf, bare: dict[str, object]
) -> None:
    served = repository(70001, "org/name", language="C", disk_usage_kib=7, **bare)
    crawl = listed(crawl_of(serve(served), repositories="repositories.txt"), "org/name")
    by_graphql = crawl.facts("repository", "70001")
    crawl = crawl_of(crawl.standin, repositories="repositories.txt")
    crawl.folder = crawl.folder.parent / "other"
    crawl.environment = {}
    by_rest = listed(crawl, "org/name").facts("repository", "70001")
    hydrated_at = by_graphql.hydrated_at
    assert msgspec.structs.replace(by_rest, hydrated_at=hydrated_at) == by_graphql


def test_each_state_of_a_repository_has_its_reason(serve: Serve, crawl_of: CrawlOf) -> None:
    served = [
        repository(70001, "org/taken", block="dmca"),
        repository(70002, "org/banned", block="tos"),
        repository(70003, "org/secret", is_private=True),
        repository(70004, "org/deleted", is_deleted=True),
        repository(70005, "org/empty", commit=None),
        repository(70006, "org/off", is_disabled=True),
        *[repository(80000 + i, f"org/fine-{i}") for i in range(3)],
    ]
    crawl = crawl_of(serve(*served), repositories="repositories.txt")
    listed(crawl, *(str(found.id) for found in served), "org/taken", "org/banned", "org/none")
    states = crawl.items("repository")
    assert {key: states[key] for key in list(states)[:6]} == {
        "70001": "dmca",
        "70002": "blocked",
        "70003": "not_found",
        "70004": "not_found",
        "70005": "empty",
        "70006": "disabled",
    }
    assert states["name:org/taken"] == "dmca"
    assert states["name:org/none"] == "not_found"


def test_a_null_is_not_believed_before_node_ids_have_proved_right(
    serve: Serve, crawl_of: CrawlOf
) -> None:
    crawl = crawl_of(serve(), repositories="repositories.txt")
    listed(crawl, "70001", "70002")
    assert len(crawl.asked("/repositories/7000")) == 2
    assert set(crawl.items("repository").values()) == {"not_found"}


def test_a_query_that_fails_is_halved_and_then_asked_of_rest(
    serve: Serve, crawl_of: CrawlOf, bare: dict[str, object]
) -> None:
    standin = serve(*[repository(70000 + i, f"org/name-{i}", **bare) for i in range(4)])
    standin.server.inject(Fault(kind="server_error", match="graphql", times=None))
    crawl = crawl_of(standin, repositories="repositories.txt")
    listed(crawl, *(str(70000 + i) for i in range(4)))
    assert len(crawl.asked("graphql")) == 7
    assert len(crawl.asked("/repositories/7000")) == 4
    assert len(crawl.asked("info/refs")) == 4


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"created_before": date(2020, 1, 1)}, "created_after"),
        ({"forks": False}, "fork"),
        ({"archived": False}, "archived"),
        ({"min_stars": 6}, "too_few_stars"),
        ({"max_repository_bytes": 6 * 1024}, "too_large"),
    ],
)
def test_new_rules_decide_without_a_request(
    serve: Serve, crawl_of: CrawlOf, change: dict[str, object], reason: str
) -> None:
    served = repository(70001, "org/name", is_fork=True, is_archived=True, disk_usage_kib=7)
    crawl = listed(crawl_of(serve(served), repositories="repositories.txt"), "70001")
    before = crawl.settings
    crawl.standin.server.forget_requests()
    crawl.change(**change).run()
    assert (crawl.items("repository"), crawl.items("content")) == (
        {"70001": reason},
        {"70001": reason},
    )
    crawl.settings = before
    crawl.run()
    assert (crawl.items("repository"), crawl.items("content")) == (
        {"70001": "done"},
        {"70001": "waiting"},
    )
    assert crawl.asked() == []


def test_who_opted_out_is_never_asked_for_by_name(
    serve: Serve, crawl_of: CrawlOf, tmp_path: Path, bare: dict[str, object]
) -> None:
    names = {70001: "Org/Name", 70002: "out/name", 70003: "a/b"}
    served = [repository(number, name, **bare) for number, name in names.items()]
    crawl = crawl_of(serve(*served), repositories="repositories.txt", organisations=("out",))
    crawl.opt_out = tmp_path / "opt-out.txt"
    crawl.opt_out.write_text("OUT\norg/name # asked us\nexample.org\n", encoding="utf-8")
    crawl.environment = {}
    listed(crawl, "org/name", "out/name", "70001", "a/b")
    assert crawl.items("repository") == {
        "70001": "opted_out",
        "70003": "done",
        "name:org/name": "opted_out",
        "name:out/name": "opted_out",
    }
    assert crawl.items("listing") == {"org:out": "opted_out"}
    assert not crawl.asked("out")
    assert not crawl.asked("name")


def test_a_shorter_opt_out_list_lets_them_be_asked_for(
    serve: Serve, crawl_of: CrawlOf, tmp_path: Path
) -> None:
    crawl = crawl_of(serve(repository(70001, "org/name")), repositories="repositories.txt")
    crawl.opt_out = tmp_path / "opt-out.txt"
    crawl.opt_out.write_text("org\n", encoding="utf-8")
    listed(crawl, "org/name")
    crawl.opt_out.write_text("\n", encoding="utf-8")
    assert crawl.run().items("content") == {"70001": "waiting"}


def test_node_ids_have_the_form_that_github_gives() -> None:
    assert repository_node_id(358664529) == "R_kgDOFWDJUQ"  # cli/cli issue 10583
    assert repository_node_id(1296269) == "R_kgDOABPHjQ"


def test_the_head_of_a_list_of_references_is_read() -> None:
    sha = "a" * 40
    intro = b"001e# service=git-upload-pack\n0000"
    first = f"{sha} HEAD\0multi_ack symref=HEAD:refs/heads/main\n".encode()
    body = intro + b"%04x" % (len(first) + 4) + first + b"003f"
    assert parse_head(body) == sha
    empty = b"0" * 40 + b" capabilities^{}\0agent=git\n"
    assert parse_head(intro + b"%04x" % (len(empty) + 4) + empty + b"0000") is None
    for broken in (b"", b"<html>", intro):
        with pytest.raises(ValueError, match=r"."):
            parse_head(broken)
