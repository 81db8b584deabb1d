"""A crawl that is killed, stopped or out of disk goes on where it was, and ends the same."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from gristmill.corpus.standins.server import Loopback

from .site_tools import ROBOTS, Answers, SiteRun, app_of, asked, page

NUM_PAGES = 60
RECIPE = """
name = "test"
[crawl]
contact = "mailto:test@example.org"
allow_loopback = true
[[crawl.site]]
name = "docs"
urls = ["{url}/"]
max_segment_bytes = 40000
[crawl.site.manners]
requests_per_second = {rate}
concurrency = {concurrency}
backoff_seconds = 0.001
"""


def make_answers() -> Answers:
    """Return pages that hardly get smaller when packed, each linking to the next two."""
    generator = random.Random(3)
    answers: dict[str, str] = {}
    for i in range(NUM_PAGES):
        words = f"page {i} {generator.randbytes(1500).hex()}"
        answers[f"/{i or ''}"] = page(words, f"/{2 * i + 1}", f"/{2 * i + 2}")
    return {"/robots.txt": ROBOTS, **answers}


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback(app_of(make_answers())) as loopback:
        yield loopback


def start(
    run: SiteRun,
    server: Loopback,
    *,
    rate: float = 100.0,
    concurrency: int = 1,
    max_kibibytes: int | None = None,
) -> "subprocess.Popen[str]":
    """Start the command line on the crawl."""
    recipe = run.folder / "recipe.toml"
    recipe.write_text(RECIPE.format(url=server.url, rate=rate, concurrency=concurrency))
    command = [sys.executable, "-m", "gristmill", "crawl", "site", str(recipe)]
    command += ["--out", str(run.out)]
    if max_kibibytes is not None:  # no file gets longer: all that a disk without room is
        command = ["bash", "-c", f'ulimit -f {max_kibibytes}; exec "$@"', "-", *command]
    return subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": ":".join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_requests(
    server: Loopback, num_requests: int, process: "subprocess.Popen[str]"
) -> None:
    while len(server.requests) < num_requests and process.poll() is None:
        time.sleep(0.002)


def finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


def texts(run: SiteRun) -> Counter[tuple[str, str | None]]:
    return Counter((row.path, row.text) for row in run.rows())


def undisturbed(folder: Path, server: Loopback) -> Counter[tuple[str, str | None]]:
    folder.mkdir()
    run = SiteRun(folder)
    run(f"{server.url}/")
    server.forget_requests()
    return texts(run)


@pytest.mark.parametrize(("concurrency", "num_kills"), [(1, 3), (4, 2)])
def test_a_crawl_that_is_killed_again_and_again_ends_as_one_that_was_not(
    run: SiteRun, server: Loopback, concurrency: int, num_kills: int
) -> None:
    expected = undisturbed(run.folder / "undisturbed", server)
    generator = random.Random(concurrency)
    moments = sorted(generator.sample(range(2, NUM_PAGES - 20), num_kills))
    for moment in moments:
        process = start(run, server, concurrency=concurrency)
        wait_for_requests(server, moment, process)
        time.sleep(generator.random() / 100)
        process.kill()
        finish(process)
    assert run(f"{server.url}/").is_complete
    assert texts(run) == expected
    again = sum(count - 1 for count in Counter(asked(server)).values())
    assert again <= num_kills * concurrency


def test_ctrl_c_leaves_what_is_done_readable_and_the_rest_waiting(
    run: SiteRun, server: Loopback
) -> None:
    expected = undisturbed(run.folder / "undisturbed", server)
    process = start(run, server, rate=40.0)
    wait_for_requests(server, 20, process)
    process.send_signal(signal.SIGINT)
    assert finish(process)[0] == 130
    manifest = run.manifest()
    assert set(manifest.missing) == {"waiting"}
    assert 0 < len(run.rows()) < NUM_PAGES
    assert run(f"{server.url}/").is_complete
    assert texts(run) == expected
    assert set(Counter(asked(server)).values()) <= {1, 2}


@pytest.mark.parametrize("max_kibibytes", [20, 60])
def test_a_full_disk_is_a_clear_error_and_a_later_run_goes_on(
    run: SiteRun, server: Loopback, max_kibibytes: int
) -> None:
    expected = undisturbed(run.folder / "undisturbed", server)
    code, errors = finish(start(run, server, rate=1e6, max_kibibytes=max_kibibytes))
    assert code == 1
    assert "Check the disk's free space" in errors
    assert "Traceback" not in errors
    assert run(f"{server.url}/").is_complete
    assert texts(run) == expected


@pytest.mark.system
def test_a_small_file_system_that_is_full_is_a_clear_error(run: SiteRun, server: Loopback) -> None:
    run.out.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=200k", "none", str(run.out)]
    subprocess.run(mounted, check=True)
    try:
        code, errors = finish(start(run, server, rate=1e6))
        assert code == 1
        assert "Check the disk's free space" in errors
        subprocess.run(["mount", "-o", "remount,size=20m", str(run.out)], check=True)
        assert finish(start(run, server, rate=1e6))[0] == 0
        assert len(run.rows()) == NUM_PAGES
    finally:
        subprocess.run(["umount", str(run.out)], check=True)
