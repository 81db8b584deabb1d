"""Records a second of ranged reads from an archive on loopback: ours, cdx_toolkit, requests.

Ours is the whole crawl once the records are chosen: requests under manners whose rate is out of the
way, every gzip member, URL and digest checked, appended to files, with checkpoints that survive a
power cut. It is run with a request a record, as the others make, and as it is set by default, where
close records share one. cdx_toolkit's `fetch_warc_record` runs with its own wait between requests
set to nothing (CDXT_DEFAULT_MIN_RETRY_INTERVAL=0); by default it waits 0.55 s for Common Crawl. It
parses a record with warcio and makes a connection for each; the third keeps one open. Neither
checks a digest, and both keep nothing.

The server is nginx where it is installed, else our stand-in in a process of its own. Speeds are of
wall time, the best of three runs in turns.
"""

import argparse
import io
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet as pq

from gristmill.corpus.crawl.manners import Manners
from gristmill.corpus.crawl.settings import CommonCrawl, CrawlSettings, Endpoints
from gristmill.corpus.standins.commoncrawl.captures import pack_member, read_captures
from gristmill.corpus.standins.commoncrawl.tree import Tree, build_tree
from gristmill.pipelines.crawl import run_crawls

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures/web").glob("*/*.warc.gz"))
NUM_FILES = 8
NUM_RUNS = 3
UNHURRIED = Manners(requests_per_second=1e9, burst=1_000_000, concurrency=16)
NGINX = """
{user}
daemon off;
pid {home}/nginx.pid;
error_log {home}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    keepalive_requests 1000000;
    server {{ listen 127.0.0.1:{port}; root {root}; default_type application/octet-stream; }}
}}
"""
STANDIN = """
import sys
from pathlib import Path
from aiohttp import web
from gristmill.corpus.standins.commoncrawl.bucket import Bucket
web.run_app(Bucket(Path(sys.argv[1])).app(), host="127.0.0.1", port=int(sys.argv[2]), print=None)
"""
Capture = dict[str, str]
Row = dict[str, str | int | float]
Reader = Callable[[], int]


def main() -> None:
    """Measure, then print a table or, with --json, one object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--records", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ranged-reads-") as folder:
        home = Path(folder)
        tree = make_archive(home, options.records)
        with served(home / "bucket", home) as (url, server):
            rows = measure(url, home, tree)
    if options.json:
        print("\n".join(json.dumps(row | {"server": server}) for row in rows))
        return
    stamp = f"cdx_toolkit {version('cdx_toolkit')}, requests {version('requests')}, {server}"
    print(f"Python {platform.python_version()}, {platform.machine()}, {stamp}")
    print(f"{'':36}{'records':>9}{'seconds':>9}{'records/s':>11}{'ours/it':>9}")
    for row in rows:
        speeds = f"{row['seconds']:9.2f}{row['records_per_second']:11.0f}{row['ratio']:9.2f}"
        print(f"{row['name']:36}{row['records']:9}{speeds}")


def make_archive(home: Path, num_records: int) -> Tree:
    """Build an archive in which a request record stands before every page, as in Common Crawl."""
    pages = [capture.page for path in FIXTURES for capture in read_captures(path).captures]
    sources = []
    for number in range(NUM_FILES):
        first = read_captures(FIXTURES[0]).warcinfo
        members = [first]
        for index in range(number, num_records, NUM_FILES):
            page = pages[index % len(pages)]
            url = f"{page.url}?copy={index}"
            date = page.headers["warc-date"]
            members.append(pack_member(record("request", url, date, b"GET / HTTP/1.1\r\n\r\n")))
            digest = page.headers["warc-payload-digest"]
            members.append(pack_member(record("response", url, date, page.block, digest)))
        path = home / f"{number}.warc.gz"
        path.write_bytes(b"".join(members))
        sources.append(path)
    return build_tree(sources, home / "bucket")


def record(kind: str, url: str, date: str, block: bytes, digest: str = "") -> bytes:
    """Return a WARC record."""
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: {date}\r\n"
    head += f"WARC-Record-ID: <urn:bench:{kind}:{url}>\r\n"
    head += f"Content-Type: application/http; msgtype={kind}\r\nContent-Length: {len(block)}\r\n"
    if digest:
        head += f"WARC-Payload-Digest: {digest}\r\n"
    return head.encode() + b"\r\n" + block + b"\r\n\r\n"


@contextmanager
def served(bucket: Path, home: Path) -> Iterator[tuple[str, str]]:
    """Yield the URL of a server, and what it is."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program:
        user = "user root;" if os.geteuid() == 0 else ""
        config = home / "nginx.conf"
        config.write_text(NGINX.format(user=user, home=home, root=bucket, port=port))
        command = [program, "-e", str(home / "error.log"), "-c", str(config)]
    else:
        command = [sys.executable, "-c", STANDIN, str(bucket), str(port)]
    process = subprocess.Popen(command)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", "nginx" if program else "stand-in"
    finally:
        process.terminate()
        process.wait()


def measure(url: str, home: Path, tree: Tree) -> list[Row]:
    """Return name, records, seconds, speed and ours relative to it of every reader."""
    captures = read_index(home / "bucket", tree)
    readers: dict[str, Reader] = {
        "ours, a request a record": crawler(url, home / "single", tree, max_gap_bytes=0),
        "ours, close records together": crawler(url, home / "merged", tree, max_gap_bytes=1 << 16),
        "cdx_toolkit fetch_warc_record": lambda: read_with_cdx_toolkit(url, captures),
        "requests session and warcio": lambda: read_with_requests(url, captures),
    }
    seconds = dict.fromkeys(readers, float("inf"))
    records = {}
    for _ in range(NUM_RUNS):
        for name, reader in readers.items():
            started = time.perf_counter()
            records[name] = reader()
            seconds[name] = min(seconds[name], time.perf_counter() - started)
    assert len(set(records.values())) == 1, records
    ours = next(iter(seconds.values()))
    return [
        {
            "name": name,
            "records": records[name],
            "seconds": taken,
            "records_per_second": records[name] / taken,
            "ratio": taken / ours,
        }
        for name, taken in seconds.items()
    ]


def read_index(bucket: Path, tree: Tree) -> list[Capture]:
    """Return url, filename, offset and length of every page, in the files' order."""
    paths = [path for path in tree.table_paths if "/subset=warc/" in path]
    rows = [row for path in paths for row in pq.ParquetFile(bucket / path).read().to_pylist()]
    rows.sort(key=lambda row: (row["warc_filename"], row["warc_record_offset"]))
    return [
        {
            "url": row["url"],
            "filename": row["warc_filename"],
            "offset": str(row["warc_record_offset"]),
            "length": str(row["warc_record_length"]),
        }
        for row in rows
    ]


def crawler(url: str, out: Path, tree: Tree, *, max_gap_bytes: int) -> Reader:
    """Return a function that crawls all records anew; the selection is made here, once."""
    table = CommonCrawl(
        name="cc",
        crawl=tree.crawl,
        mime=("text/html",),
        max_gap_bytes=max_gap_bytes,
        whole_file_fraction=2.0,
        manners=UNHURRIED,
    )
    settings = CrawlSettings(
        contact="mailto:bench@example.org",
        allow_loopback=True,
        endpoints=Endpoints(commoncrawl=url),
        commoncrawl=(table,),
    )

    def crawl() -> int:
        shutil.rmtree(out / "crawl/cc/warc", ignore_errors=True)  # what is lost is fetched again
        outcome = run_crawls(
            settings, out=str(out), base=".", report=lambda _: None, note=lambda _: None
        )
        assert outcome.is_complete
        return outcome.crawls[0].counts["records"]

    crawl()
    return crawl


def read_with_cdx_toolkit(url: str, captures: list[Capture]) -> int:
    """Return the number of records, each read to its end."""
    os.environ["CDXT_DEFAULT_MIN_RETRY_INTERVAL"] = "0"  # read when it is imported
    from cdx_toolkit.warc import fetch_warc_record

    num_records = 0
    for capture in captures:
        fetch_warc_record(capture, url).content_stream().read()
        num_records += 1
    return num_records


def read_with_requests(url: str, captures: list[Capture]) -> int:
    """Return the number of records, each read to its end."""
    import requests
    from warcio.archiveiterator import ArchiveIterator

    num_records = 0
    with requests.Session() as session:
        for capture in captures:
            start = int(capture["offset"])
            span = f"bytes={start}-{start + int(capture['length']) - 1}"
            reply = session.get(f"{url}/{capture['filename']}", headers={"Range": span}, timeout=60)
            for found in ArchiveIterator(io.BytesIO(reply.content)):
                found.content_stream().read()
                num_records += 1
    return num_records


if __name__ == "__main__":
    main()
