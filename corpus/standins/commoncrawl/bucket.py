"""Serves a folder over HTTP as S3 does: ranges, ETags, conditions, and errors in XML."""

import asyncio
import hashlib
from datetime import datetime, timezone
from email.utils import format_datetime
from pathlib import Path
from xml.sax.saxutils import escape

import msgspec
from aiohttp import web

from ...crawl.commoncrawl.paths import is_plain_path
from .byte_range import NoSuchRangeError, Span, parse_range

PIECE_BYTES = 1 << 18
CONTENT_TYPES = {".gz": "application/octet-stream", ".parquet": "binary/octet-stream"}


class StoredFile(msgspec.Struct, frozen=True):
    """One file of the bucket."""

    path: Path
    num_bytes: int
    etag: str
    modified: str


class Bucket:
    """The files below a folder, read-only; a file's ETag is the MD5 of its bytes, as in S3."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._etags: dict[tuple[str, int, int], str] = {}

    def app(self) -> web.Application:
        """Return the application that serves it."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self.serve)
        return app

    def find(self, name: str) -> StoredFile | None:
        """Return the file of this name, None if there is none below the folder."""
        path = self._root / name
        if not is_plain_path(name) or not path.resolve().is_relative_to(self._root):
            return None
        if not path.is_file():
            return None
        facts = path.stat()
        key = (name, facts.st_size, facts.st_mtime_ns)
        if key not in self._etags:
            self._etags[key] = _md5(path)
        modified = datetime.fromtimestamp(int(facts.st_mtime), timezone.utc)
        return StoredFile(
            path, facts.st_size, f'"{self._etags[key]}"', format_datetime(modified, usegmt=True)
        )

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a GET or HEAD."""
        name = request.match_info["path"]
        stored = await asyncio.to_thread(self.find, name)
        if stored is None:
            return _error(404, "NoSuchKey", "The specified key does not exist.", name)
        headers = {
            "ETag": stored.etag,
            "Last-Modified": stored.modified,
            "Accept-Ranges": "bytes",
            "Content-Type": CONTENT_TYPES.get(stored.path.suffix, "binary/octet-stream"),
        }
        if not _holds(request.headers.get("If-Match"), stored.etag, or_else=True):
            detail = "At least one of the pre-conditions you specified did not hold"
            return _error(412, "PreconditionFailed", detail, name)
        if _holds(request.headers.get("If-None-Match"), stored.etag, or_else=False):
            return web.Response(status=304, headers=headers)
        wanted = request.headers.get("Range")
        if request.headers.get("If-Range") not in (None, stored.etag, stored.modified):
            wanted = None
        try:
            span = parse_range(wanted, stored.num_bytes)
        except NoSuchRangeError:
            response = _error(416, "InvalidRange", "The range is not satisfiable", name)
            response.headers["Content-Range"] = f"bytes */{stored.num_bytes}"
            return response
        return await _send(request, stored, span, headers)


async def _send(
    request: web.Request, stored: StoredFile, span: Span | None, headers: dict[str, str]
) -> web.StreamResponse:
    response = web.StreamResponse(status=200 if span is None else 206, headers=headers)
    if span is not None:
        response.headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{stored.num_bytes}"
    position, end = (0, stored.num_bytes) if span is None else (span.start, span.end)
    response.content_length = end - position
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    with stored.path.open("rb") as stream:
        stream.seek(position)
        while position < end and (piece := stream.read(min(PIECE_BYTES, end - position))):
            await response.write(piece)
            position += len(piece)
    await response.write_eof()
    return response


def _holds(header: str | None, etag: str, *, or_else: bool) -> bool:
    """Tell whether a list of ETags names this one."""
    if header is None:
        return or_else
    return header.strip() == "*" or etag in (part.strip() for part in header.split(","))


def _error(status: int, code: str, message: str, key: str) -> web.Response:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message>"
        f"<Key>{escape(key)}</Key></Error>"
    )
    return web.Response(status=status, content_type="application/xml", text=text)


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while piece := stream.read(PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
