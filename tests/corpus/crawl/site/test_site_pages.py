"""What becomes of one page: kept, or recorded with the reason why no build reads it."""

import gzip

import pytest
from aiohttp import web

from gristmill.corpus.crawl.run import CrawlResult
from gristmill.corpus.standins.server import Loopback

from .site_tools import Answers, SiteRun, app_of, asked, page, redirect

HTML = {"Content-Type": "text/html; charset=utf-8"}


def crawl(run: SiteRun, answers: Answers, **settings: object) -> tuple[CrawlResult, list[str]]:
    """Crawl a site from its root; return the result and the paths that were asked for."""
    with Loopback(app_of(answers)) as server:
        result = run(f"{server.url}/", **settings)
        return result, asked(server)[1:]


def html(body: str, **headers: str) -> web.Response:
    return web.Response(
        body=body.encode(),
        headers=HTML | {name.replace("_", "-"): value for name, value in headers.items()},
    )


def test_a_page_that_asks_not_to_be_kept_is_recorded_and_its_links_are_followed(
    run: SiteRun,
) -> None:
    noindex = page("list", "/a", head='<meta name="robots" content="noindex">')
    result, _ = crawl(run, {"/": noindex, "/a": page("page a")})
    assert result.refused["page"] == {"noindex": 1}
    assert run.paths() == ["a"]


def test_a_page_that_asks_not_to_be_followed_is_kept(run: SiteRun) -> None:
    answers: Answers = {"/": html(page("list", "/a"), X_Robots_Tag="gristmill: nofollow")}
    result, paths = crawl(run, answers)
    assert (paths, run.paths()) == (["/"], [""])
    assert result.refused["link"] == {"nofollow": 1}


def test_the_rules_of_each_robots_header_are_for_whom_it_names(run: SiteRun) -> None:
    answer = html(page("a page"), X_Robots_Tag="otherbot: nofollow")
    answer.headers.add("X-Robots-Tag", "noindex")
    result, _ = crawl(run, {"/": lambda request: answer_again(answer)})
    assert result.refused["page"] == {"noindex": 1}


def answer_again(answer: web.Response) -> web.Response:
    return web.Response(body=answer.body, headers=answer.headers)


def test_text_of_other_types_is_kept_and_a_picture_is_not_read(run: SiteRun) -> None:
    answers: Answers = {
        "/": page("", "/notes", "/data", "/picture"),
        "/notes": web.Response(text="plain notes"),
        "/data": web.Response(text="{}", content_type="application/ld+json"),
        "/picture": web.Response(body=b"\x89PNG" * 50_000, content_type="image/png"),
    }
    result, _ = crawl(run, answers)
    assert result.done["page"] == 3
    assert result.refused["page"] == {"type": 1}
    assert result.done_bytes < 2000


def test_a_longer_page_is_cut_and_says_so(run: SiteRun) -> None:
    answers: Answers = {"/": page("word " * 1000)}
    result, _ = crawl(run, answers, max_page_bytes=500)
    (row,) = run.rows()
    assert row.num_bytes == 500
    records = b"".join(gzip.decompress(path.read_bytes()) for path in run.archives("warc"))
    assert b"WARC-Truncated: length\r\n" in records
    assert result.done["page"] == 1


def test_a_page_that_is_sent_packed_is_read_all_the_same(run: SiteRun) -> None:
    packed = gzip.compress(page("a packed page", "/a").encode())
    answers: Answers = {
        "/": web.Response(body=packed, headers=HTML | {"Content-Encoding": "gzip"}),
        "/a": page("page a"),
    }
    crawl(run, answers)
    assert [(row.text or "")[:13] for row in run.rows()] == ["a packed page", "page a"]


@pytest.mark.parametrize("coding", ["br", "gzip"])
def test_what_cannot_be_unpacked_is_no_page(run: SiteRun, coding: str) -> None:
    answer = web.Response(body=b"not packed", headers=HTML | {"Content-Encoding": coding})
    result, _ = crawl(run, {"/": answer})
    assert result.refused["page"] == {"coding": 1}


def test_a_page_with_session_ids_is_known_by_its_canonical_url(run: SiteRun) -> None:
    canonical = '<link rel="canonical" href="/a">'
    answers: Answers = {
        "/": page("", "/a", "/a?session=1", "/a?session=2"),
        "*": page("page a", head=canonical),
    }
    result, _ = crawl(run, answers)
    assert run.paths() == ["", "a"]
    assert result.refused["page"] == {"canonical": 2}


def test_links_are_relative_to_the_base_of_a_page(run: SiteRun) -> None:
    _, paths = crawl(run, {"/": page("", "a", head='<base href="/deep/er/">')})
    assert paths == ["/", "/deep/er/a"]


def test_a_charset_that_is_not_the_true_one_loses_no_link(run: SiteRun) -> None:
    body = page("Grüße aus Köln, schöne Mühle", "/größe").encode("cp1252")
    answers: Answers = {"/": web.Response(body=body, headers=HTML)}
    _, paths = crawl(run, answers)
    assert paths == ["/", "/gr%C3%B6%C3%9Fe"]
    assert "Mühle" in (run.rows()[0].text or "")


def test_a_redirect_out_of_scope_is_counted(run: SiteRun) -> None:
    result, _ = crawl(run, {"/": redirect("http://other.example/")})
    assert result.refused == {"page": {"redirect_outside": 1}}


def test_links_to_other_hosts_are_followed_only_where_they_are_included(run: SiteRun) -> None:
    with Loopback(app_of({"/in": page("inside"), "/out": page("outside")})) as other:
        links = (f"{other.url}/in", f"{other.url}/out")
        result, _ = crawl(run, {"/": page("", *links)}, include=("/in$",))
        assert asked(other) == ["/robots.txt", "/in"]
    assert result.refused["link"] == {"outside": 1}
