"""A real web server, which limits the rate as Common Crawl's does, is crawled whole and patiently.

nginx runs unprivileged from a folder of its own; a request over 20 a second gets S3's SlowDown.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from .crawl_place import QUICK, Place, Table

pytestmark = pytest.mark.system  # needs Debian's nginx-light
CONFIG = """
{user}
pid {home}/nginx.pid;
error_log {home}/error.log;
daemon off;
events {{}}
http {{
    access_log {home}/access.log;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    limit_req_zone $server_name zone=all:1m rate=20r/s;
    limit_req_zone $request_id zone=none:1m rate=1000r/s;
    limit_req_status 503;
    server {{
        listen 127.0.0.1:{port};
        server_name archive;
        root {root};
        default_type application/octet-stream;
        limit_req zone=all;
        error_page 503 /slow_down.xml;
        location = /slow_down.xml {{
            internal;
            limit_req zone=none;
        }}
    }}
}}
"""
SLOW_DOWN = (
    "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>\n"
)


@pytest.fixture
def nginx(bucket: Path, tmp_path: Path) -> Iterator[str]:
    """Serve the archive; yield the server's URL."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    (bucket / "slow_down.xml").write_text(SLOW_DOWN)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""  # else its worker may not read our files
    config.write_text(CONFIG.format(user=user, home=tmp_path, root=bucket, port=port))
    process = subprocess.Popen([program, "-e", str(tmp_path / "error.log"), "-c", str(config)])
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("nginx does not start")


def statuses(tmp_path: Path) -> list[str]:
    return [line.split('" ')[1][:3] for line in (tmp_path / "access.log").read_text().splitlines()]


@pytest.mark.parametrize("table", [{}, {"mime": ("text/html",), "max_records": 40}])
def test_a_rate_limit_is_met_with_patience(
    place: Place, nginx: str, tmp_path: Path, table: Table
) -> None:
    place.crawl(**table)
    sound = place.outputs()
    (place.folder / "ledger.sqlite").unlink()
    eager = msgspec.structs.replace(
        QUICK, max_attempts=30, backoff_seconds=0.05, max_backoff_seconds=0.5
    )
    result = place.crawl(url=nginx, manners=eager, max_gap_bytes=0, **table)
    assert result.is_complete
    assert place.outputs() == sound
    (host,) = result.hosts
    answers = statuses(tmp_path)
    assert host.requests == len(answers)
    assert host.refusals == answers.count("503") > 0
    assert host.received_bytes > sum(len(data) for data in sound.values())


def test_manners_keep_below_a_rate_limit(place: Place, nginx: str, tmp_path: Path) -> None:
    manners = msgspec.structs.replace(QUICK, requests_per_second=12.0, burst=1)
    table: Table = {"mime": ("text/html",), "max_records": 20, "max_gap_bytes": 0}
    assert place.crawl(url=nginx, manners=manners, **table).is_complete
    assert statuses(tmp_path).count("503") <= 2  # requests that were late come close together
