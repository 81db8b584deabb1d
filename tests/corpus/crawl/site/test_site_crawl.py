"""A site is crawled in order, within its bounds, and nothing of it twice."""

from collections.abc import Iterator

import pytest

from gristmill.corpus.standins.server import Loopback

from .site_tools import ROBOTS, Answers, SiteRun, app_of, asked, page, redirect

SITE: Answers = {
    "/robots.txt": ROBOTS,
    "/docs/": page("the start", "b.html", "a.html", "/other/", "mailto:x@example.org"),
    "/docs/a.html": page("page a", "c.html", "b.html", "#top"),
    "/docs/b.html": page("page b", "old.html", "gone.html", "logo.png"),
    "/docs/c.html": page("page c"),
    "/docs/old.html": redirect("/docs/new.html", 301),
    "/docs/new.html": page("the new page"),
}
ORDER = ["", "b.html", "a.html", "old.html", "gone.html", "c.html", "new.html"]
KEPT = ["docs/", "docs/b.html", "docs/a.html", "docs/c.html", "docs/new.html"]


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback(app_of(SITE)) as loopback:
        yield loopback


def test_pages_come_by_their_distance_and_then_as_they_were_found(
    run: SiteRun, server: Loopback
) -> None:
    assert run(f"{server.url}/docs/").is_complete
    assert asked(server) == ["/robots.txt", *(f"/docs/{name}" for name in ORDER)]


def test_a_build_reads_the_pages_and_nothing_else(run: SiteRun, server: Loopback) -> None:
    run(f"{server.url}/docs/")
    assert run.paths() == KEPT
    texts = [row.text or "" for row in run.rows()]
    assert [text.partition(" to ")[0] for text in texts] == [
        *("the start", "page b", "page a", "page c", "the new page"),
    ]


def test_what_is_not_kept_is_counted_by_reason(run: SiteRun, server: Loopback) -> None:
    result = run(f"{server.url}/docs/")
    assert result.done == {"page": 5, "robots": 1}
    assert result.refused == {
        "link": {"file_type": 1, "not_web": 1, "outside": 1},
        "page": {"http_404": 1, "redirect": 1},
    }


def test_a_second_run_asks_for_nothing(run: SiteRun, server: Loopback) -> None:
    first = run(f"{server.url}/docs/")
    before = run.manifest()
    server.forget_requests()
    second = run(f"{server.url}/docs/")
    assert (asked(server), second) == ([], first)
    assert run.manifest() == before


def test_the_manifest_lists_closed_files_with_their_digests(run: SiteRun, server: Loopback) -> None:
    run(f"{server.url}/docs/")
    manifest = run.manifest()
    host = f"127.0.0.1_{server.port}-00000.warc.gz"
    assert [file.name for file in manifest.files] == [f"diagnostics/{host}", f"warc/{host}"]
    assert [file.num_items for file in manifest.files] == [3, 5]
    assert (manifest.kind, manifest.is_complete, manifest.missing) == ("site", True, {})


def test_a_full_file_is_followed_by_another(run: SiteRun, server: Loopback) -> None:
    run(f"{server.url}/docs/", max_segment_bytes=1)
    names = [file.name for file in run.manifest().files if file.name.startswith("warc/")]
    assert len(names) == len(KEPT)
    assert run.paths() == KEPT


def test_every_request_says_who_we_are(run: SiteRun, server: Loopback) -> None:
    run(f"{server.url}/docs/")
    agents = {request.headers["user-agent"] for request in server.requests}
    (agent,) = agents
    assert agent.startswith("gristmill/")
    assert agent.endswith("(+mailto:test@example.org)")


def test_a_budget_of_pages_is_kept_and_a_larger_one_goes_on(run: SiteRun, server: Loopback) -> None:
    result = run(f"{server.url}/docs/", max_pages=3)
    assert asked(server) == ["/robots.txt", *(f"/docs/{name}" for name in ORDER[:3])]
    assert result.is_complete
    assert result.refused["page"] == {"max_pages": 3}
    run(f"{server.url}/docs/", max_pages=9)
    assert asked(server) == ["/robots.txt", *(f"/docs/{name}" for name in ORDER)]


def test_a_budget_of_bytes_ends_a_crawl(run: SiteRun, server: Loopback) -> None:
    result = run(f"{server.url}/docs/", max_bytes=len(f"{ROBOTS.text}{SITE['/docs/']}"))
    assert asked(server) == ["/robots.txt", "/docs/"]
    assert result.refused["page"] == {"max_bytes": 2}


def test_pages_beyond_the_depth_are_not_asked_for(run: SiteRun, server: Loopback) -> None:
    result = run(f"{server.url}/docs/", max_depth=1)
    assert asked(server) == ["/robots.txt", "/docs/", "/docs/b.html", "/docs/a.html"]
    assert result.refused["link"]["depth"] == 4


def test_another_scope_is_said_to_hold_for_new_pages_only(run: SiteRun, server: Loopback) -> None:
    run(f"{server.url}/docs/", max_pages=1)
    result = run(f"{server.url}/docs/", exclude=("/a[.]html$",))
    assert "its bounds have changed" in run.notes[0]
    assert result.refused["page"]["excluded"] == 1
    assert "/docs/a.html" not in asked(server)


def test_who_opted_out_is_not_asked(run: SiteRun, server: Loopback) -> None:
    (run.folder / "opt-out.txt").write_text(f"{server.url}/docs/b.html\n")
    run.opt_out("opt-out.txt")
    result = run(f"{server.url}/docs/")
    assert "/docs/b.html" not in asked(server)
    assert result.refused["link"]["opt_out"] == 2


def test_a_host_that_opted_out_is_not_even_asked_for_its_rules(
    run: SiteRun, server: Loopback
) -> None:
    (run.folder / "opt-out.txt").write_text("127.0.0.1\n")
    run.opt_out("opt-out.txt")
    result = run(f"{server.url}/docs/")
    assert asked(server) == []
    assert result.refused == {"page": {"opt_out": 1}}


def test_each_host_has_its_own_file_and_its_own_totals(run: SiteRun, server: Loopback) -> None:
    with Loopback(app_of({"/": page("another site")})) as other:
        result = run(f"{server.url}/docs/", f"{other.url}/")
        names = [file.name for file in run.manifest().files if file.name.startswith("warc/")]
        assert names == sorted(
            f"warc/127.0.0.1_{each.port}-00000.warc.gz" for each in (server, other)
        )
        assert {host.host: host.requests for host in result.hosts} == {
            f"127.0.0.1:{each.port}": len(each.requests) for each in (server, other)
        }


def test_no_host_waits_for_another(run: SiteRun) -> None:
    links = [f"/{i}" for i in range(30)]
    answers: Answers = {"/robots.txt": ROBOTS, "/": page("", *links), "*": page("a page")}
    with Loopback(app_of(answers)) as one, Loopback(app_of(answers)) as other:
        run(f"{one.url}/", f"{other.url}/", max_pages=20)
        assert min(len(one.requests), len(other.requests)) > 3
