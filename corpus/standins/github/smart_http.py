"""github.com's git over HTTP: `git http-backend` run as CGI, streamed both ways."""

import asyncio
from collections.abc import Mapping

from aiohttp import web

from .git import running_git
from .state import BLOCK_STATUS, GithubState, StandinRepository
from .urls import GIT, git_root

PIECE_BYTES = 1 << 16


class SmartHttp:
    """Handlers over one state."""

    def __init__(self, state: GithubState) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        """Return what to answer where; pushing is refused."""
        tail = r"{tail:info/refs|git-upload-pack|git-receive-pack}"
        return [web.route("*", GIT + "/{owner}/{name}/" + tail, self.handle)]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request of git."""
        name = request.match_info["name"].removesuffix(".git")
        full_name = f"{request.match_info['owner']}/{name}"
        tail = request.match_info["tail"]
        if "receive-pack" in request.path_qs:
            return web.Response(status=403, text="This stand-in is read-only.\n")
        found = self._state.by_name(full_name)
        if found is None and (renamed := self._state.moved(full_name)) is not None:
            where = f"{git_root(request)}/{renamed.full_name}.git/{tail}"
            query = f"?{request.query_string}" if request.query_string else ""
            return web.Response(status=301, headers={"Location": where + query})
        if found is not None and found.block is not None:
            text = f"Repository unavailable: {found.block}.\n"
            return web.Response(status=BLOCK_STATUS[found.block], text=text)
        if found is None or found.git_dir is None:
            # What does not exist and what is private look the same: both ask who you are.
            asks = {"WWW-Authenticate": 'Basic realm="GitHub"'}
            return web.Response(status=401, text="Repository not found.\n", headers=asks)
        return await _run_backend(request, _environment(request, found, tail))


def _environment(request: web.Request, repository: StandinRepository, tail: str) -> dict[str, str]:
    """Return the CGI variables; the server has already unpacked a compressed body."""
    assert repository.git_dir is not None
    variables = {
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROJECT_ROOT": str(repository.git_dir.parent.absolute()),
        "PATH_INFO": f"/{repository.git_dir.name}/{tail}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.query_string,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "REMOTE_ADDR": request.remote or "",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    protocol = request.headers.get("Git-Protocol")
    return variables | ({"HTTP_GIT_PROTOCOL": protocol} if protocol else {})


async def _run_backend(request: web.Request, variables: Mapping[str, str]) -> web.StreamResponse:
    async with running_git("http-backend", environment=dict(variables)) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        feeding = asyncio.create_task(_feed(request, process.stdin))
        try:
            response = _response(await process.stdout.readuntil(b"\r\n\r\n"))
            await response.prepare(request)
            while piece := await process.stdout.read(PIECE_BYTES):
                await response.write(piece)
        except asyncio.IncompleteReadError:
            return web.Response(status=500, text="git ended without an answer.\n")
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
        return response


async def _feed(request: web.Request, stdin: asyncio.StreamWriter) -> None:
    try:
        async for piece in request.content.iter_any():
            stdin.write(piece)
            await stdin.drain()
    except (BrokenPipeError, ConnectionResetError):  # git or the client went away
        return
    finally:
        stdin.close()


def _response(head: bytes) -> web.StreamResponse:
    status = 200
    response = web.StreamResponse()
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        elif value:
            response.headers[name] = value.strip()
    response.set_status(status)
    if "Content-Length" not in response.headers:
        response.enable_chunked_encoding()
    return response
