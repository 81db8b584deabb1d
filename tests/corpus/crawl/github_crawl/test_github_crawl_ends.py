"""However a crawl of GitHub ends, the next one goes on, and what comes out is the same."""

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest

from gristmill.corpus.record import Record
from gristmill.corpus.standins.github import GithubStandin, StandinRepository

from .crawl_runs import QUICK, Runs, alike

RunsOf = Callable[..., Runs]
PATIENCE_SECONDS = 60
CONCURRENCY = 4


MANY = 60
Repositories = tuple[StandinRepository, ...]


class Expected(msgspec.Struct, frozen=True):
    """What an undisturbed crawl brings."""

    records: list[Record]
    documents: list[bytes]


@pytest.fixture(scope="module")
def hub(few: Repositories) -> Iterator[GithubStandin]:
    """Each of the few under several names."""
    copies = [
        msgspec.structs.replace(
            few[number % len(few)], full_name=f"copy-{number}/of", id=100_000 + number
        )
        for number in range(MANY)
    ]
    with GithubStandin(copies) as standin:
        yield standin


@pytest.fixture(scope="module")
def expected(hub: GithubStandin, tmp_path_factory: pytest.TempPathFactory) -> Expected:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_TOKEN", "loopback-token")
        undisturbed = Runs(hub, tmp_path_factory.mktemp("undisturbed"), {"issues": True})
        undisturbed.run()
    return Expected(alike(undisturbed.records()), undisturbed.documents())


@pytest.fixture
def runs(hub: GithubStandin, runs_of: RunsOf) -> Runs:
    hub.server.forget_requests()
    # Slow enough to be met while it runs.
    slow = msgspec.structs.replace(QUICK, requests_per_second=60.0, burst=1)
    return runs_of(hub, issues=True, concurrency=CONCURRENCY, api=slow, downloads=slow)


def assert_equal(runs: Runs, expected: Expected) -> None:
    assert alike(runs.records()) == expected.records
    assert runs.documents() == expected.documents


def wait_for_downloads(runs: Runs, num_downloads: int) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while runs.asked("codeload").total() < num_downloads:
        assert time.monotonic() < end
        time.sleep(0.002)


def test_a_crawl_that_is_killed_again_and_again_ends_as_an_undisturbed_one(
    expected: Expected, runs: Runs
) -> None:
    chance = random.Random(5)
    num_kills = 3
    for kill in range(num_kills):
        process = runs.start()
        wait_for_downloads(runs, (kill + 1) * MANY // (num_kills + 2))
        time.sleep(chance.random() / 50)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert runs.run().is_complete
    assert_equal(runs, expected)
    assert runs.asked("codeload").total() - MANY <= num_kills * CONCURRENCY
    assert list((runs.folder / "partial").iterdir()) == []


def test_ctrl_c_leaves_what_is_done_to_a_build_and_the_rest_to_the_next_run(
    expected: Expected, runs: Runs
) -> None:
    process = runs.start()
    wait_for_downloads(runs, MANY // 3)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    manifest = runs.manifest()
    assert not manifest.is_complete
    assert 0 < len({record.collection for record in runs.records()}) < MANY
    assert runs.run().is_complete
    assert_equal(runs, expected)
    assert runs.asked("codeload").total() - MANY <= CONCURRENCY


@pytest.mark.parametrize("num_blocks", [400, 3000])
def test_a_disk_that_is_full_ends_the_crawl_with_a_clear_error(
    expected: Expected, runs: Runs, num_blocks: int
) -> None:
    process = runs.start("sh", "-c", f'ulimit -f {num_blocks}; exec "$@"', "sh")
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    told = [line for line in errors.splitlines() if not line.startswith("{")]
    assert len(told) == 1
    assert told[0].startswith("error: ")
    assert "run again" in told[0] or "run the same command again" in told[0]
    assert runs.run().is_complete
    assert_equal(runs, expected)


def test_progress_is_told_as_json_lines(runs: Runs) -> None:
    process = runs.start()
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    events = [json.loads(line) for line in errors.splitlines()]
    assert {event["event"] for event in events} == {"crawling"}
    assert all(event["done"].get("content", 0) <= MANY for event in events)


def test_an_opt_out_list_is_kept_to(runs: Runs) -> None:
    runs.out.mkdir(exist_ok=True)
    (runs.out / "opt-out.txt").write_text("copy-7\ncopy-8/of\n", encoding="utf-8")
    runs.opt_out = "opt-out.txt"
    outcome = runs.run()
    assert outcome.is_complete
    assert outcome.crawls[0].done["content"] == MANY - 2
    assert not runs.asked("copy-7/")
    assert not runs.asked("copy-8/")
