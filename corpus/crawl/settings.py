"""What a recipe says of its crawls: `[crawl]`, `[[crawl.github]]`, `[[crawl.commoncrawl]]` and
`[[crawl.site]]`.
"""

import re
from datetime import date
from typing import Literal

import msgspec

from .manners import Manners

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # it becomes a folder


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of every table here."""


class Endpoints(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the services are; only this differs between the real ones and stand-ins.

    Args:
        commoncrawl: an https:// or s3:// URL, or a folder of this machine.
    """

    github_api: str = "https://api.github.com"
    github_git: str = "https://github.com"
    codeload: str = "https://codeload.github.com"
    gharchive: str = "https://data.gharchive.org"
    commoncrawl: str = "https://data.commoncrawl.org"


class Standins(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Serves fixtures on loopback for the time of the crawl, in the place of all endpoints.

    Args:
        repositories: a folder of repositories; beside it lies their metadata, `FOLDER.jsonl`.
        issues: a file with an issue of one of these repositories a line, as JSON.
        web: a folder of WARC files. They are the crawl CC-MAIN-2024-22 of Common Crawl, and the
            sites whose pages they hold.
    """

    repositories: str | None = None
    issues: str | None = None
    web: str | None = None


class GithubCrawl(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Repositories of GitHub: which, and what of them.

    Args:
        repositories: a file with an `owner/name` or a numeric id a line.
        hours: first and last hour of GH Archive, such as `2015-01-01-0`, for repositories born in
            them (CreateEvent).
        since: list all public repositories with a greater id; 0 for all there are.
        organisations, users, queries: these accounts' repositories; results of the search API.
        created_before: DeepSeek-Coder-V2's rule (section 2: before November 2023).
        content: how files are fetched; a tarball that cannot be is cloned, too.
        max_repository_bytes: a repository that GitHub says is larger, or that turns out to be, is
            refused.
        max_blob_bytes: a longer file is listed and not stored.
        issues: also fetch issue threads, as documents.
        shards: a repository lies in the shard that its id hashes to.
        token_variable: the environment variable with tokens, separated by commas or spaces.
        token_file: a file with a token a line.
    """

    name: str
    repositories: str | None = None
    hours: tuple[str, str] | None = None
    since: int | None = None
    organisations: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    created_before: date = date(2023, 11, 1)
    forks: bool = True
    archived: bool = True
    min_stars: int = 0
    content: Literal["tarball", "clone", "none"] = "tarball"
    issues: bool = False
    max_repository_bytes: int = 2 << 30
    max_blob_bytes: int = 1 << 20
    shards: int = 8
    max_segment_bytes: int = 1 << 30
    token_variable: str = "GITHUB_TOKEN"  # noqa: S105
    token_file: str | None = None
    concurrency: int = 8
    api: Manners = Manners(requests_per_second=10.0, burst=10, concurrency=16)
    downloads: Manners = Manners(requests_per_second=4.0, concurrency=8)

    def __post_init__(self) -> None:
        if self.shards < 1 or self.concurrency < 1 or self.max_segment_bytes < 1:
            raise ValueError("shards, concurrency and max_segment_bytes must be at least 1")
        ways = (self.repositories, self.hours, self.since)
        lists = (self.organisations, self.users, self.queries)
        if all(way is None for way in ways) and not any(lists):
            names = "repositories, hours, since, organisations, users or queries"
            raise ValueError(f"say which repositories: {names}")
        if self.content == "none" and not self.issues:
            raise ValueError("content is none and issues is false: nothing would be fetched")


class CommonCrawl(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Records of Common Crawl: which.

    Args:
        crawl: an id such as `CC-MAIN-2024-22`; with nothing else, all of its WARC files.
        format: WARC files, or their plain text (WET).
        paths: a file with paths of WARC or WET files, one a line (plain or .gz).
        domains, hosts, mime, languages, statuses, url_prefix, where: select records by the index,
            where all of these hold; `where` is one SQL condition over its columns. Without any of
            them, and without `max_records`, files are copied whole, byte for byte.
        max_records, max_files: take a sample of this size, drawn by `seed`; of records by the
            index, of whole files.
        whole_file_fraction: a file of whose bytes more than this share is selected is read whole.
        max_gap_bytes: records that lie closer than this are fetched by one request.
        max_record_bytes: a selected record that is longer, packed or unpacked, is refused.
        memory_bytes: that the selection may take.
        concurrency: files that are fetched at once.
        s3: obstore's options, such as `region`, `endpoint` and `skip_signature`.
    """

    name: str
    crawl: str
    format: Literal["warc", "wet"] = "warc"
    paths: str | None = None
    domains: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    mime: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (200,)
    url_prefix: tuple[str, ...] = ()
    where: str | None = None
    max_records: int | None = None
    max_files: int | None = None
    seed: int = 0
    whole_file_fraction: float = 0.5
    max_gap_bytes: int = 1 << 16
    max_record_bytes: int = 16 << 20
    memory_bytes: int = 1 << 29
    concurrency: int = 8
    s3: dict[str, str] = {}
    manners: Manners = Manners(requests_per_second=2.0, concurrency=10, max_attempts=60)


class SiteCrawl(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pages of a site, from its robots.txt, sitemap and links.

    Args:
        urls: where to start; by default the crawl stays below each one's folder.
        include, exclude: RE2 patterns over whole URLs that widen and narrow that.
        max_depth: links away from a start.
        max_pages, max_bytes: budgets of the whole crawl.
        max_page_bytes: a longer page is cut there, and says so.
        sitemaps: also take the pages that sitemaps list.
    """

    name: str
    urls: tuple[str, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_depth: int = 16
    max_pages: int = 100_000
    max_bytes: int = 4 << 30
    max_page_bytes: int = 4 << 20
    sitemaps: bool = True
    max_segment_bytes: int = 1 << 30
    manners: Manners = Manners(requests_per_second=1.0, burst=1, concurrency=1, max_attempts=4)

    def __post_init__(self) -> None:
        if not self.urls:
            raise ValueError("urls must name at least one page to start from")


class CrawlSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[crawl]` table.

    Args:
        contact: a mail address or page that the User-Agent names; needed for any host but
            loopback.
        opt_out: a file of what is never fetched, one a line: `owner`, `owner/name`, a host, or a
            URL prefix.
        allow_loopback: lets crawls reach this machine, for tests; never other private addresses.
        redirect_hosts: where redirects may lead besides the endpoints' own hosts.
    """

    contact: str = ""
    opt_out: str | None = None
    allow_loopback: bool = False
    redirect_hosts: tuple[str, ...] = ()
    endpoints: Endpoints = Endpoints()
    standins: Standins | None = None
    github: tuple[GithubCrawl, ...] = ()
    commoncrawl: tuple[CommonCrawl, ...] = ()
    site: tuple[SiteCrawl, ...] = ()

    def __post_init__(self) -> None:
        crawls: tuple[GithubCrawl | CommonCrawl | SiteCrawl, ...]
        crawls = (*self.github, *self.commoncrawl, *self.site)
        names = [crawl.name for crawl in crawls]
        for name in names:
            if not _NAME.fullmatch(name):
                raise ValueError(f"a crawl's name is letters, digits, '.', '_' and '-': {name!r}")
            if names.count(name) > 1:
                raise ValueError(f"two crawls are called {name!r}")
