"""A site that means harm costs a bounded number of bytes and requests, and reaches nothing else."""

import asyncio
import gzip
import socketserver
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager

import msgspec
import pytest
from aiohttp import web

from gristmill.corpus.standins.server import Loopback

from .site_tools import MANNERS, Answers, SiteRun, app_of, asked, page, redirect, times_asked

# Of the cloud's metadata, this machine in five spellings, a home and a tunnel.
PRIVATE = [
    *("http://169.254.169.254/latest/meta-data/", "http://127.0.0.1/", "http://localhost/"),
    *("http://[::1]/", "http://2130706433/", "http://0x7f.1/", "http://192.168.0.1/"),
    "http://[::ffff:10.0.0.1]/",
]


@pytest.mark.parametrize("target", PRIVATE)
def test_a_redirect_to_a_private_address_is_refused(run: SiteRun, target: str) -> None:
    with Loopback(app_of({"/": redirect(target)})) as server:
        result = run.by_name(server, "http://docs.test/", include=(".",))
        assert asked(server) == ["/robots.txt", "/"]
    # A name has no address here: real resolvers are asked in tests of the guard.
    reasons = {"robots_dns"} if "localhost" in target else {"refused_address", "redirect"}
    found = {**result.refused.get("page", {}), **result.failed.get("page", {})}
    assert reasons <= set(found)


def test_this_machine_is_not_crawled_without_leave(run: SiteRun) -> None:
    run.settings = msgspec.structs.replace(run.settings, allow_loopback=False)
    with Loopback(app_of({"/": page()})) as server:
        result = run(f"{server.url}/")
        assert asked(server) == []
    assert result.refused == {
        "page": {"refused_address": 1},
        "robots": {"refused_address": 1},
    }


def test_robots_txt_does_not_lead_into_a_private_network(run: SiteRun) -> None:
    with Loopback(app_of({"/robots.txt": redirect(PRIVATE[0])})) as server:
        result = run.by_name(server, "http://docs.test/")
        assert asked(server) == ["/robots.txt"]
    assert result.refused["page"] == {"refused_address": 1}


def test_a_calendar_without_end_ends_at_the_budget(run: SiteRun) -> None:
    def month(request: web.Request) -> web.Response:
        number = int(request.query.get("month", "0"))
        links = (f"/calendar?month={number + step}" for step in (1, 2, 12))
        return web.Response(text=page(f"month {number}", *links), content_type="text/html")

    answers: Answers = {"/robots.txt": web.Response(status=404), "*": month}
    with Loopback(app_of(answers)) as server:
        result = run(f"{server.url}/calendar", max_pages=30)
        assert len(asked(server)) == 31
    assert result.is_complete
    assert result.refused["page"]["max_pages"] > 0


def test_links_without_end_do_not_fill_the_ledger(run: SiteRun) -> None:
    def many(request: web.Request) -> web.Response:
        links = (f"{request.path}{i}/" for i in range(300))
        return web.Response(text=page("", *links), content_type="text/html")

    with Loopback(app_of({"/robots.txt": web.Response(status=404), "*": many})) as server:
        result = run(f"{server.url}/", max_pages=5)
    assert result.refused["page"]["max_pages"] <= 4 * 5
    assert result.refused["link"]["max_pages"] >= 5 * 300 - 4 * 5 - 5


def test_paths_that_repeat_themselves_are_left(run: SiteRun) -> None:
    answers: Answers = {"/robots.txt": web.Response(status=404), "*": page("", "a/")}
    with Loopback(app_of(answers)) as server:
        result = run(f"{server.url}/")
        assert asked(server)[-1] == "/a/a/a/"
    assert result.refused["link"] == {"repeated_segments": 1}


def test_a_bomb_is_not_unpacked_beyond_the_bound(run: SiteRun) -> None:
    bomb = gzip.compress(page("word " * 2_000_000).encode())
    headers = {"Content-Type": "text/html", "Content-Encoding": "gzip"}
    answers: Answers = {"/": web.Response(body=bomb, headers=headers)}
    with Loopback(app_of(answers)) as server:
        result = run(f"{server.url}/", max_page_bytes=100_000)
    assert result.refused["page"] == {"coding": 1}


Handler = Callable[[web.Request], Coroutine[None, None, web.StreamResponse]]


def endless(chunk: bytes, wait_seconds: float) -> web.Application:
    """Return a site whose one page never ends."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path != "/":
            return web.Response(status=404)
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        await response.prepare(request)
        for _ in range(1_000_000):
            await response.write(chunk)
            await asyncio.sleep(wait_seconds)
        return response

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    return app


def test_a_page_without_end_is_cut(run: SiteRun) -> None:
    with Loopback(endless(b"<p>more and more</p>" * 5000, 0)) as server:
        result = run(f"{server.url}/", max_page_bytes=1 << 20)
        assert times_asked(server)["/"] == 1
    assert (result.done["page"], result.done_bytes) == (1, 1 << 20)


def test_a_page_that_trickles_is_given_up(run: SiteRun) -> None:
    manners = msgspec.structs.replace(MANNERS, low_speed_seconds=0.2)
    with Loopback(endless(b"<p>", 0.02)) as server:
        result = run(f"{server.url}/", manners=manners)
    assert result.failed == {"page": {"slow": 1}}


def test_redirects_in_a_circle_or_without_end_are_given_up(run: SiteRun) -> None:
    def further(request: web.Request) -> web.Response:
        return redirect(f"/further/{int(request.path.rpartition('/')[2]) + 1}")

    answers: Answers = {
        "/": page("", "/one", "/further/1"),
        "/robots.txt": web.Response(status=404),
        "/one": redirect("/two"),
        "/two": redirect("/one"),
        "*": further,
    }
    with Loopback(app_of(answers)) as server:
        result = run(f"{server.url}/")
        assert "/further/7" not in asked(server)
    assert result.failed == {"page": {"redirect_loop": 2}}
    assert not result.is_complete


def test_a_host_that_fails_again_and_again_is_left_for_another_run(run: SiteRun) -> None:
    links = [f"/{i}" for i in range(50)]
    answers: Answers = {
        "/": page("", *links),
        "/robots.txt": web.Response(status=404),
        "*": web.Response(status=500),
    }
    with Loopback(app_of(answers)) as server:
        result = run(f"{server.url}/")
        assert len(asked(server)) == 2 + 10 * MANNERS.max_attempts
    assert result.failed["page"]["host_down"] == 50


IMPOSSIBLE = [
    *("http://a..b/", "http://.a/", "http://xn--a/", "http://xn--$aa/", "http://a:99999/"),
    *("http://%41%zz/", "http://*/", "http://[v1.x]/", "http://[::1%25eth0]/", "http://a:0/"),
    *(f"http://{'a' * 64}.example/", f"http://{'a.' * 200}/", "http://\u2100/"),
]


@pytest.mark.parametrize("target", IMPOSSIBLE)
def test_a_host_that_cannot_be_does_not_end_the_crawl(run: SiteRun, target: str) -> None:
    answers: Answers = {
        "/": page("", target, "/a", "/moved"),
        "/a": page("page a"),
        "/moved": redirect(target.encode().decode("latin-1")),
    }
    with Loopback(app_of(answers)) as server:
        result = run(f"{server.url}/", include=(".",))
    assert result.done["page"] == 2
    reasons = {**result.refused["page"], **result.failed.get("page", {})}
    assert {"refused_url", "robots_dns"} & set(reasons)


@pytest.mark.parametrize("target", IMPOSSIBLE[:3])
def test_rules_that_lie_at_a_host_that_cannot_be_are_missing(run: SiteRun, target: str) -> None:
    with Loopback(app_of({"/robots.txt": redirect(target)})) as server:
        result = run(f"{server.url}/")
    assert not result.done


@contextmanager
def answering(data: bytes) -> Iterator[str]:
    """Yield the address of a server that answers every request with these bytes."""

    class Answer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(data)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


HEAD = b"HTTP/1.1 200 Gr\xc3\xbc\xdf\r\nContent-Type: text/html\r\nContent-Length: 11\r\n"


@pytest.mark.parametrize("header", [b"X: \xfc\xff", b"X: \xe9" + b"\xa0" * 3000, b"X:"])
def test_an_answer_with_odd_bytes_in_its_head_is_archived(run: SiteRun, header: bytes) -> None:
    with answering(HEAD + header + b"\r\n\r\n<p>a page</p>"[:15]) as url:
        assert run(f"{url}/").done["page"] == 1
    (archive,) = run.archives("warc")
    assert b"\r\n" + header.strip() in gzip.decompress(archive.read_bytes())


@pytest.mark.parametrize(
    "answer",
    [b"", b"no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"],
)
def test_what_is_no_http_is_missing(run: SiteRun, answer: bytes) -> None:
    with answering(answer) as url:
        result = run(f"{url}/")
    assert set(result.failed["robots"]) <= {"connection", "protocol"}


def test_a_start_that_is_no_page_is_named(run: SiteRun) -> None:
    with Loopback(app_of({"/": redirect("https://www.docs.example/")})) as server:
        assert run(f"{server.url}/").is_complete
    assert run.notes == [
        f"{server.url}/ leads to https://www.docs.example/, which is refused: outside",
        f"{server.url}/, where the crawl starts, is no page: redirect_outside",
    ]
