"""The refusals of real services: S3's XML, a firewall's page, and plain errors."""

from aiohttp import web

_SLOW_DOWN = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message>"
    "<RequestId>4DC1B4F8A0E7A6D2</RequestId><HostId>loopback</HostId></Error>"
)
_BLOCKED = (
    "<!DOCTYPE html>\n<html><head><title>403 Forbidden</title></head>"
    "<body><h1>Request blocked</h1><p>Too many requests from this address.</p></body></html>\n"
)
REFUSALS = {
    "slow_down": (503, "application/xml", _SLOW_DOWN),
    "blocked": (403, "text/html", _BLOCKED),
    "too_many_requests": (429, "text/plain", "Too many requests\n"),
    "server_error": (500, "text/plain", "Internal server error\n"),
    "wrapped_slow_down": (500, "application/xml", _SLOW_DOWN),
}


def refusal(kind: str, retry_after_seconds: int | None) -> web.Response:
    """Return the answer of a refusal, with a Retry-After header if one is given."""
    status, content_type, text = REFUSALS[kind]
    headers = {} if retry_after_seconds is None else {"Retry-After": str(retry_after_seconds)}
    return web.Response(status=status, content_type=content_type, text=text, headers=headers)
