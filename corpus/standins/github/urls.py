"""Where each of GitHub's hosts lies below the one loopback port."""

from aiohttp import web

API = "/api"
GIT = "/git"
CODELOAD = "/codeload"
GHARCHIVE = "/gharchive"


def api_root(request: web.Request) -> str:
    """Return the address of api.github.com's stand-in, as the client reached it."""
    return f"http://{request.host}{API}"


def git_root(request: web.Request) -> str:
    """Return the address of github.com's stand-in, as the client reached it."""
    return f"http://{request.host}{GIT}"


def codeload_root(request: web.Request) -> str:
    """Return the address of codeload.github.com's stand-in, as the client reached it."""
    return f"http://{request.host}{CODELOAD}"
