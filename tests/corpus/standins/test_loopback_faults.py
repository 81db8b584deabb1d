"""Every fault of a loopback server as a client sees it on the wire."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from aiohttp import web

from gristmill.corpus.standins.faults import Fault
from gristmill.corpus.standins.server import Loopback

BODY = bytes(range(256)) * 40
ETAG = '"first"'


async def serve_file(request: web.Request) -> web.StreamResponse:
    span = request.http_range
    if request.headers.get("If-None-Match") == ETAG:
        return web.Response(status=304, headers={"ETag": ETAG})
    if span.start is None:
        return web.Response(body=BODY, headers={"ETag": ETAG})
    part = BODY[span.start : span.stop]
    where = f"bytes {span.start}-{span.start + len(part) - 1}/{len(BODY)}"
    return web.Response(status=206, body=part, headers={"ETag": ETAG, "Content-Range": where})


async def serve_stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(BODY)
    return response


@contextmanager
def served(*faults: Fault) -> Iterator[Loopback]:
    app = web.Application()
    app.router.add_get("/file", serve_file)
    app.router.add_get("/stream", serve_stream)
    with Loopback(app, faults=faults) as server:
        yield server


def get(
    server: Loopback, path: str = "/file", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("GET", path, headers=headers or {})
        reply = connection.getresponse()
        return reply.status, dict(reply.getheaders()), reply.read()
    finally:
        connection.close()


def test_a_server_without_faults_answers_and_remembers_what_it_was_asked() -> None:
    with served() as server:
        status, _, body = get(server, "/file?a=%2F", {"X-Mine": "1"})
        received = server.requests[0]
    assert (status, body) == (200, BODY)
    assert (received.method, received.path_qs) == ("GET", "/file?a=%2F")
    assert received.host == f"127.0.0.1:{server.port}"
    assert received.headers["x-mine"] == "1"


def test_only_the_latest_requests_are_remembered() -> None:
    with Loopback(web.Application(), max_requests=2) as server:
        for number in range(3):
            get(server, f"/{number}")
        assert [request.path_qs for request in server.requests] == ["/1", "/2"]
        server.forget_requests()
        assert server.requests == ()


def test_an_answer_that_never_ends_does_not_keep_the_server_from_stopping() -> None:
    with served(Fault(kind="slow_body", bytes_per_second=20)) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", "/file")
        connection.getresponse().read(1)
    connection.close()
    with pytest.raises(ConnectionRefusedError):
        get(server)


def test_a_fault_hits_the_requests_that_it_names_and_no_other() -> None:
    with served(Fault(kind="server_error", match="^/file", first=2, times=2)) as server:
        statuses = [get(server)[0] for _ in range(4)]
        assert statuses == [200, 500, 500, 200]
        assert get(server, "/stream")[0] == 200


def test_a_fault_without_an_end_hits_every_request_of_its_method() -> None:
    with served(Fault(kind="server_error", method="GET", times=None)) as server:
        assert [get(server)[0] for _ in range(3)] == [500] * 3


def test_a_fault_of_another_method_hits_nothing() -> None:
    with served(Fault(kind="server_error", method="POST")) as server:
        assert get(server)[0] == 200


def test_a_fault_can_be_added_while_the_server_runs() -> None:
    with served() as server:
        server.inject(Fault(kind="blocked"))
        assert [get(server)[0] for _ in range(2)] == [403, 200]


def test_slow_down_is_a_503_with_the_xml_of_s3() -> None:
    with served(Fault(kind="slow_down")) as server:
        status, headers, body = get(server)
    assert (status, headers["Content-Type"]) == (503, "application/xml; charset=utf-8")
    assert b"<Code>SlowDown</Code>" in body


def test_a_block_is_a_403_with_a_page() -> None:
    with served(Fault(kind="blocked")) as server:
        status, headers, body = get(server)
    assert status == 403
    assert headers["Content-Type"].startswith("text/html")
    assert b"blocked" in body


def test_too_many_requests_is_a_429_that_says_how_long_to_wait() -> None:
    with served(Fault(kind="too_many_requests", retry_after_seconds=7)) as server:
        status, headers, _ = get(server)
    assert (status, headers["Retry-After"]) == (429, "7")


def test_a_500_can_wrap_the_503_of_s3() -> None:
    with served(Fault(kind="wrapped_slow_down")) as server:
        status, headers, body = get(server)
    assert status == 500
    assert "Retry-After" not in headers
    assert b"SlowDown" in body


@pytest.mark.parametrize("location", ["http://169.254.169.254/latest/", "file:///etc/passwd"])
def test_a_redirect_points_to_any_url(location: str) -> None:
    with served(Fault(kind="redirect", location=location)) as server:
        status, headers, _ = get(server)
    assert (status, headers["Location"]) == (302, location)


def test_a_redirect_loop_points_to_itself() -> None:
    with served(Fault(kind="redirect_loop", times=None)) as server:
        first, second = get(server, "/file?a=1"), get(server, "/file?a=1")
    assert first[1]["Location"] == second[1]["Location"] == "/file?a=1"


def test_an_empty_reply_closes_the_connection_without_a_byte() -> None:
    with (
        served(Fault(kind="empty_reply")) as server,
        pytest.raises(http.client.RemoteDisconnected),
    ):
        get(server)


def test_a_short_body_announces_more_than_it_sends() -> None:
    with (
        served(Fault(kind="short_body")) as server,
        pytest.raises(http.client.IncompleteRead) as caught,
    ):
        get(server)
    assert caught.value.partial == BODY[: len(BODY) // 2]
    assert caught.value.expected == len(BODY) - len(BODY) // 2


def test_a_short_stream_ends_without_its_last_chunk() -> None:
    with (
        served(Fault(kind="short_body")) as server,
        pytest.raises(http.client.IncompleteRead),
    ):
        get(server, "/stream")


def test_a_reset_comes_after_the_first_part_of_the_body() -> None:
    with served(Fault(kind="reset", body_fraction=0.25)) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", "/file")
        reply = connection.getresponse()
        assert reply.read(len(BODY) // 4) == BODY[: len(BODY) // 4]
        with pytest.raises(ConnectionResetError):
            reply.read()
        connection.close()


def test_a_cut_body_announces_what_it_sends() -> None:
    with served(Fault(kind="cut_body", body_fraction=0.75)) as server:
        status, headers, body = get(server)
    assert status == 200
    assert body == BODY[: len(BODY) * 3 // 4]
    assert headers["Content-Length"] == str(len(body))


def test_a_slow_body_arrives_whole() -> None:
    with served(Fault(kind="slow_body", bytes_per_second=100_000)) as server:
        assert get(server)[2] == BODY


def test_a_range_can_be_ignored() -> None:
    with served(Fault(kind="whole_body")) as server:
        status, headers, body = get(server, headers={"Range": "bytes=10-19"})
        assert (status, body) == (200, BODY)
        assert "Content-Range" not in headers
        assert get(server, headers={"Range": "bytes=10-19"})[2] == BODY[10:20]


def test_a_content_range_can_lie() -> None:
    with served(Fault(kind="wrong_range")) as server:
        status, headers, body = get(server, headers={"Range": "bytes=10-19"})
    assert (status, body) == (206, BODY[10:20])
    assert headers["Content-Range"] == f"bytes 11-19/{len(BODY)}"


def test_a_changed_file_comes_whole_when_the_old_part_was_conditional() -> None:
    with served(Fault(kind="changed_etag")) as server:
        status, headers, body = get(server, headers={"Range": "bytes=10-19", "If-Range": ETAG})
    assert (status, headers["ETag"], body) == (200, '"changed-first"', BODY)


def test_a_changed_file_comes_in_parts_when_nothing_was_asked_of_its_tag() -> None:
    with served(Fault(kind="changed_etag")) as server:
        status, headers, _ = get(server, headers={"Range": "bytes=10-19"})
    assert (status, headers["ETag"]) == (206, '"changed-first"')


def test_a_changed_file_fails_the_condition_on_its_old_tag() -> None:
    with served(Fault(kind="changed_etag", times=2)) as server:
        assert get(server, headers={"If-Match": ETAG})[0] == 412
        assert get(server, headers={"If-None-Match": ETAG})[0] == 200


def test_a_fault_asks_for_the_true_answer_unseen() -> None:
    with served(Fault(kind="cut_body")) as server:
        get(server)
        assert len(server.requests) == 1
