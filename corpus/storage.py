"""Where bytes lie: local paths and fsspec URLs behind one small set of functions.

A plain path or `file://` URL is local; `s3://`, `gs://`, `memory://` and so on go through fsspec
with the options given to `configure`. Nothing is ever seen half written: a local file appears by
rename, a remote one by a single put. Temporary names start with a dot and end in `.partial`.
"""

import glob
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import fsspec

from .errors import GristmillError, StorageError

PARTIAL = ".partial"
CHUNK_BYTES = 1 << 20

_configured: dict[str, dict[str, object]] = {}


def configure(protocol: str, options: Mapping[str, object]) -> None:
    """Set the fsspec options of a protocol (such as `endpoint_url` of s3) for this process."""
    _configured[protocol] = dict(options)


def configured() -> dict[str, dict[str, object]]:
    """Return every protocol's options, to be handed to another process's `configure`."""
    return {protocol: dict(options) for protocol, options in _configured.items()}


def is_local(url: str) -> bool:
    """Tell a plain path or file:// URL from a remote one."""
    return "://" not in url or url.startswith("file://")


def local_path(url: str) -> Path:
    """Return the path of a local URL."""
    assert is_local(url), url
    return Path(url.removeprefix("file://"))


def join(base: str, *parts: str) -> str:
    """Append parts to a path or URL; an absolute path or a URL among them starts anew."""
    url = base
    for part in parts:
        if "://" in part or part.startswith("/"):
            url = part
        elif part:
            url = f"{url.rstrip('/')}/{part}" if url not in ("", "/") else url + part
    return url


def open_read(url: str) -> BinaryIO:
    """Open a file for reading; the caller closes it."""
    with _explained(url, "read"):
        if is_local(url):
            return local_path(url).open("rb")
        return cast(BinaryIO, _filesystem(url).open(url, "rb"))


def read_bytes(url: str) -> bytes:
    """Return a whole file."""
    with open_read(url) as stream, _explained(url, "read"):
        return stream.read()


def write_bytes(url: str, data: bytes, *, is_durable: bool = True) -> None:
    """Write a whole file so that no reader ever sees a part of it."""
    if is_local(url):
        with replace_atomically(url, is_durable=is_durable) as partial:
            partial.write_bytes(data)
        return
    with _explained(url, "write"):
        _filesystem(url).pipe_file(url, data)


@contextmanager
def replace_atomically(url: str, *, is_durable: bool = True) -> Iterator[Path]:
    """Yield a local path to write; it takes the place of `url` on success, else it is removed.

    A durable file is on the disk when this returns. Another one may be empty or gone after a power
    cut, though never after a kill: that is for what is made again when its digest is wrong.
    """
    with _explained(url, "write"):
        if is_local(url):
            target = local_path(url)
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = _partial_beside(target)
        else:
            target = None
            partial = Path(tempfile.mkdtemp(prefix="gristmill-")) / f"upload{PARTIAL}"
    try:
        # Not explained: an error inside the caller's block may be about another file.
        yield partial
        with _explained(url, "write"):
            if is_durable:
                _sync(partial)
            if target is None:
                _filesystem(url).put_file(str(partial), url)
            else:
                partial.replace(target)
                if is_durable:
                    _sync(target.parent)
    except OSError as error:
        raise _explain(error, url, "write") from error
    finally:
        partial.unlink(missing_ok=True)
        if target is None:
            partial.parent.rmdir()


def exists(url: str) -> bool:
    """Tell whether a file or folder is there."""
    with _explained(url, "read"):
        return local_path(url).exists() if is_local(url) else bool(_filesystem(url).exists(url))


def size(url: str) -> int:
    """Return a file's size in bytes."""
    with _explained(url, "read"):
        if is_local(url):
            return local_path(url).stat().st_size
        return int(_filesystem(url).info(url)["size"])


def stamp(url: str) -> str:
    """Return a cheap change detector: size and mtime_ns, or a remote file's size and ETag."""
    with _explained(url, "read"):
        if is_local(url):
            status = local_path(url).stat()
            return f"{status.st_size}:{status.st_mtime_ns}"
        info = _filesystem(url).info(url)
    marks = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created")
    mark = next((str(info[name]) for name in marks if info.get(name)), None)
    if mark is None:
        raise GristmillError(
            "the storage gives no ETag and no modification time",
            where=url,
            todo="Copy the file to a storage that does, or to a local folder.",
        )
    return f"{info['size']}:{mark}"


def digest_file(url: str) -> str:
    """Return the hex blake2b-128 of a file's bytes."""
    hasher = hashlib.blake2b(digest_size=16)
    with open_read(url) as stream, _explained(url, "read"):
        while chunk := stream.read(CHUNK_BYTES):
            hasher.update(chunk)
    return hasher.hexdigest()


def list_files(pattern: str) -> list[str]:
    """Return the files that a glob matches, sorted; hidden and partial files never match."""
    return [url for url in list_paths(pattern) if not is_folder(url)]


def list_paths(pattern: str) -> list[str]:
    """Return the files and folders that a glob matches, sorted."""
    with _explained(pattern, "list"):
        if is_local(pattern):
            found = glob.glob(str(local_path(pattern)), recursive=True)  # noqa: PTH207
        else:
            filesystem = _filesystem(pattern)
            found = [filesystem.unstrip_protocol(path) for path in filesystem.glob(pattern)]
    names = ((url, url.rstrip("/").rpartition("/")[2]) for url in found)
    return sorted(url for url, name in names if not name.startswith(".") or "/" not in url)


def file_sizes(pattern: str) -> dict[str, int]:
    """Return the sizes in bytes of the files that a glob matches, in the order of their URLs.

    A remote storage is asked once, for the listing; names that start with a dot never match.
    """
    with _explained(pattern, "list"):
        if is_local(pattern):
            paths = map(Path, glob.glob(str(local_path(pattern)), recursive=True))  # noqa: PTH207
            found = {str(path): path.stat().st_size for path in paths if path.is_file()}
        else:
            filesystem = _filesystem(pattern)
            listed = filesystem.glob(pattern, detail=True)
            found = {
                filesystem.unstrip_protocol(path): int(info["size"])
                for path, info in listed.items()
                if info["type"] == "file"
            }
    return {url: found[url] for url in sorted(found) if not url.rpartition("/")[2].startswith(".")}


def escape_glob(path: str) -> str:
    """Return a pattern that matches a local path as it is written."""
    return glob.escape(path)


def is_folder(url: str) -> bool:
    """Tell whether a folder is there."""
    with _explained(url, "read"):
        return local_path(url).is_dir() if is_local(url) else bool(_filesystem(url).isdir(url))


def remove(url: str) -> None:
    """Delete a file; one that is gone already is not an error."""
    with _explained(url, "remove"):
        if is_local(url):
            local_path(url).unlink(missing_ok=True)
        elif _filesystem(url).exists(url):
            _filesystem(url).rm_file(url)


def link_or_copy(source: str, target: str) -> None:
    """Make `target` the same bytes as `source`: a hard link where possible, else a copy."""
    if is_local(source) and is_local(target):
        _link_or_copy_local(local_path(source), local_path(target))
    elif not is_local(source) and _protocol(source) == _protocol(target):
        with _explained(target, "write"):
            _filesystem(source).cp_file(source, target)
    else:
        with (
            open_read(source) as stream,
            replace_atomically(target) as partial,
            partial.open("wb") as copy,
        ):
            shutil.copyfileobj(stream, copy, CHUNK_BYTES)


def _link_or_copy_local(source: Path, target: Path) -> None:
    with _explained(str(source), "read"):
        if target.exists() and target.samefile(source):
            return  # renaming one link over another of the same file would do nothing
        source.stat()
    with replace_atomically(str(target)) as partial:
        try:
            os.link(source, partial)
        except OSError:  # another disk, or a file system without hard links
            shutil.copyfile(source, partial)


def _partial_beside(target: Path) -> Path:
    return target.with_name(f".{target.name[:200]}.{uuid.uuid4().hex}{PARTIAL}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _protocol(url: str) -> str:
    return url.partition("://")[0]


def _filesystem(url: str) -> fsspec.AbstractFileSystem:
    protocol = _protocol(url)
    # A cached listing would hide files that another worker has just written.
    options: dict[str, object] = {"use_listings_cache": False, **_configured.get(protocol, {})}
    try:
        return fsspec.filesystem(protocol, **options)
    except ImportError as error:
        package = "gristmill[s3]" if protocol in ("s3", "s3a") else f"fsspec[{protocol}]"
        raise GristmillError(
            f"{protocol}:// needs a package that is not installed ({error})",
            where=url,
            todo=f"Run: pip install '{package}'",
        ) from error
    except (ValueError, TypeError) as error:
        raise GristmillError(
            f"no storage can be opened for {protocol}:// ({error})",
            where=url,
            todo="Check the protocol and its options in the recipe's [storage] table.",
        ) from error


def _storage_errors(url: str) -> tuple[type[Exception], ...]:
    """Return what a failing storage raises; botocore's errors are no OSError."""
    if not is_local(url) and _protocol(url) in ("s3", "s3a"):
        try:
            from botocore.exceptions import (  # type: ignore[import-untyped]
                BotoCoreError,
                ClientError,
            )
        except ImportError:
            return (OSError,)
        return (OSError, BotoCoreError, ClientError)
    return (OSError,)


@contextmanager
def _explained(url: str, action: str) -> Iterator[None]:
    try:
        yield
    except _storage_errors(url) as error:
        raise _explain(error, url, action) from error


def _explain(error: Exception, url: str, action: str) -> GristmillError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    kind = GristmillError
    if isinstance(error, FileNotFoundError):
        todo = "Check the path."
    elif isinstance(error, PermissionError):
        todo = "Check the permissions or credentials."
    elif isinstance(error, IsADirectoryError | NotADirectoryError):
        todo = "Check which part of the path is a folder."
    else:
        kind = StorageError
        todo = "Check the disk's free space and the storage's health, then run again."
    return kind(f"cannot {action} it: {reason}", where=url, todo=todo)
