"""Reads Common Crawl's listings: gzip files with the path of one file a line."""

import gzip
import hashlib
import heapq
import io
import re
import zlib
from collections.abc import Sequence

from ...errors import GristmillError

# A listing of the largest crawl so far, 100,000 WARC files, unpacks to 14 MB.
MAX_LISTING_BYTES = 1 << 28
MAX_PATH_CHARS = 1024
MAX_LAYERS = 3
MAGIC = b"\x1f\x8b"
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=+-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.=+-]*)*")


def read_listing(data: bytes, *, where: str) -> tuple[str, ...]:
    """Return the paths of a listing in its order.

    A server that labels the file with Content-Encoding may have packed it once more, or a client
    unpacked it already: any number of gzip layers up to three is taken off.

    Args:
        data: the listing as it was fetched.
        where: its URL or file, for errors.

    Raises:
        GristmillError: it is damaged, or a line is no relative path.
    """
    lines = _unpack(data, where).decode("utf-8", "replace").splitlines()
    paths = [line.strip() for line in lines if line.strip()]
    for path in paths:
        check_path(path, where=where)
    return tuple(dict.fromkeys(paths))


def check_path(path: str, *, where: str) -> str:
    """Return `path` if it is relative, plain and stays below its root.

    Raises:
        GristmillError: it could leave the root or the host it is appended to.
    """
    if not is_plain_path(path):
        raise GristmillError(
            f"{path[:200]!r} is no path below a crawl's root",
            where=where,
            todo="Give a listing as Common Crawl publishes it, such as warc.paths.gz.",
        )
    return path


def is_plain_path(path: str) -> bool:
    """Tell whether a path is relative, stays below its root and has no odd character."""
    # The pattern lets no part start with a dot, so `..` is refused, and knows no `:` or `//`.
    return len(path) <= MAX_PATH_CHARS and _PATH.fullmatch(path) is not None


def sample_paths(paths: Sequence[str], num_files: int | None, *, seed: int) -> tuple[str, ...]:
    """Return `num_files` of the paths, in order; which ones depends on the seed and paths alone.

    A larger sample of the same seed holds every path of a smaller one.
    """
    if num_files is None or num_files >= len(paths):
        return tuple(paths)

    def rank(index: int) -> bytes:
        return hashlib.sha256(f"{seed}:{paths[index]}".encode()).digest()

    chosen = heapq.nsmallest(num_files, range(len(paths)), key=rank)
    return tuple(paths[index] for index in sorted(chosen))


def _unpack(data: bytes, where: str) -> bytes:
    for _ in range(MAX_LAYERS):
        if not data.startswith(MAGIC):
            return data
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
                data = stream.read(MAX_LISTING_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise _damaged(f"the listing is damaged: {error}", where) from error
        if len(data) > MAX_LISTING_BYTES:
            raise _damaged(f"the listing unpacks to over {MAX_LISTING_BYTES} bytes", where)
    raise _damaged(f"the listing is packed over {MAX_LAYERS} times", where)


def _damaged(what: str, where: str) -> GristmillError:
    return GristmillError(what, where=where, todo="Fetch it again.")
