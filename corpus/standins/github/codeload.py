"""codeload.github.com: archives of a commit, made by git as they are sent."""

import hashlib
from pathlib import Path

from aiohttp import web

from .git import running_git
from .state import BLOCK_STATUS, GithubState, StandinRepository
from .urls import CODELOAD

PIECE_BYTES = 1 << 16
ABBREVIATION = 7
_HEADERS = {
    "Content-Type": "application/x-gzip",
    "Vary": "Authorization,Accept-Encoding,Origin",
    "X-Content-Type-Options": "nosniff",
}


class Codeload:
    """Handlers over one state."""

    def __init__(self, state: GithubState) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        """Return what to answer where."""
        root = CODELOAD + "/{owner}/{name}"
        return [
            web.get(root + r"/{kind:legacy\.tar\.gz|tar\.gz}/{ref:.+}", self.archive),
        ]

    async def archive(self, request: web.Request) -> web.StreamResponse:
        """Send the archive of a commit, branch or tag, without announcing its length."""
        full_name = f"{request.match_info['owner']}/{request.match_info['name']}"
        found = self._state.by_name(full_name) or self._state.moved(full_name)
        if found is not None and found.block is not None:
            return web.Response(status=BLOCK_STATUS[found.block], text="Repository unavailable\n")
        commit = None
        if found is not None and found.git_dir is not None:
            commit = await resolve(found.git_dir, request.match_info["ref"])
        if found is None or found.git_dir is None or commit is None:
            return web.Response(status=404, text="404: Not Found")
        kind = request.match_info["kind"]
        etag = _etag(found, commit, kind)
        if etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers={"ETag": etag})
        short = f"{found.owner}-{found.name}-{commit[:ABBREVIATION]}"
        top = short if kind.startswith("legacy") else f"{found.name}-{request.match_info['ref']}"
        response = web.StreamResponse(headers=_HEADERS | {"ETag": etag})
        response.headers["Content-Disposition"] = f"attachment; filename={short}.tar.gz"
        response.enable_chunked_encoding()
        await response.prepare(request)
        if request.method != "HEAD":
            arguments = ["--format=tar.gz", f"--prefix={top}/", commit]
            await _send_archive(request, response, found.git_dir, arguments)
        return response


async def resolve(git_dir: Path, ref: str) -> str | None:
    """Return the commit that a name stands for, or None."""
    arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    async with running_git(f"--git-dir={git_dir}", *arguments) as process:
        output, _ = await process.communicate()
    return output.decode("ascii").strip() if process.returncode == 0 else None


async def _send_archive(
    request: web.Request, response: web.StreamResponse, git_dir: Path, arguments: list[str]
) -> None:
    async with running_git(f"--git-dir={git_dir}", "archive", *arguments) as process:
        assert process.stdout is not None
        while piece := await process.stdout.read(PIECE_BYTES):
            await response.write(piece)
        if await process.wait() != 0 and request.transport is not None:
            request.transport.abort()  # or the client takes half an archive for a whole one


def _etag(repository: StandinRepository, commit: str, kind: str) -> str:
    named = f"{repository.full_name} {commit} {kind}".encode()
    return f'W/"{hashlib.sha256(named).hexdigest()}"'
