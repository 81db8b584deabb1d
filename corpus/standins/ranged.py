"""Answers a request for bytes held in memory, whole, in part, or not again (RFC 9110)."""

import hashlib

from aiohttp import web


def ranged_response(request: web.Request, body: bytes, content_type: str) -> web.Response:
    """Return the part that a Range header asks for, the whole, or 304, 412 or 416."""
    etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
    headers = {"ETag": etag, "Accept-Ranges": "bytes"}
    if etag != request.headers.get("If-Match", etag):
        return web.Response(status=412, headers=headers)
    if etag == request.headers.get("If-None-Match"):
        return web.Response(status=304, headers=headers)
    is_same = request.headers.get("If-Range", etag) == etag
    if "Range" not in request.headers or not is_same:
        return web.Response(body=body, content_type=content_type, headers=headers)
    try:
        span = request.http_range
        first, stop, _ = span.indices(len(body))
    except ValueError:
        first, stop = len(body), 0
    if first >= stop:
        headers["Content-Range"] = f"bytes */{len(body)}"
        return web.Response(status=416, headers=headers)
    headers["Content-Range"] = f"bytes {first}-{stop - 1}/{len(body)}"
    return web.Response(
        status=206, body=body[first:stop], content_type=content_type, headers=headers
    )
