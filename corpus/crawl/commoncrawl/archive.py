"""Common Crawl's files through one endpoint: https, S3 or a folder, all with the same manners."""

import re
from collections.abc import AsyncGenerator, Callable, Mapping

import msgspec

from ..attempts import FetchError
from ..fetcher import Fetcher
from ..ranges import strong_etag
from ..transport import Reply
from ..verdict import judge_archive

_TOTAL = re.compile(r"bytes (?:\d+-\d+|\*)/(\d+)")
_LATER = frozenset(("http_403", "http_408", "http_425", "http_429"))


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of a file, its strong ETag, and its length if the server told it."""

    data: bytes
    etag: str | None
    file_bytes: int | None


class Archive:
    """Reads files by their path below the endpoint; a refusal to give one is a FetchError."""

    def __init__(self, fetcher: Fetcher, endpoint: str) -> None:
        self._fetcher = fetcher
        self._endpoint = endpoint.rstrip("/")

    def url(self, path: str) -> str:
        """Return where a file lies."""
        return f"{self._endpoint}/{path}"

    async def get(self, path: str, *, max_bytes: int) -> bytes:
        """Return a whole file."""
        url = self.url(path)
        answer = await self._fetcher.get(url, max_bytes=max_bytes, judge=judge_archive)
        if answer.status != 200:
            raise _refused(url, answer.status, answer.body)
        return answer.body

    async def read(self, path: str, start: int, end: int, *, etag: str | None = None) -> Piece:
        """Return the bytes from `start` to before `end`.

        Args:
            etag: of the file as it must still be; else FetchError `changed`.
        """
        url = self.url(path)
        answer = await self._fetcher.get(
            url, max_bytes=end - start, span=(start, end - 1), etag=etag, judge=judge_archive
        )
        if answer.status != 206:
            raise _refused(url, answer.status, answer.body)
        headers = answer.headers
        return Piece(
            data=answer.body, etag=strong_etag(headers), file_bytes=file_bytes_of(206, headers)
        )

    def stream(
        self,
        path: str,
        *,
        start: int = 0,
        etag: str | None = None,
        on_open: Callable[[Reply], None] | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """Yield a file's bytes from an offset on, whatever breaks off meanwhile."""
        return self._fetcher.chunks(
            self.url(path), start=start, etag=etag, on_open=on_open, judge=judge_archive
        )


def file_bytes_of(status: int, headers: Mapping[str, str]) -> int | None:
    """Return a file's length by the head of an answer, None if that does not say."""
    if status == 200:
        length = headers.get("content-length", "")
        return int(length) if length.isdecimal() else None
    total = _TOTAL.fullmatch(headers.get("content-range", ""))
    return int(total[1]) if total else None


def is_final(reason: str) -> bool:
    """Tell whether asking again in this run is useless: the archive has nothing like that."""
    is_refusal = reason.startswith("http_4") and reason not in _LATER
    return is_refusal or reason in ("not_of_index", "past_end")


def _refused(url: str, status: int, body: bytes) -> FetchError:
    detail = body[:200].decode("utf-8", "replace").replace("\n", " ")
    return FetchError(url, f"http_{status}", detail)
