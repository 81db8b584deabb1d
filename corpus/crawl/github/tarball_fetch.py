"""Fetches the tarball that GitHub makes of a commit, and puts its files into the store."""

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from ..attempts import FetchError
from ..disk import cannot_write
from ..fetcher import Fetcher
from ..threads import in_thread
from ..transport import host_of
from ..verdict import Verdict, judge, retry_after
from .facts import RepositoryFacts
from .files import ContentLimits, RepositoryFile
from .partial import PartialFolder
from .replies import UnavailableError
from .store import Collected, RepositoryStore
from .tarball import Tarball
from .wanted import to_store
from .watched import Watched

ATTEMPTS = 2  # of a tarball that came damaged
_BROKEN = frozenset(("broke_off", "changed"))
_REASONS = {"http_404": "not_found", "http_410": "gone", "http_451": "dmca", "http_403": "blocked"}


class BadTarballError(Exception):
    """A tarball that is no use; the repository may be had another way."""


class TarballFetch:
    """One crawl's way to tarballs.

    Args:
        root: of codeload, without a slash at its end.
        max_bytes: a longer tarball is refused.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        store: RepositoryStore,
        partial: PartialFolder,
        *,
        root: str,
        limits: ContentLimits,
        max_bytes: int,
    ) -> None:
        self._fetcher = fetcher
        self._store = store
        self._partial = partial
        self._root = root
        self._limits = limits
        self._max_bytes = max_bytes

    async def collect(self, facts: RepositoryFacts, watched: Watched) -> Collected:
        """Return what a repository brought, which is to be committed or given up.

        Raises:
            UnavailableError: if it is gone, blocked or too large, or another commit came.
            BadTarballError: if it came damaged twice.
            FetchError: if it cannot be had now.
        """
        url = f"{self._root}/{quote(facts.full_name)}/legacy.tar.gz/{facts.commit}"
        attempt = 1
        while True:
            try:
                return await self._once(url, facts, watched)
            except BadTarballError:
                if attempt >= ATTEMPTS:
                    raise
            except UnavailableError as error:
                if error.reason != "wrong_commit" or attempt >= ATTEMPTS:
                    raise
            attempt += 1
            self._fetcher.hosts.get(host_of(url)).counts.retries += 1

    async def _once(self, url: str, facts: RepositoryFacts, watched: Watched) -> Collected:
        with self._partial.path(f"{facts.id}.tar.gz") as path:
            await self._download(url, path)

            def unpack(stop: threading.Event) -> Collected:
                watched.reset()
                tarball = Tarball(path, self._limits)
                files = watched.watch(_checked(tarball, url, facts.commit or ""), stop)
                return self._store.collect(to_store(facts), files)

            return await in_thread(unpack, take_back=self._store.give_up)

    async def _download(self, url: str, path: Path) -> None:
        num_bytes = 0
        try:
            with path.open("wb") as file:
                async for chunk in self._fetcher.chunks(url, judge=judge_download):
                    num_bytes += len(chunk)
                    if num_bytes > self._max_bytes:
                        raise UnavailableError(url, "too_large")
                    file.write(chunk)
        except FetchError as error:
            if error.reason in _REASONS:
                raise UnavailableError(url, _REASONS[error.reason]) from error
            if error.reason in _BROKEN:
                raise BadTarballError(error.detail) from error
            raise
        except OSError as error:
            raise cannot_write(path, error) from error


def judge_download(status: int, headers: Mapping[str, str], body: bytes) -> Verdict:
    """Judge codeload's answer: 403 is about the repository, unless a firewall sends a page."""
    if status == 403 and "html" in headers.get("content-type", ""):
        return Verdict("pause", retry_after(headers))
    return judge(status, headers, body)


def _checked(tarball: Tarball, url: str, commit: str) -> Iterator[RepositoryFile]:
    """Yield the files, and raise at the end if they are not what was asked for."""
    yield from tarball
    if tarball.is_over_limit:
        raise UnavailableError(url, "too_large")
    if tarball.error is not None or not tarball.commit:
        raise BadTarballError(tarball.error or "it does not say of which commit it is")
    if tarball.commit != commit:
        raise UnavailableError(url, "wrong_commit")
