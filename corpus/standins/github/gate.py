"""What stands before every call of the API: user agent, token, limits, and conditional requests.

As at GitHub, an authenticated request whose If-None-Match holds is answered 304 and spends nothing.
"""

import hashlib

from aiohttp import web
from aiohttp.typedefs import Handler

from .answers import answer, failure
from .limits import Client, Ledger, Quota, Resource
from .urls import API

CLIENT: web.RequestKey[Client] = web.RequestKey("client", Client)
LIMITS_PAGE = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"
NO_USER_AGENT = (
    "Request forbidden by administrative rules. Please make sure your request has a User-Agent "
    "header (https://docs.github.com/en/rest/overview/resources-in-the-rest-api"
    "#user-agent-required). Check https://developer.github.com for other possible causes.\n"
)
SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)


class Gate:
    """The middleware in front of the API."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a call of the API through if it may pass; leave everything else alone."""
        if not request.path.startswith(API + "/"):
            return await handler(request)
        if not request.headers.get("User-Agent"):
            return web.Response(status=403, text=NO_USER_AGENT)
        token = _token(request)
        if token is not None and token not in self._ledger.limits.tokens:
            return failure(401, "Bad credentials")
        client = Client(token or f"address {request.remote}", is_anonymous=token is None)
        quota = self._ledger.quota(client, _resource(request))
        if client.is_anonymous and quota.resource == "graphql":
            return failure(401, "This endpoint requires you to be authenticated.")
        request[CLIENT] = client
        with self._ledger.admitted(client) as is_admitted:
            if not is_admitted:
                response: web.StreamResponse = self._secondary()
            else:
                response = await self._call(request, handler, quota, client)
        if not response.prepared:
            response.headers.update(quota.headers())
        return response

    async def _call(
        self, request: web.Request, handler: Handler, quota: Quota, client: Client
    ) -> web.StreamResponse:
        is_free = request.path == API + "/rate_limit"
        if quota.remaining == 0 and not is_free:
            return self._spent(request, client)
        if quota.resource == "graphql":  # its answer tells what is left after itself
            self._ledger.spend(quota, 1)
            is_free = True
        response = await handler(request)
        if isinstance(response, web.Response) and response.status == 200:
            response = _conditional(request, response)
        if not is_free and not (response.status == 304 and not client.is_anonymous):
            self._ledger.spend(quota, 1)
        return response

    def _secondary(self) -> web.Response:
        refused = failure(self._ledger.limits.limited_status, SECONDARY, LIMITS_PAGE)
        seconds = self._ledger.limits.retry_after_seconds
        if seconds is not None:
            refused.headers["Retry-After"] = str(seconds)
        return refused

    def _spent(self, request: web.Request, client: Client) -> web.Response:
        whom = request.remote if client.is_anonymous else "user ID 1"
        message = f"API rate limit exceeded for {whom}."
        if request.path == API + "/graphql":
            return answer({"errors": [{"type": "RATE_LIMITED", "message": message}]})
        return failure(self._ledger.limits.limited_status, message, LIMITS_PAGE)


def _token(request: web.Request) -> str | None:
    """Return the token of a request, in either of the two schemes, or None without one."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() in ("token", "bearer") else ""


def _resource(request: web.Request) -> Resource:
    if request.path == API + "/graphql":
        return "graphql"
    return "search" if request.path.startswith(API + "/search/") else "core"


def _conditional(request: web.Request, response: web.Response) -> web.Response:
    """Give an answer its ETag, and turn it into 304 where the client has the same."""
    if request.method not in ("GET", "HEAD") or not isinstance(response.body, bytes):
        return response
    etag = f'"{hashlib.sha256(response.body).hexdigest()}"'
    known = (part.strip() for part in request.headers.get("If-None-Match", "").split(","))
    if etag in {tag.removeprefix("W/") for tag in known}:
        response = web.Response(status=304)
    response.headers.update(
        {
            "ETag": etag,
            "Cache-Control": "private, max-age=60, s-maxage=60",
            "Vary": "Accept, Authorization, Cookie, X-GitHub-OTP",
        }
    )
    return response
