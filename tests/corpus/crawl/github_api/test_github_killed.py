"""A crawl that is killed between two pages loses nothing, and lists nothing twice."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from gristmill.corpus.standins.faults import Fault
from gristmill.corpus.standins.github import GithubStandin

from .github_crawl import Crawl, repository

Serve = Callable[..., GithubStandin]
CrawlOf = Callable[..., Crawl]
SCRIPT = """
import sys
from pathlib import Path
import msgspec
sys.path.append({helpers!r})
import github_crawl
from gristmill.corpus.crawl.settings import Endpoints
class Remote:
    endpoints = msgspec.json.decode({endpoints!r}, type=Endpoints)
github_crawl.Crawl(Remote(), Path({folder!r}), since=0).run()
"""


def start(crawl: Crawl) -> "subprocess.Popen[bytes]":
    script = SCRIPT.format(
        helpers=str(Path(__file__).parent),
        endpoints=msgspec.json.encode(crawl.endpoints).decode(),
        folder=str(crawl.folder),
    )
    return subprocess.Popen([sys.executable, "-c", script], env=dict(os.environ))


def test_a_killed_discovery_goes_on_where_it_was(serve: Serve, crawl_of: CrawlOf) -> None:
    standin = serve(*[repository(70000 + i, f"org/name-{i}") for i in range(450)])
    slow = Fault(kind="slow_body", match="/repositories\\?since=", first=3, bytes_per_second=20_000)
    standin.server.inject(slow)
    crawl = crawl_of(standin, since=0)
    process = start(crawl)
    deadline = time.monotonic() + 30
    while len(crawl.asked("/repositories?")) < 3 and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = crawl.asked("/repositories?")
    standin.server.forget_requests()
    crawl.run()
    assert len(before) == 3
    assert crawl.asked("/repositories?")[0] == before[2]  # the page in flight
    assert len(crawl.asked("/repositories?")) == 3
    assert list(crawl.items("content").values()) == ["waiting"] * 450
