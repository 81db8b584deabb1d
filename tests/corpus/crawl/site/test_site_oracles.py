"""Other tools accept the archive of a crawl, and another crawler finds the same pages."""

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest
from fastwarc import ArchiveIterator

from gristmill.corpus.standins.server import Loopback
from gristmill.corpus.standins.site import read_folder_site, read_warc_sites, sites_app

from .site_tools import SiteRun, asked

WEB = Path(__file__).parents[4] / "fixtures/web"


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    """Serve a real manual as if it were the site of this machine."""
    site = read_warc_sites(WEB / "math")["docs.sympy.test"]
    with Loopback(sites_app({"127.0.0.1": site})) as loopback:
        yield loopback


class Crawled(NamedTuple):
    """A crawl of the manual that tests only read."""

    run: SiteRun
    archives: list[Path]
    num_requests: int


def crawl(run: SiteRun, server: Loopback, **settings: object) -> Crawled:
    server.forget_requests()
    assert run(f"{server.url}/index.html", **settings).is_complete
    archives = [*run.archives("warc"), *run.archives("diagnostics")]
    assert len(archives) == 2
    return Crawled(run, archives, len(asked(server)))


@pytest.fixture(scope="module")
def crawled(server: Loopback, tmp_path_factory: pytest.TempPathFactory) -> Crawled:
    return crawl(SiteRun(tmp_path_factory.mktemp("crawled")), server)


def responses(path: Path) -> Iterator[tuple[str, int | None]]:
    """Yield the URL and status of each response in an archive."""
    with path.open("rb") as stream:
        for record in ArchiveIterator(stream):
            if record.headers.get("WARC-Type") == "response":
                url = record.headers["WARC-Target-URI"].strip("<>")
                yield url, record.http_headers.status_code


def test_warcio_finds_every_digest_right(crawled: Crawled) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "warcio.cli", "check", "-v"]
    done = subprocess.run([*command, *crawled.archives], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("digest pass") == 2 * crawled.num_requests + 2  # and two warcinfo


def test_fastwarc_finds_every_digest_right_and_warcinfo_first(crawled: Crawled) -> None:
    for archive in crawled.archives:
        with archive.open("rb") as stream:
            records = ArchiveIterator(stream, parse_http=False)
            checked = [
                (record.headers["WARC-Type"], record.verify_block_digest(consume=False))
                for record in records
            ]
        kinds, rights = zip(*checked, strict=True)
        assert kinds[0] == "warcinfo"
        assert set(kinds[1:]) == {"response", "request"}
        assert all(rights)


def test_every_page_of_the_sitemap_is_kept(crawled: Crawled) -> None:
    site = read_warc_sites(WEB / "math")["docs.sympy.test"]
    pages = {place.lstrip("/") for place, answer in site.items() if answer.is_page}
    assert set(crawled.run.paths()) == pages
    assert len(pages) > 40


def write_maze(folder: Path) -> None:
    """Write pages in folders with names that need escapes, and links of every spelling."""
    generator = random.Random(11)
    names = [f"{'deep/' * (i % 4)}page {i}\u00e9.html" for i in range(80)]
    for i, name in enumerate(names):
        depth = name.count("/")
        base = "" if i % 5 else '<base href="/">'
        links = []
        for target in generator.sample(names, 3) + names[i + 1 : i + 2]:
            up = "" if not i % 5 else "../" * depth
            spelling = (f"{up}{quote(target)}", f"/{quote(target)}#part", f"./{up}{target}")
            links.append(f'<a href="{generator.choice(spelling)}">to</a>')
        links.append(f'<iframe src="/frame%20{i}.html"></iframe><a href="mailto:a@example.org">')
        page = f'<html><head><meta charset="utf-8">{base}</head><body>{" ".join(links)}'
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(page, encoding="utf-8")
        (folder / f"frame {i}.html").write_text(f"<p>frame {i}")
    (folder / "index.html").write_text(f'<map><area href="{quote(names[0])}"></map>')


def wget_pages(folder: Path, start: str) -> set[str]:
    """Return the pages that wget finds from a start, for which it has status 200."""
    command = ["wget", "-q", "-r", "-l", "inf", "-e", "robots=on", "--warc-file=wget"]
    done = subprocess.run([*command, "--reject=css,png,svg,js,ico", start], cwd=folder)
    assert done.returncode in (0, 8)  # 8: a link led nowhere
    found = {url for url, status in responses(folder / "wget.warc.gz") if status == 200}
    return {url for url in found if not url.endswith("/robots.txt")}


@pytest.mark.system
def test_wget_finds_the_same_pages_of_a_manual(
    run: SiteRun, server: Loopback, tmp_path: Path
) -> None:
    archives = crawl(run, server, sitemaps=False).archives
    ours = {url for url, _ in responses(archives[0])}
    assert ours == wget_pages(tmp_path, f"{server.url}/index.html")
    assert len(ours) > 40


@pytest.mark.system
def test_wget_finds_the_same_pages_of_a_maze(run: SiteRun, tmp_path: Path) -> None:
    maze = tmp_path / "maze"
    write_maze(maze)
    with Loopback(sites_app({"127.0.0.1": read_folder_site(maze)})) as server:
        archives = crawl(run, server, sitemaps=False).archives
        ours = {url for url, _ in responses(archives[0])}
        assert ours == wget_pages(tmp_path, f"{server.url}/index.html")
    assert len(ours) == 161
