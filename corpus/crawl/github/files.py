"""A file of a crawled repository, whichever way its content came."""

from collections.abc import Iterable
from hashlib import sha1

import msgspec

from ...record import ReadDrop

SUBMODULE = "160000"
SYMLINK = "120000"
TREE = "40000"


class ContentLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What bounds the content of one repository.

    Args:
        max_blob_bytes: a longer file is listed with its size and its content left out.
        max_unpacked_bytes: a tarball that unpacks to more is given up.
        max_ratio: so is one that unpacks to more than this multiple of its size.
        max_files: so is a repository with more files.
    """

    max_blob_bytes: int = 1 << 20
    max_unpacked_bytes: int = 4 << 30
    max_ratio: int = 200
    max_files: int = 4_000_000


class RepositoryFile(msgspec.Struct, frozen=True, kw_only=True):
    """One leaf of a commit's tree.

    Attributes:
        path: below the repository's root, as git has it.
        mode: git's, such as 100644, 100755 or 120000.
        sha: hex of the blob's (or submodule's) git id; "" where it is not known.
        data: the content (a symlink's is its target); None where there is none or it is left out.
        reason: why `data` is None.
        error: the detail of `reason`.
    """

    path: bytes
    mode: str
    sha: str = ""
    num_bytes: int = 0
    data: bytes | None = None
    reason: ReadDrop | None = None
    error: str | None = None


def blob_sha(data: bytes) -> str:
    """Return git's id of a blob."""
    header = b"blob %d\0" % len(data)
    return sha1(header + data, usedforsecurity=False).hexdigest()


def left_out(num_bytes: int, limits: ContentLimits) -> str:
    """Return the detail of a file that is too long to be kept."""
    return f"{num_bytes} bytes, the crawl's limit is {limits.max_blob_bytes}"


def tree_sha(files: Iterable[RepositoryFile]) -> str | None:
    """Return git's id of the tree that the files make, None where a file's own id is unknown.

    It equals the commit's tree unless an export attribute, LFS or damage changed the files.
    """
    root: _Folder = {}
    for file in files:
        if not file.sha:
            return None
        *folders, name = file.path.split(b"/")
        folder = root
        for part in folders:
            inner = folder.setdefault(part, {})
            if not isinstance(inner, dict):
                return None
            folder = inner
        folder[name] = (file.mode, file.sha)
    return _folder_sha(root)


_Folder = dict[bytes, "_Folder | tuple[str, str]"]


def _folder_sha(root: _Folder) -> str:
    """Return a folder's id, deepest folders first, without recursion."""
    order = [root]
    for folder in order:  # grows while it is walked
        order += [child for child in folder.values() if isinstance(child, dict)]
    shas: dict[int, str] = {}
    for folder in reversed(order):
        entries = []
        for name, child in folder.items():
            if isinstance(child, dict):
                entries.append((name + b"/", TREE, name, shas[id(child)]))
            else:
                entries.append((name, child[0], name, child[1]))
        lines = [
            mode.encode() + b" " + name + b"\0" + bytes.fromhex(sha)
            for _, mode, name, sha in sorted(entries)
        ]
        data = b"".join(lines)
        tree = b"tree %d\0" % len(data)
        shas[id(folder)] = sha1(tree + data, usedforsecurity=False).hexdigest()
    return shas[id(root)]
