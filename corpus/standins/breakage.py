"""Sends an answer badly: too little of it, too slowly, or not at all."""

import asyncio
import socket
import struct

import msgspec
from aiohttp import web
from multidict import CIMultiDict

FLUSH_SECONDS = 0.05  # lets the client read what was sent before the connection is reset
PIECES_PER_SECOND = 20
# The server writes these itself.
_OWN_HEADERS = frozenset({"transfer-encoding", "connection", "date", "server", "content-length"})


class Answer(msgspec.Struct):
    """An answer held in memory; `is_sized` tells whether its length was announced."""

    status: int
    headers: CIMultiDict[str]
    body: bytes

    @property
    def is_sized(self) -> bool:
        """Tell whether the true answer said how long it is."""
        return "Content-Length" in self.headers

    def own_headers(self) -> CIMultiDict[str]:
        """Return the headers that the application wrote."""
        kept = ((k, v) for k, v in self.headers.items() if k.lower() not in _OWN_HEADERS)
        return CIMultiDict(kept)

    def response(self) -> web.Response:
        """Return the answer in whole."""
        response = web.Response(status=self.status, headers=self.own_headers(), body=self.body)
        if not self.is_sized:
            response.enable_chunked_encoding()
        return response


def drop_connection(request: web.Request) -> web.Response:
    """Close the connection before a byte of the answer is sent."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()  # never reaches the client


async def send_broken(
    request: web.Request, answer: Answer, body_fraction: float, *, is_reset: bool
) -> web.StreamResponse:
    """Send the first part of a body, then close or reset the connection."""
    response = await _begin(request, answer)
    await response.write(answer.body[: int(len(answer.body) * body_fraction)])
    transport = request.transport
    if transport is None:
        return response
    await asyncio.sleep(FLUSH_SECONDS)
    if is_reset:
        # No lingering: the kernel sends RST instead of FIN.
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    else:
        transport.close()
    return response


async def send_slowly(
    request: web.Request, answer: Answer, bytes_per_second: int
) -> web.StreamResponse:
    """Send a whole body at a steady rate."""
    response = await _begin(request, answer)
    piece_bytes = max(1, bytes_per_second // PIECES_PER_SECOND)
    for start in range(0, len(answer.body), piece_bytes):
        await response.write(answer.body[start : start + piece_bytes])
        await asyncio.sleep(piece_bytes / bytes_per_second)
    return response


async def _begin(request: web.Request, answer: Answer) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.own_headers())
    if answer.is_sized:
        response.content_length = len(answer.body)
    else:
        response.enable_chunked_encoding()
    await response.prepare(request)
    return response
