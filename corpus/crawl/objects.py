"""Objects on S3 through obstore, and files of a local disk, in the form of http's answers.

obstore was measured fastest for S3. For http it is not used: it follows redirects to any host,
and tells neither the status nor Retry-After.
"""

import os
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import obstore
from obstore import exceptions
from obstore.store import S3Store

from .guard import Guard, RefusedUrlError
from .transport import CHUNK_BYTES, Reply, Request, TransportError

if TYPE_CHECKING:
    from obstore import GetResult

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_STATUS = re.compile(r"\b(403|404|408|412|416|429|500|502|503|504)\b")


class S3Transport:
    """`s3://bucket/key`; credentials come from the environment or the machine's role."""

    def __init__(self, guard: Guard, options: Mapping[str, str]) -> None:
        """Take obstore's S3 options, such as `endpoint`, `region` and `skip_signature`."""
        if "endpoint" in options:
            guard.check_url(options["endpoint"])
        self._options = dict(options)
        self._stores: dict[str, S3Store] = {}

    async def close(self) -> None:
        """Nothing is held."""

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[Reply]:
        """Ask, and give the connection back at the end of the block."""
        bucket, _, key = request.url.removeprefix("s3://").partition("/")
        options: dict[str, object] = {}
        span = _span(request)
        if span is not None:
            first, last = span
            options["range"] = {"offset": first} if last is None else (first, last + 1)
        for header, option in (("If-Match", "if_match"), ("If-None-Match", "if_none_match")):
            if header in request.headers:
                options[option] = request.headers[header]
        try:
            found = await obstore.get_async(self._store(bucket), key, options=cast(Any, options))
        except (exceptions.BaseError, FileNotFoundError, PermissionError) as error:
            yield _refusal(request, error)
            return
        first, end = found.range
        headers = {"content-length": str(end - first), "etag": found.meta["e_tag"] or ""}
        if span is not None:
            headers["content-range"] = f"bytes {first}-{end - 1}/{found.meta['size']}"
        yield _answer(request, headers, status=200 if span is None else 206, chunks=_stream(found))

    def _store(self, bucket: str) -> S3Store:
        store = self._stores.get(bucket)
        if store is None:
            options = dict(self._options)
            is_http = options.get("endpoint", "").startswith("http://")
            store = self._stores[bucket] = S3Store(
                bucket,
                config=cast(Any, options),
                client_options={"allow_http": is_http},
                retry_config={"max_retries": 0},  # ours decides
            )
        return store


class FileTransport:
    """A file of a local disk, where an endpoint of the recipe is a folder.

    Args:
        root: the folder that no path may leave.
    """

    def __init__(self, root: str) -> None:
        self._root = Path(root).resolve()

    async def close(self) -> None:
        """Nothing is held."""

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[Reply]:
        """Open the file."""
        path = Path(request.url).resolve()
        if not path.is_relative_to(self._root):
            raise RefusedUrlError(request.url, "host", f"it is not in {self._root}")
        try:
            stream = path.open("rb")
        except FileNotFoundError:
            yield _answer(request, {}, status=404, chunks=_body(b""))
            return
        except OSError as error:
            raise TransportError("storage", f"{path}: {error.strerror or error}") from error
        with stream:
            yield _file_answer(request, stream)


def _span(request: Request) -> tuple[int, int | None] | None:
    match = _RANGE.fullmatch(request.headers.get("Range", ""))
    if match is None:
        return None
    return int(match[1]), int(match[2]) if match[2] else None


def _file_answer(request: Request, stream: BinaryIO) -> Reply:
    facts = os.fstat(stream.fileno())
    etag = f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'
    headers = {"etag": etag}
    if request.headers.get("If-Match", etag) != etag:
        return _answer(request, headers, status=412, chunks=_body(b""))
    status, first, end = 200, 0, facts.st_size
    if span := _span(request):
        first, last = span
        if first >= facts.st_size:
            headers["content-range"] = f"bytes */{facts.st_size}"
            return _answer(request, headers, status=416, chunks=_body(b""))
        end = facts.st_size if last is None else min(facts.st_size, last + 1)
        status, headers["content-range"] = 206, f"bytes {first}-{end - 1}/{facts.st_size}"
    headers["content-length"] = str(end - first)
    stream.seek(first)
    return _answer(request, headers, status=status, chunks=_pieces(stream.read, end - first))


def _answer(
    request: Request, headers: dict[str, str], *, status: int, chunks: AsyncIterator[bytes]
) -> Reply:
    return Reply(
        url=request.url,
        status=status,
        reason="",
        headers=headers,
        raw_headers=tuple(headers.items()),
        address="",
        version="1.1",
        chunks=chunks,
    )


def _refusal(request: Request, error: Exception) -> Reply:
    """Return the answer that an error of the client stands for."""
    text = str(error)
    known: dict[type[Exception], int] = {
        FileNotFoundError: 404,
        exceptions.NotFoundError: 404,
        PermissionError: 403,
        exceptions.PermissionDeniedError: 403,
        exceptions.UnauthenticatedError: 401,
        exceptions.PreconditionError: 412,
        exceptions.NotModifiedError: 304,
    }
    status = next((code for kind, code in known.items() if isinstance(error, kind)), None)
    if status is None:
        match = _STATUS.search(text)
        if match is None:
            raise TransportError("connection", text.splitlines()[0]) from error
        status = int(match[1])
    return _answer(request, {}, status=status, chunks=_body(text.encode()))


async def _stream(found: "GetResult") -> AsyncIterator[bytes]:
    try:
        async for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
            yield bytes(chunk)
    except exceptions.BaseError as error:
        raise TransportError("short_body", str(error).splitlines()[0]) from error


async def _body(data: bytes) -> AsyncIterator[bytes]:
    if data:
        yield data


async def _pieces(read: Callable[[int], bytes], num_bytes: int) -> AsyncIterator[bytes]:
    try:
        while num_bytes > 0 and (data := read(min(num_bytes, CHUNK_BYTES))):
            num_bytes -= len(data)
            yield data
    except OSError as error:
        raise TransportError("storage", str(error.strerror or error)) from error
    if num_bytes > 0:
        raise TransportError("short_body", f"{num_bytes} bytes are missing")
