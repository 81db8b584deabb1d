"""However a crawl of GitHub ends, the next one goes on, and what comes out is the same."""

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest
from crawl_runs import QUICK, Runs, alike

from gristmill.corpus.record import Record
from gristmill.corpus.standins.github import GithubStandin, StandinRepository

RunsOf = Callable[..., Runs]
PATIENCE_SECONDS = 60
CONCURRENCY = 4


@pytest.fixture(scope="module")
def many() -> int:
    """How many repositories there are: each of the few under several names."""
    return 60


@pytest.fixture
def github(few: tuple[StandinRepository, ...], many: int) -> Iterator[GithubStandin]:
    names = [f"copy-{number}/of" for number in range(many)]
    copies = [
        msgspec.structs.replace(few[number % len(few)], full_name=name, id=100_000 + number)
        for number, name in enumerate(names)
    ]
    with GithubStandin(copies) as standin:
        yield standin


@pytest.fixture
def runs(github: GithubStandin, runs_of: RunsOf) -> Runs:
    # Slow enough to be met while it runs.
    downloads = msgspec.structs.replace(QUICK, requests_per_second=60.0, burst=1)
    return runs_of(github, issues=True, concurrency=CONCURRENCY, api=downloads, downloads=downloads)


@pytest.fixture
def expected(github: GithubStandin, runs_of: RunsOf) -> list[Record]:
    """What an undisturbed crawl brings."""
    undisturbed = runs_of(github, issues=True)
    undisturbed.out = undisturbed.out / "undisturbed"
    undisturbed.folder = undisturbed.out / "crawl/hub"
    undisturbed.run()
    github.server.forget_requests()
    return alike(undisturbed.records())


def wait_for_downloads(runs: Runs, num_downloads: int) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while runs.asked("codeload").total() < num_downloads:
        assert time.monotonic() < end
        time.sleep(0.002)


def test_a_crawl_that_is_killed_again_and_again_ends_as_an_undisturbed_one(
    runs: Runs, expected: list[Record], many: int
) -> None:
    chance = random.Random(5)
    num_kills = 3
    for kill in range(num_kills):
        process = runs.start()
        wait_for_downloads(runs, (kill + 1) * many // (num_kills + 2))
        time.sleep(chance.random() / 50)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert runs.run().is_complete
    assert alike(runs.records()) == expected
    assert runs.asked("codeload").total() - many <= num_kills * CONCURRENCY
    assert list((runs.folder / "partial").iterdir()) == []


def test_ctrl_c_leaves_what_is_done_to_a_build_and_the_rest_to_the_next_run(
    runs: Runs, expected: list[Record], many: int
) -> None:
    process = runs.start()
    wait_for_downloads(runs, many // 3)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    manifest = runs.manifest()
    assert not manifest.is_complete
    assert 0 < len({record.collection for record in runs.records()}) < many
    assert runs.run().is_complete
    assert alike(runs.records()) == expected
    assert runs.asked("codeload").total() - many <= CONCURRENCY


@pytest.mark.parametrize("num_blocks", [400, 3000])
def test_a_disk_that_is_full_ends_the_crawl_with_a_clear_error(
    runs: Runs, expected: list[Record], num_blocks: int
) -> None:
    process = runs.start("sh", "-c", f'ulimit -f {num_blocks}; exec "$@"', "sh")
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    told = [line for line in errors.splitlines() if not line.startswith("{")]
    assert len(told) == 1
    assert told[0].startswith("error: ")
    assert "run again" in told[0] or "run the same command again" in told[0]
    assert runs.run().is_complete
    assert alike(runs.records()) == expected


def test_progress_is_told_as_json_lines(runs: Runs, many: int) -> None:
    process = runs.start()
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    events = [json.loads(line) for line in errors.splitlines()]
    assert {event["event"] for event in events} == {"crawling"}
    assert all(event["done"].get("content", 0) <= many for event in events)


def test_an_opt_out_list_is_kept_to(runs: Runs, many: int) -> None:
    runs.out.mkdir(exist_ok=True)
    (runs.out / "opt-out.txt").write_text("copy-7\ncopy-8/of\n", encoding="utf-8")
    runs.opt_out = "opt-out.txt"
    outcome = runs.run()
    assert outcome.is_complete
    assert outcome.crawls[0].done["content"] == many - 2
    assert not runs.asked("copy-7/") and not runs.asked("copy-8/")
