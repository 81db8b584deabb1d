"""Requests: what is tried again, what is refused, and where a body goes on."""

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from gristmill.corpus.crawl.attempts import FetchError
from gristmill.corpus.crawl.fetcher import Answer, Fetcher
from gristmill.corpus.crawl.guard import Guard
from gristmill.corpus.crawl.manners import Manners
from gristmill.corpus.crawl.verdict import judge_archive
from gristmill.corpus.standins.faults import Fault, FaultKind
from gristmill.corpus.standins.server import Loopback

MakeFetcher = Callable[..., Fetcher]
MANY = 10


def get(fetcher: Fetcher, url: str, **options: object) -> Answer:
    async def run() -> Answer:
        async with fetcher:
            return await fetcher.get(url, max_bytes=1 << 20, **options)  # type: ignore[arg-type]

    return asyncio.run(run())


def read(fetcher: Fetcher, url: str, **options: object) -> bytes:
    async def run() -> bytes:
        async with fetcher:
            pieces = fetcher.chunks(url, **options)  # type: ignore[arg-type]
            return b"".join([piece async for piece in pieces])

    return asyncio.run(run())


def failure(fetcher: Fetcher, url: str, **options: object) -> str:
    with pytest.raises(FetchError) as caught:
        get(fetcher, url, **options)
    return caught.value.reason


def test_a_whole_answer_is_returned(
    server: Loopback, make_fetcher: MakeFetcher, content: bytes
) -> None:
    answer = get(make_fetcher(), f"{server.url}/data.bin")
    assert (answer.status, answer.body, answer.address) == (200, content, "127.0.0.1")
    assert server.requests[0].headers["user-agent"].startswith("gristmill-test (+mailto:")


def test_the_head_of_an_answer_says_how_much_of_it_is_read(
    server: Loopback, make_fetcher: MakeFetcher, content: bytes
) -> None:
    url = f"{server.url}/data.bin"
    half = get(make_fetcher(), url, may_truncate=True, limit_of=lambda reply: len(content) // 2)
    none = get(make_fetcher(), url, may_truncate=True, limit_of=lambda reply: 0)
    assert (half.body, half.is_truncated) == (content[: len(content) // 2], True)
    assert (none.body, none.is_truncated) == (b"", True)


def test_an_answer_tells_what_was_asked_and_when(
    server: Loopback, make_fetcher: MakeFetcher
) -> None:
    answer = get(make_fetcher(), f"{server.url}/data.bin", headers={"If-Match": "*"})
    asked = {name.lower(): value for name, value in answer.request_headers}
    assert asked == server.requests[0].headers
    assert abs(answer.asked_at - time.time()) < 3600


def test_a_host_that_is_met_already_is_given_other_manners(
    server: Loopback, make_fetcher: MakeFetcher, quick: Manners
) -> None:
    fetcher, url = make_fetcher(), f"{server.url}/data.bin"
    host = f"127.0.0.1:{server.port}"

    async def run() -> float:
        async with fetcher:
            await fetcher.get(url, max_bytes=1 << 20)
            slower = msgspec.structs.replace(quick, requests_per_second=20, burst=1)
            fetcher.hosts.set_manners(host, slower)
            for _ in range(2):
                await fetcher.get(url, max_bytes=1 << 20)
        return fetcher.hosts.get(host).counts.waited_seconds

    assert asyncio.run(run()) >= 2 / 20 * 0.9


def test_what_may_not_be_asked_is_no_request(make_fetcher: MakeFetcher) -> None:
    fetcher = make_fetcher(guard=Guard())
    assert failure(fetcher, "http://127.0.0.1/") == "refused_address"
    assert fetcher.hosts.take_counts() == []


@pytest.mark.parametrize(
    "kind",
    [
        "slow_down",
        "too_many_requests",
        "server_error",
        "wrapped_slow_down",
        "empty_reply",
        "short_body",
        "reset",
    ],
)
def test_what_may_pass_is_tried_again(
    server: Loopback, make_fetcher: MakeFetcher, content: bytes, kind: FaultKind
) -> None:
    server.inject(Fault(kind=kind, times=2))
    assert get(make_fetcher(), f"{server.url}/data.bin").body == content
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("slow_down", "http_503"), ("too_many_requests", "http_429"), ("reset", "short_body")],
)
def test_what_fails_every_time_is_given_up_after_the_last_attempt(
    server: Loopback, make_fetcher: MakeFetcher, kind: FaultKind, reason: str, quick: Manners
) -> None:
    server.inject(Fault(kind=kind, times=None))
    assert failure(make_fetcher(), f"{server.url}/data.bin") == reason
    assert len(server.requests) == quick.max_attempts


def test_a_status_that_counts_is_the_callers_to_judge(
    server: Loopback, make_fetcher: MakeFetcher
) -> None:
    assert get(make_fetcher(), f"{server.url}/missing").status == 404
    assert len(server.requests) == 1


def test_retry_after_is_waited_for_unless_it_is_too_long(
    server: Loopback, make_fetcher: MakeFetcher
) -> None:
    server.inject(Fault(kind="too_many_requests", retry_after_seconds=4000))
    with pytest.raises(FetchError) as caught:
        get(make_fetcher(), f"{server.url}/data.bin")
    assert caught.value.wait_seconds == 4000


def test_a_short_retry_after_holds_the_host(server: Loopback, make_fetcher: MakeFetcher) -> None:
    server.inject(Fault(kind="too_many_requests", retry_after_seconds=1))
    fetcher = make_fetcher()
    get(fetcher, f"{server.url}/data.bin")
    (counts,) = fetcher.hosts.take_counts()
    assert (counts.requests, counts.retries, counts.refusals) == (2, 1, 1)


def test_a_block_pauses_the_host_and_then_gives_it_up(
    server: Loopback, make_fetcher: MakeFetcher, notes: list[str]
) -> None:
    server.inject(Fault(kind="blocked", times=None))
    reason = failure(make_fetcher(), f"{server.url}/data.bin", judge=judge_archive)
    assert reason == "host_paused"
    assert [note.partition(" blocks us")[2] for note in notes] == [
        " (HTTP 403): no request for 0 s",
        " (HTTP 403): given up for this run",
    ]
    assert len(server.requests) == 2


def test_a_range_is_exactly_the_bytes_asked_for(
    server: Loopback, make_fetcher: MakeFetcher, content: bytes
) -> None:
    answer = get(make_fetcher(), f"{server.url}/data.bin", span=(100, 199))
    assert (answer.status, answer.body) == (206, content[100:200])


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("whole_body", "range_ignored"),
        ("wrong_range", "wrong_range"),
        ("cut_body", "short_body"),
        ("short_body", "short_body"),
    ],
)
def test_other_bytes_than_asked_for_are_not_taken(
    server: Loopback, make_fetcher: MakeFetcher, kind: FaultKind, reason: str
) -> None:
    server.inject(Fault(kind=kind, times=None))
    assert failure(make_fetcher(), f"{server.url}/data.bin", span=(100, 199)) == reason


def test_a_changed_file_is_no_longer_the_one_asked_for(
    server: Loopback, make_fetcher: MakeFetcher
) -> None:
    etag = get(make_fetcher(), f"{server.url}/data.bin").headers["etag"]
    server.inject(Fault(kind="changed_etag", times=None))
    assert failure(make_fetcher(), f"{server.url}/data.bin", span=(0, 9), etag=etag) == "changed"


@pytest.mark.parametrize("kind", ["short_body", "reset"])
def test_a_body_goes_on_where_it_broke_off(
    server: Loopback, make_fetcher: MakeFetcher, content: bytes, kind: FaultKind
) -> None:
    server.inject(Fault(kind=kind, times=4))
    assert read(make_fetcher(), f"{server.url}/data.bin") == content
    ranges = [request.headers.get("range") for request in server.requests]
    assert ranges[0] is None
    assert all(ranges[1:])


def test_who_ignores_the_range_sends_the_same_file_again_and_nothing_comes_twice(
    server: Loopback, make_fetcher: MakeFetcher, content: bytes
) -> None:
    server.inject(Fault(kind="reset"), Fault(kind="whole_body", times=None))
    assert read(make_fetcher(), f"{server.url}/data.bin") == content


def test_who_always_breaks_off_at_the_same_place_is_given_up(
    make_fetcher: MakeFetcher, content: bytes, quick: Manners
) -> None:
    async def send_half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"ETag": '"same"'})
        response.content_length = len(content)
        await response.prepare(request)
        await response.write(content[: len(content) // 2])
        assert request.transport is not None
        request.transport.close()
        return response

    app = web.Application()
    app.router.add_get("/half", send_half)
    with Loopback(app) as server, pytest.raises(FetchError, match="short_body"):
        read(make_fetcher(), f"{server.url}/half")
    assert len(server.requests) == quick.max_attempts


def test_a_body_of_another_file_is_not_joined_on(
    server: Loopback, make_fetcher: MakeFetcher
) -> None:
    server.inject(Fault(kind="reset"), Fault(kind="changed_etag", first=2, times=None))
    with pytest.raises(FetchError) as caught:
        read(make_fetcher(), f"{server.url}/data.bin")
    assert caught.value.reason == "changed"


def test_a_body_that_ended_exactly_where_it_broke_off_is_whole(
    server: Loopback, make_fetcher: MakeFetcher, content: bytes
) -> None:
    assert read(make_fetcher(), f"{server.url}/data.bin", start=len(content)) == b""


def test_a_body_that_trickles_is_given_up(
    server: Loopback, make_fetcher: MakeFetcher, quick: Manners
) -> None:
    manners = msgspec.structs.replace(
        quick, low_speed_bytes=50_000, low_speed_seconds=0.3, max_attempts=1
    )
    server.inject(Fault(kind="slow_body", times=None, bytes_per_second=1000))
    assert failure(make_fetcher(manners=manners), f"{server.url}/data.bin") == "slow"


def test_too_large_an_answer_is_refused_or_cut(server: Loopback, make_fetcher: MakeFetcher) -> None:
    async def run() -> Answer:
        async with make_fetcher() as fetcher:
            url = f"{server.url}/data.bin"
            with pytest.raises(FetchError, match="too_large"):
                await fetcher.get(url, max_bytes=1000)
            return await fetcher.get(url, max_bytes=1000, may_truncate=True)

    answer = asyncio.run(run())
    assert (len(answer.body), answer.is_truncated) == (1000, True)


def test_a_redirect_loop_ends(server: Loopback, make_fetcher: MakeFetcher) -> None:
    server.inject(Fault(kind="redirect_loop", times=None))
    assert failure(make_fetcher(), f"{server.url}/data.bin") == "redirect_loop"
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data/", "refused_address"),
        ("http://10.0.0.1/", "refused_address"),
        ("http://[::ffff:192.168.0.1]/", "refused_address"),
        ("http://0x0a000001/", "refused_address"),
        ("file:///etc/passwd", "refused_scheme"),
        ("ftp://example.org/", "refused_scheme"),
        ("http://user:secret@example.org/", "refused_credentials"),
        ("http://example.org/", "refused_host"),
        ("http://[::1/", "refused_url"),
    ],
)
def test_a_redirect_to_where_nothing_may_be_fetched_is_refused(
    server: Loopback, make_fetcher: MakeFetcher, location: str, reason: str
) -> None:
    server.inject(Fault(kind="redirect", location=location, times=None))
    assert failure(make_fetcher(), f"{server.url}/data.bin") == reason


def test_a_token_does_not_follow_a_redirect_to_another_host(
    server: Loopback, make_fetcher: MakeFetcher
) -> None:
    async def send_away(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"{server.url}/data.bin"})

    app = web.Application()
    app.router.add_get("/away", send_away)
    with Loopback(app) as first:
        fetcher = make_fetcher(redirect_hosts=frozenset({f"127.0.0.1:{server.port}"}))
        answer = get(fetcher, f"{first.url}/away", headers={"Authorization": "Bearer secret"})
        assert first.requests[0].headers["authorization"] == "Bearer secret"
    assert answer.status == 200
    assert "authorization" not in server.requests[0].headers


def test_loopback_is_refused_unless_it_is_allowed(
    server: Loopback, make_fetcher: MakeFetcher
) -> None:
    fetcher = make_fetcher(guard=Guard())
    assert failure(fetcher, f"http://localhost:{server.port}/data.bin") == "refused_address"
    assert server.requests == ()


def test_a_host_that_does_not_exist_is_a_dns_failure(make_fetcher: MakeFetcher) -> None:
    assert failure(make_fetcher(), "http://no-such-host.invalid/") == "dns"


def test_a_closed_port_is_a_connection_failure(make_fetcher: MakeFetcher) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    assert failure(make_fetcher(), f"http://127.0.0.1:{port}/") == "connection"


def test_no_more_requests_are_in_flight_than_the_host_is_asked_for(
    server: Loopback, make_fetcher: MakeFetcher
) -> None:
    async def run() -> int:
        async with make_fetcher() as fetcher:
            host = fetcher.hosts.get(f"127.0.0.1:{server.port}")
            url = f"{server.url}/data.bin"
            await asyncio.gather(*(fetcher.get(url, max_bytes=1 << 20) for _ in range(MANY)))
            grown = host.window
            server.inject(Fault(kind="slow_down"))
            await fetcher.get(url, max_bytes=1 << 20)
            return grown - host.window

    assert asyncio.run(run()) > 0


def test_a_local_endpoint_reads_files_and_nothing_beside_its_folder(
    folder: Path, make_fetcher: MakeFetcher, content: bytes
) -> None:
    root = str(folder)
    answer = get(make_fetcher(local_root=root), f"{root}/data.bin", span=(5, 9))
    assert (answer.status, answer.body) == (206, content[5:10])
    assert read(make_fetcher(local_root=root), f"{root}/data.bin", start=7) == content[7:]
    assert get(make_fetcher(local_root=root), f"{root}/missing").status == 404
    assert failure(make_fetcher(local_root=root), f"{root}/../../x") == "refused_host"
    assert failure(make_fetcher(), f"{root}/data.bin") == "refused_scheme"


def test_a_local_file_that_changed_is_not_gone_on_with(
    folder: Path, make_fetcher: MakeFetcher
) -> None:
    path = f"{folder}/data.bin"
    etag = get(make_fetcher(local_root=str(folder)), path, span=(0, 0)).headers["etag"]
    (folder / "data.bin").write_bytes(b"other")
    assert failure(make_fetcher(local_root=str(folder)), path, etag=etag) == "changed"


def test_a_range_that_reaches_beyond_the_file_is_named_at_once(
    server: Loopback, folder: Path, make_fetcher: MakeFetcher, content: bytes
) -> None:
    span = (len(content) - 5, len(content) + 5)
    assert failure(make_fetcher(), f"{server.url}/data.bin", span=span) == "past_end"
    assert len(server.requests) == 1
    local = make_fetcher(local_root=str(folder))
    assert get(local, f"{folder}/data.bin", span=(len(content), len(content))).status == 416
