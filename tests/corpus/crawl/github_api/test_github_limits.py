"""Tokens and limits: who asks when, what GitHub's refusals lead to, and that no secret shows."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gristmill.corpus.crawl.github.credentials import read_tokens
from gristmill.corpus.crawl.github.tokens import REST_POINTS, Token
from gristmill.corpus.crawl.settings import Endpoints, GithubCrawl
from gristmill.corpus.errors import GristmillError
from gristmill.corpus.standins.faults import Fault
from gristmill.corpus.standins.github import GithubStandin, Limits

from .github_crawl import TOKEN, Crawl, repository

Serve = Callable[..., GithubStandin]
CrawlOf = Callable[..., Crawl]
OTHER = "github_pat_the_other_token"
BAD = "github_pat_a_token_gone_bad"
NAMES = [f"org/name-{i}" for i in range(6)]


def served(**changes: object) -> list[object]:
    return [repository(70000 + i, name, **changes) for i, name in enumerate(NAMES)]


def anonymous(crawl: Crawl) -> Crawl:
    crawl.environment = {}
    return crawl.listing(*NAMES)


def test_a_spent_quota_is_waited_for(
    serve: Serve, crawl_of: CrawlOf, bare: dict[str, object]
) -> None:
    limits = Limits(anonymous_requests=4, window_seconds=1.5)
    standin = serve(*served(**bare), limits=limits)
    crawl = anonymous(crawl_of(standin, repositories="repositories.txt")).run()
    assert len(crawl.items("content")) == len(NAMES)
    assert len(crawl.asked("/repos/")) <= len(NAMES) + 1


def test_without_a_token_it_says_so_and_asks_rest_and_git(
    serve: Serve, crawl_of: CrawlOf, bare: dict[str, object]
) -> None:
    crawl = anonymous(crawl_of(serve(*served(**bare)), repositories="repositories.txt")).run()
    assert len(crawl.asked("/repos/")) == len(crawl.asked("info/refs")) == len(NAMES)
    assert crawl.notes == ["no token: GitHub allows 60 requests an hour without one"]


def test_graphqls_own_quota_is_waited_for(serve: Serve, crawl_of: CrawlOf) -> None:
    many = [repository(70000 + i, f"org/name-{i}") for i in range(150)]
    standin = serve(*many, limits=Limits(graphql_points=1, window_seconds=1.5))
    crawl = crawl_of(standin, since=0).run()
    assert len(crawl.items("content")) == 150
    assert len(crawl.asked("/repositories/")) == 0


def test_a_crawl_that_waits_for_its_quota_can_be_stopped(
    serve: Serve, crawl_of: CrawlOf, bare: dict[str, object]
) -> None:
    standin = serve(*served(**bare), limits=Limits(anonymous_requests=2))
    crawl = anonymous(crawl_of(standin, repositories="repositories.txt"))
    crawl.stop_at_note = "waiting until"
    crawl.run()
    assert list(crawl.items("repository").values()).count("waiting") == len(NAMES) - 2


def test_a_spent_token_leaves_the_work_to_the_others(serve: Serve, crawl_of: CrawlOf) -> None:
    limits = Limits(tokens=frozenset((TOKEN, OTHER)), requests=3, window_seconds=3600)
    standin = serve(*[repository(70000 + i, f"o{i}/name") for i in range(6)], limits=limits)
    crawl = crawl_of(standin, users=tuple(f"o{i}" for i in range(6)))
    crawl.environment = {"GITHUB_TOKEN": f"{TOKEN}, {OTHER}"}
    crawl.run()
    assert len(crawl.items("content")) == 6
    used = [request.headers["authorization"] for request in standin.requests]
    assert {used.count(f"Bearer {token}") >= 3 for token in (TOKEN, OTHER)} == {True}


@pytest.mark.parametrize("seconds", [1, None])
def test_a_secondary_limit_is_waited_out(
    serve: Serve, crawl_of: CrawlOf, seconds: int | None
) -> None:
    standin = serve(*served())
    standin.server.inject(Fault(kind="too_many_requests", times=2, retry_after_seconds=seconds))
    crawl = crawl_of(standin, organisations=("org",)).run()
    assert len(crawl.items("content")) == len(NAMES)
    rests = [note.rpartition(": ")[2] for note in crawl.notes]
    assert rests == (["rests 1 s", "rests 1 s"] if seconds else ["rests 0 s", "rests 0 s"])


def test_a_secondary_limit_without_end_is_given_up(serve: Serve, crawl_of: CrawlOf) -> None:
    standin = serve(*served(), limits=Limits(max_points=0, retry_after_seconds=None))
    crawl = crawl_of(standin, organisations=("org",))
    crawl.secondary_seconds = 0.0
    assert crawl.run().items("listing") == {"org:org": "secondary_limit"}


def test_the_wait_after_secondary_limits_doubles_until_an_answer_counts() -> None:
    token = Token("secret")
    waits = [token.blocked(None, 60.0, 1000.0) for _ in range(3)]
    token.succeeded()
    assert [*waits, token.blocked(None, 60.0, 1000.0)] == [60.0, 120.0, 240.0, 60.0]
    assert token.ready_at("core", 1000.0) == 1240.0


def test_a_minutes_points_are_not_exceeded() -> None:
    token = Token("secret")
    for _ in range(REST_POINTS):
        assert token.ready_at("core", 1000.0) <= 1000.0
        token.spend_point("core", 1000.0)
    assert token.ready_at("core", 1000.0) == 1060.0
    assert token.ready_at("graphql", 1000.0) <= 1000.0


def test_a_bad_token_is_left_out_and_only_its_end_is_shown(serve: Serve, crawl_of: CrawlOf) -> None:
    crawl = crawl_of(serve(*served()), repositories="repositories.txt").listing(*NAMES)
    crawl.environment = {"GITHUB_TOKEN": f"{BAD} {TOKEN}"}
    crawl.run()
    assert len(crawl.items("content")) == len(NAMES)
    assert crawl.notes == ["GitHub does not accept the token ..._bad: it is left out"]


def test_when_the_last_token_is_bad_the_crawl_ends(serve: Serve, crawl_of: CrawlOf) -> None:
    crawl = crawl_of(serve(*served()), repositories="repositories.txt").listing(*NAMES)
    crawl.environment = {"GITHUB_TOKEN": BAD}
    with pytest.raises(GristmillError, match=r"accepts no token") as caught:
        crawl.run()
    assert BAD not in str(caught.value)


def test_no_file_and_no_note_holds_a_token(serve: Serve, crawl_of: CrawlOf, tmp_path: Path) -> None:
    limits = Limits(tokens=frozenset((TOKEN, OTHER)), retry_after_seconds=None)
    standin = serve(*served(), limits=limits)
    standin.server.inject(Fault(kind="server_error", times=2), Fault(kind="reset", first=2))
    crawl = crawl_of(standin, organisations=("org",), issues=True)
    crawl.environment = {"GITHUB_TOKEN": f"{TOKEN} {OTHER} {BAD}"}
    crawl.run()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    written += " ".join(crawl.notes).encode()
    assert not [token for token in (TOKEN, OTHER, BAD) if token.encode() in written]
    assert repr(Token(OTHER)) == "Token(...oken)"


def test_a_firewalls_page_stops_the_host(serve: Serve, crawl_of: CrawlOf) -> None:
    standin = serve(*served())
    standin.server.inject(Fault(kind="blocked", times=None))
    crawl = crawl_of(standin, repositories="repositories.txt", organisations=("org",))
    crawl.listing(*NAMES).run()
    assert set(crawl.items("repository").values()) == {"waiting"}
    assert any("given up for this run" in note for note in crawl.notes)


@pytest.mark.parametrize("kind", ["server_error", "slow_down", "reset", "empty_reply"])
def test_what_may_pass_is_survived(serve: Serve, crawl_of: CrawlOf, kind: str) -> None:
    standin = serve(*served())
    standin.server.inject(
        Fault(kind=kind, match="orgs", times=2),  # type: ignore[arg-type]
        Fault(kind=kind, match="graphql", times=2),  # type: ignore[arg-type]
    )
    crawl = crawl_of(standin, organisations=("org",)).run()
    assert len(crawl.items("content")) == len(NAMES)


def test_a_redirect_out_of_the_api_is_refused(serve: Serve, crawl_of: CrawlOf) -> None:
    standin = serve(*served())
    standin.server.inject(
        Fault(kind="redirect", location="http://169.254.169.254/api/", match="orgs", times=None)
    )
    crawl = crawl_of(standin, organisations=("org",)).run()
    assert crawl.items("listing") == {"org:org": "refused_host"}


def test_a_redirect_loop_fails_and_says_so(serve: Serve, crawl_of: CrawlOf) -> None:
    standin = serve(*served())
    standin.server.inject(Fault(kind="redirect_loop", match="orgs", times=None))
    crawl = crawl_of(standin, organisations=("org",)).run()
    assert crawl.items("listing") == {"org:org": "redirect_loop"}


def test_a_name_that_does_not_resolve_fails_and_says_so(serve: Serve, crawl_of: CrawlOf) -> None:
    crawl = crawl_of(serve(), organisations=("org",))
    crawl.endpoints = Endpoints(github_api="http://api.invalid")
    assert crawl.run().items("listing") == {"org:org": "dns"}


def test_tokens_of_a_file_are_read_and_an_open_file_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("# mine\nfirst_token\n\nsecond_token\nfirst_token\n", encoding="utf-8")
    path.chmod(0o644)
    notes: list[str] = []
    settings = GithubCrawl(name="test", since=0, token_file="tokens")
    found = read_tokens(settings, base=tmp_path, environment={}, note=notes.append)
    assert found == ["first_token", "second_token"]
    assert "others can read" in notes[0]
    path.chmod(0o600)
    read_tokens(settings, base=tmp_path, environment={}, note=notes.append)
    assert len(notes) == 1


def test_a_malformed_token_is_refused_without_being_shown(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("first second\n", encoding="utf-8")
    settings = GithubCrawl(name="test", since=0, token_file="tokens")
    with pytest.raises(GristmillError, match="characters that none") as caught:
        read_tokens(settings, base=tmp_path, environment={}, note=print)
    assert "first" not in str(caught.value)
