"""Fetches a commit with git, behind the same gate as every request, and puts it into the store."""

import ipaddress
import re
import threading
from pathlib import Path
from urllib.parse import quote, urlsplit

from ...errors import StorageError
from ..attempts import FetchError
from ..disk import AGAIN
from ..fetcher import Fetcher
from ..guard import GuardedResolver, RefusedUrlError
from ..manners import HostGivenUpError
from ..threads import in_thread
from ..transport import host_of
from .clone import clone, read_clone
from .facts import RepositoryFacts
from .files import ContentLimits
from .git_process import CloneError, CloneSettings, Failure
from .partial import PartialFolder
from .replies import UnavailableError
from .store import Collected, RepositoryStore
from .wanted import to_store
from .watched import StoppedError, Watched

_REFUSALS: dict[Failure, str] = {
    "not_found": "not_found",
    "dmca": "dmca",
    "forbidden": "blocked",
    "moved": "moved",
    "no_commit": "no_commit",
    "too_big": "too_large",
    "refused_url": "refused_url",
}
_REQUEST = re.compile(rb"=> Send header: (?:GET|POST) ")


class CloneFetch:
    """One crawl's way to clones.

    Args:
        root: of git over http, without a slash at its end.
        settings: with our User-Agent.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        store: RepositoryStore,
        partial: PartialFolder,
        *,
        root: str,
        limits: ContentLimits,
        settings: CloneSettings,
    ) -> None:
        self._fetcher = fetcher
        self._store = store
        self._partial = partial
        self._root = root
        self._limits = limits
        self._settings = settings

    async def collect(self, facts: RepositoryFacts, watched: Watched) -> Collected:
        """Return what a repository brought, which is to be committed or given up.

        Raises:
            UnavailableError: if it is gone, blocked or too large.
            FetchError: if it cannot be had now.
        """
        url = f"{self._root}/{quote(facts.full_name)}.git"
        with self._partial.path(f"{facts.id}.git") as folder:
            await self._clone(url, folder, facts)

            def read(stop: threading.Event) -> Collected:
                watched.reset()
                files = read_clone(folder, facts.commit or "", self._limits)
                return self._store.collect(to_store(facts), watched.watch(files, stop))

            try:
                return await in_thread(read, take_back=self._store.give_up)
            except CloneError as error:
                raise self._explained(url, error) from error

    async def _clone(self, url: str, folder: Path, facts: RepositoryFacts) -> None:
        host = self._fetcher.hosts.get(host_of(url))
        with self._partial.path(f"{facts.id}.trace") as trace:
            addresses = await self._addresses(url)

            def run(stop: threading.Event) -> None:
                clone(
                    url,
                    folder,
                    commit=facts.commit,
                    limits=self._limits,
                    settings=self._settings,
                    guard=self._fetcher.guard,
                    addresses=addresses,
                    stop=stop,
                    trace=trace.absolute(),
                )

            try:
                async with host.slot():
                    host.counts.requests -= 1  # git makes several, or none
                    try:
                        await in_thread(run)
                    finally:
                        host.counts.requests += _num_requests(trace)
                        host.counts.received_bytes += _pack_bytes(folder)
            except HostGivenUpError as error:
                raise FetchError(url, "host_paused", f"{error} blocks us") from error
            except CloneError as error:
                raise self._explained(url, error) from error
        host.succeeded()

    def _explained(self, url: str, error: CloneError) -> Exception:
        """Return what a failed clone means for its item."""
        if error.failure in _REFUSALS:
            return UnavailableError(url, _REFUSALS[error.failure])
        if error.failure == "stopped":
            return StoppedError()
        if "No space left on device" in error.detail or "File too large" in error.detail:
            return StorageError(
                "git cannot write its clone",
                where=url,
                todo=AGAIN,
            )
        if error.failure == "rate_limited":
            self._fetcher.hosts.get(host_of(url)).pushed_back()
        return FetchError(url, f"clone_{error.failure}", error.detail)

    async def _addresses(self, url: str) -> tuple[str, ...]:
        """Return the addresses that git may connect to; none where the URL has one itself."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            pass
        else:
            return ()
        resolver = GuardedResolver(self._fetcher.guard)
        try:
            found = await resolver.resolve(host, parts.port or 0)
        except RefusedUrlError as error:
            raise FetchError(url, f"refused_{error.refusal}", error.detail) from error
        except OSError as error:
            raise FetchError(url, "dns", str(error)) from error
        finally:
            await resolver.close()
        return tuple(each["host"] for each in found)


def _num_requests(trace: Path) -> int:
    return len(_REQUEST.findall(trace.read_bytes())) if trace.exists() else 0


def _pack_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("objects/pack/*.pack"))
