"""A crawl that is killed, stopped or out of disk goes on where it was, and ends as if undisturbed.

The program runs as its users run it; the archive tells when it has come far enough.
"""

import json
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gristmill.corpus.crawl.ledger import Ledger
from gristmill.corpus.standins.faults import Fault
from gristmill.corpus.standins.server import Loopback

from .crawl_place import Place

RECIPE = """
name = "killed"

[crawl]
contact = "mailto:test@example.org"
allow_loopback = true
endpoints = {{ commoncrawl = "{url}" }}

[[crawl.commoncrawl]]
name = "cc"
crawl = "{crawl}"
{table}

[crawl.commoncrawl.manners]
requests_per_second = {rate}
burst = 2
backoff_seconds = 0.01
pause_seconds = 0.05
"""
WAYS = {
    "whole": "",
    "one": "max_files = 1\nseed = 5",
    "records": "mime = ['text/html']\nmax_gap_bytes = 0\nwhole_file_fraction = 2\nconcurrency = 2",
}
RUN_SECONDS = 60.0
IN_FLIGHT = 2 * 4 + 2 * 16  # requests for two files, and records since the last checkpoint
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(place: Place) -> Start:
    def start(
        way: str, *, rate: float = 1000.0, file_bytes: int | None = None
    ) -> subprocess.Popen[str]:
        text = RECIPE.format(url=place.url, crawl=place.tree.crawl, table=WAYS[way], rate=rate)
        (place.out / "recipe.toml").write_text(text)
        command = ["crawl", "commoncrawl", str(place.out / "recipe.toml"), "--out", str(place.out)]

        def limit() -> None:
            if file_bytes is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))

        return subprocess.Popen(
            [sys.executable, "-m", "gristmill", *command, "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=limit,
        )

    return start


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=RUN_SECONDS)
    return process.returncode, out, err


def wait_for_requests(archive: Loopback, process: subprocess.Popen[str], number: int) -> None:
    end = time.monotonic() + RUN_SECONDS
    while len(archive.requests) < number and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.mark.parametrize(("way", "most"), [("whole", 5), ("records", 80)])
def test_a_killed_crawl_ends_as_if_undisturbed(
    place: Place, archive: Loopback, start: Start, way: str, most: int
) -> None:
    assert finish(start(way))[0] == 0
    undisturbed = place.manifest()
    kept = place.folder.rename(place.out / "before")
    archive.forget_requests()
    seed = random.Random(way)
    for _ in range(3):
        process = start(way, rate=60.0)
        wait_for_requests(archive, process, len(archive.requests) + seed.randint(1, most // 3))
        time.sleep(seed.random() * 0.05)
        process.kill()
        finish(process)
    status, out, _ = finish(start(way))
    assert status == 0
    assert json.loads(out)["crawls"][0]["is_complete"]
    assert place.manifest() == undisturbed
    for file in undisturbed.files:
        assert (place.folder / file.name).read_bytes() == (kept / file.name).read_bytes()
    asked = Counter((each.path_qs, each.headers.get("range")) for each in archive.requests)
    assert sum(count - 1 for count in asked.values()) <= 3 * IN_FLIGHT


def offset_in_ledger(ledger: Path) -> int:
    """Return how far the only file is, by the last checkpoint."""
    if not ledger.exists():
        return 0
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        try:
            rows = connection.execute("SELECT facts FROM items WHERE kind = 'warc'").fetchall()
        except sqlite3.OperationalError:  # it has no tables yet
            return 0
    return max((json.loads(facts)["progress"]["source_offset"] for (facts,) in rows), default=0)


def test_a_file_that_was_half_there_goes_on_at_its_last_checkpoint(
    place: Place, archive: Loopback, start: Start, bucket: Path
) -> None:
    archive.inject(Fault(kind="slow_body", match="/segments/", bytes_per_second=60_000))
    process = start("one")
    while (offset := offset_in_ledger(place.folder / "ledger.sqlite")) == 0:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    finish(process)
    archive.forget_requests()
    assert finish(start("one"))[0] == 0
    (request,) = archive.requests
    assert int(request.headers["range"].removeprefix("bytes=").rstrip("-")) >= offset
    assert "if-match" in request.headers
    (file,) = place.manifest().files
    source = next(bucket.glob(f"**/warc/{Path(file.name).name}"))
    assert (place.folder / file.name).read_bytes() == source.read_bytes()


def test_ctrl_c_leaves_a_manifest_and_the_next_run_goes_on(
    place: Place, archive: Loopback, start: Start
) -> None:
    process = start("records", rate=60.0)
    wait_for_requests(archive, process, 40)
    process.send_signal(signal.SIGINT)
    status, _, err = finish(process)
    assert status == 130
    assert "run the same command again" in err
    assert not place.manifest().is_complete
    assert place.manifest().missing["warc not fetched yet"] >= 1
    num_before = len(archive.requests)
    assert finish(start("records"))[0] == 0
    ranges = [(each.path_qs, each.headers.get("range")) for each in archive.requests]
    first = {each for each in ranges[:num_before] if "/segments/" in each[0]}
    assert len(first & set(ranges[num_before:])) <= 2 * 4  # what was in flight


def test_ctrl_c_stops_while_the_index_is_read(
    place: Place, archive: Loopback, start: Start
) -> None:
    archive.inject(Fault(kind="slow_body", match="part-0", first=3, times=None))
    process = start("records")
    wait_for_requests(archive, process, 4)
    process.send_signal(signal.SIGINT)
    status, _, err = finish(process)
    assert status == 130
    assert "nanobind" not in err
    assert place.manifest().missing["selection not fetched yet"] == 1


@pytest.mark.parametrize("file_bytes", [20_000, 50_000, 300_000])
def test_a_full_disk_is_told_and_the_next_run_completes(
    place: Place, start: Start, file_bytes: int
) -> None:
    status, _, err = finish(start("whole", file_bytes=file_bytes))
    assert status == 1
    assert "disk" in err
    assert "Traceback" not in err
    assert finish(start("whole"))[0] == 0
    assert len(place.manifest().files) == 4


def test_a_part_of_the_index_that_fails_is_told_in_a_few_words(
    archive: Loopback, start: Start
) -> None:
    archive.inject(Fault(kind="blocked", match="part-0", first=3, times=None))
    status, out, err = finish(start("records"))
    assert status == 1
    assert json.loads(out)["crawls"][0]["waiting"]["selection"] == 1
    assert [line for line in err.splitlines() if not line.startswith("{")] == []


def test_two_crawls_do_not_share_a_folder(place: Place, start: Start) -> None:
    with Ledger(place.folder):
        status, _, err = finish(start("records"))
    assert status == 2
    assert "another process" in err


def test_the_command_tells_what_is_in_it(place: Place, start: Start) -> None:
    assert finish(start("records"))[0] == 0
    command = [sys.executable, "-m", "gristmill", "crawl", "status", str(place.out)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "cc: complete" in told
    assert "92 records" in told
    assert Path(place.folder / "manifest.json").exists()
