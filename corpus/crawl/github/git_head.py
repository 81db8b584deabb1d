"""The commit that a repository's default branch points to, by git's own protocol.

REST's description of a repository lacks it; asking git costs nothing of an API's quota, and only
the head of the answer is read.
"""

from urllib.parse import quote

from ..attempts import FetchError
from ..fetcher import Fetcher
from .replies import UnavailableError

MAX_HEAD_BYTES = 1 << 16
_SHA_CHARS = 40


async def fetch_head(fetcher: Fetcher, root: str, full_name: str) -> str | None:
    """Return the commit of HEAD, None for an empty repository.

    Args:
        root: of git over http, without a slash at its end.

    Raises:
        UnavailableError: if it is not there or not public.
        FetchError: if it cannot be had now.
    """
    url = f"{root}/{quote(full_name)}.git/info/refs?service=git-upload-pack"
    answer = await fetcher.get(url, max_bytes=MAX_HEAD_BYTES, may_truncate=True)
    if answer.status in (401, 404):  # git asks for a password where there is nothing
        raise UnavailableError(url, "not_found")
    if answer.status != 200:
        raise UnavailableError(url, {403: "blocked", 451: "dmca"}.get(answer.status, "no_git"))
    try:
        return parse_head(answer.body)
    except ValueError as error:
        raise FetchError(url, "bad_refs", str(error)) from None


def parse_head(body: bytes) -> str | None:
    """Return the id that the first reference has, if that is HEAD.

    Raises:
        ValueError: if it is no list of references.
    """
    position = 0
    while position + 4 <= len(body):
        length = int(body[position : position + 4], 16)
        line = body[position + 4 : position + length]
        position += max(length, 4)
        if length == 0 or line.startswith(b"#"):
            continue
        sha, _, name = line.partition(b" ")
        if len(sha) != _SHA_CHARS:
            raise ValueError("it is no list of references")
        is_head = name.split(b"\0")[0].strip() == b"HEAD"
        return sha.decode("ascii", "replace") if is_head else None
    raise ValueError("the list of references ends early")
