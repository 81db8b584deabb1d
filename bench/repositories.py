"""Repositories fetched from one GitHub on loopback: our crawl beside git's own clones.

The stand-in serves the fixture repositories; it makes tarballs and packs with git as they are
asked for, on the same cores, so the ratios say more than the rates. All ways have the same number
at once and no limit on their rate. Ours finds, hydrates, fetches, checks and stores each blob once;
`git clone` gets the address of each repository for nothing and stores it by itself. The fixtures
have one commit each, so a plain clone has no history to fetch, which is its best case.
"""

import argparse
import json
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from gristmill.corpus.crawl.manners import Manners
from gristmill.corpus.crawl.settings import CrawlSettings, Endpoints, GithubCrawl
from gristmill.corpus.standins.github import GithubStandin, StandinRepository, make_repositories
from gristmill.pipelines.crawl import run_crawls

FIXTURES = Path(__file__).parents[1] / "fixtures"
NUM_RUNS = 3
UNLIMITED = Manners(requests_per_second=1e6, burst=1_000_000, concurrency=64)
SHALLOW = ("--bare", "--depth", "1")

Row = dict[str, str | int | float]
Repositories = tuple[StandinRepository, ...]
Way = Callable[[GithubStandin, Repositories, Path], None]


def main() -> None:
    """Measure, then print a table or, with --json, one object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--concurrency", type=int, default=8, help="how many at once")
    parser.add_argument("--runs", type=int, default=NUM_RUNS, help="the fastest counts")
    options = parser.parse_args()
    os.environ["GITHUB_TOKEN"] = "loopback-token"
    rows = measure(options.concurrency, options.runs)
    if options.json:
        print("\n".join(json.dumps(row) for row in rows))
        return
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True)
    print(f"Python {platform.python_version()}, {platform.machine()}, {git.stdout.strip()}")
    print(f"{'':36}{'repositories':>13}{'a second':>10}{'stored MB':>11}{'ours/it':>9}")
    for row in rows:
        sizes = f"{row['per_second']:10.1f}{row['stored_mb']:11.1f}{row['ratio']:9.2f}"
        print(f"{row['name']:36}{row['repositories']:13}{sizes}")


def measure(concurrency: int, num_runs: int) -> list[Row]:
    """Return name, rate, what lies on the disk, and ours relative to it of every way."""
    ways: dict[str, Way] = {
        "ours, tarballs": partial(crawl, content="tarball", concurrency=concurrency),
        "ours, clones": partial(crawl, content="clone", concurrency=concurrency),
        "git clone --bare --depth 1": partial(clone, options=SHALLOW, concurrency=concurrency),
        "git clone": partial(clone, options=(), concurrency=concurrency),
    }
    seconds = dict.fromkeys(ways, float("inf"))
    stored: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        made = make_repositories(FIXTURES / "repositories.jsonl", Path(folder) / "made")
        with GithubStandin(made) as standin:
            for run in range(num_runs):
                for number, (name, way) in enumerate(ways.items()):
                    target = Path(folder) / f"{run}-{number}"
                    started = time.perf_counter()
                    way(standin, made, target)
                    seconds[name] = min(seconds[name], time.perf_counter() - started)
                    stored[name] = _folder_bytes(target)
    ours = seconds["ours, tarballs"]
    return [
        {
            "name": name,
            "repositories": len(made),
            "per_second": len(made) / taken,
            "stored_mb": stored[name] / 1e6,
            "ratio": taken / ours,
        }
        for name, taken in seconds.items()
    ]


def crawl(
    standin: GithubStandin,
    repositories: Repositories,
    target: Path,
    *,
    content: Literal["tarball", "clone"],
    concurrency: int,
) -> None:
    """Crawl all that the stand-in lists."""
    settings = CrawlSettings(
        contact="mailto:bench@example.org",
        allow_loopback=True,
        endpoints=msgspec.convert(msgspec.structs.asdict(standin.endpoints), Endpoints),
        github=(
            GithubCrawl(
                name="bench",
                since=0,
                created_before=date(2999, 1, 1),
                content=content,
                concurrency=concurrency,
                api=UNLIMITED,
                downloads=UNLIMITED,
            ),
        ),
    )
    outcome = run_crawls(
        settings, out=str(target), base=".", report=lambda _: None, note=lambda _: None
    )
    assert outcome.crawls[0].done["content"] == len(repositories)


def clone(
    standin: GithubStandin,
    repositories: Repositories,
    target: Path,
    *,
    options: tuple[str, ...],
    concurrency: int,
) -> None:
    """Clone every repository with git, some at a time."""
    target.mkdir()

    def one(repository: StandinRepository) -> None:
        url = f"{standin.endpoints.github_git}/{repository.full_name}.git"
        folder = target / repository.full_name.replace("/", "__")
        command = ["git", "clone", "--quiet", *options, url, str(folder)]
        subprocess.run(command, check=True, capture_output=True)

    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(one, repositories))


def _folder_bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


if __name__ == "__main__":
    main()
