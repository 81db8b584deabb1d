"""What every kind of crawl is given: its ledger, its fetcher, its folder, and when to stop."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from ..errors import GristmillError
from .fetcher import Fetcher
from .guard import Guard, HostMap
from .ledger import Ledger
from .manners import Manners
from .settings import CrawlSettings, Endpoints
from .transport import host_of

PROJECT = "gristmill"


class CrawlContext(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one crawl.

    Attributes:
        folder: OUT/crawl/NAME.
        base: what paths in the recipe start from.
        stop: is set when the run is to end; what is in flight is given up.
        note: takes up what a person should read.
        user_agent: what we call ourselves, also to git.
    """

    folder: Path
    base: Path
    ledger: Ledger
    fetcher: Fetcher
    endpoints: Endpoints
    allow_loopback: bool
    opt_out: Path | None
    stop: asyncio.Event
    note: Callable[[str], None]
    user_agent: str


def user_agent(settings: CrawlSettings, version: str) -> str:
    """Return the User-Agent, with whom to write to."""
    contact = f" (+{settings.contact})" if settings.contact else ""
    return f"{PROJECT}/{version}{contact}"


def make_fetcher(
    settings: CrawlSettings,
    *,
    manners: Manners,
    agent: str,
    note: Callable[[str], None],
    is_web: bool = False,
    host_map: HostMap | None = None,
    s3_options: dict[str, str] | None = None,
) -> Fetcher:
    """Return the fetcher of one crawl.

    Args:
        is_web: pages of any public host are fetched; else only the endpoints' hosts are.
        host_map: where stand-ins are, by the names of the hosts that they stand for.

    Raises:
        GristmillError: if a service that is not a stand-in would be asked by nobody in particular.
    """
    urls = list(msgspec.structs.asdict(settings.endpoints).values())
    hosts = {host_of(url) for url in urls if "://" in url} | set(settings.redirect_hosts)
    if not settings.contact and settings.standins is None and not _are_loopback(hosts):
        raise GristmillError(
            "it does not say who crawls",
            where="crawl.contact",
            todo='Give a mail address or a page, such as contact = "mailto:you@example.org".',
        )
    if s3_options and "endpoint" in s3_options:
        hosts.add(host_of(s3_options["endpoint"]))
    names = None if is_web else frozenset(host.partition(":")[0] for host in hosts)
    local = settings.endpoints.commoncrawl
    return Fetcher(
        guard=Guard(hosts=names, allow_loopback=settings.allow_loopback, host_map=host_map),
        user_agent=agent,
        manners=manners,
        note=note,
        redirect_hosts=None if is_web else frozenset(hosts),
        s3_options=s3_options,
        local_root=local if "://" not in local else None,
    )


def _are_loopback(hosts: set[str]) -> bool:
    return all(
        urlsplit(f"//{host}").hostname in ("127.0.0.1", "::1", "localhost") for host in hosts
    )
