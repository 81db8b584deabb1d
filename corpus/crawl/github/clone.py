"""Fetches one commit of a repository with git itself, where no tarball is to be had.

The repository is made here and not by `git clone`, so that the wanted commit comes in one fetch and
no template is copied. Nothing of the machine's or the user's configuration, no hook, helper, filter
or protocol but the one named takes part; time and disk are bounded from outside.
"""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from ...sources.git import MAX_FILES, head_commit, is_unsafe_entry
from ...sources.git_objects import (
    BrokenObjectError,
    Entry,
    GitObjects,
    git_environment,
    walk_tree,
)
from ..guard import Guard, RefusedUrlError
from .files import SUBMODULE, ContentLimits, RepositoryFile, left_out
from .git_process import CloneError, CloneSettings, run_git_bounded

BRANCH = "crawled"
_OID = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?")


def clone(
    url: str,
    folder: Path,
    *,
    commit: str | None,
    limits: ContentLimits,
    settings: CloneSettings,
    guard: Guard,
    addresses: tuple[str, ...] = (),
    stop: threading.Event | None = None,
    trace: Path | None = None,
) -> str:
    """Fetch one commit without blobs over the limit into a new bare repository; return the commit.

    Args:
        folder: must not exist; it is the caller's to remove, also after an error.
        commit: the wanted one, or None for the default branch's.
        addresses: those that the guard allowed for the host; git connects to no other.
        stop: ends the clone once it is set.
        trace: where git writes down the heads of its requests; absolute.

    Raises:
        CloneError: if it fails, is refused, or takes too long or too much disk.
    """
    _check(url, commit, guard)
    environment = _environment(guard)
    if trace is not None:
        environment |= {"GIT_TRACE_CURL": str(trace), "GIT_TRACE_CURL_NO_DATA": "1"}
    start = ["git", "init", "-q", "--bare", "--template=", f"--initial-branch={BRANCH}"]
    run_git_bounded([*start, "--", str(folder)], folder, environment, settings, stop)
    command = ["git", *_options(url, settings, addresses), f"--git-dir={folder}", "fetch"]
    command += ["--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules"]
    command += [f"--filter=blob:limit={limits.max_blob_bytes + 1}", "--no-auto-maintenance"]
    command += ["origin", f"{commit or 'HEAD'}:refs/heads/{BRANCH}"]
    run_git_bounded(command, folder, environment, settings, stop)
    _forget_remote(folder)
    found = head_commit(folder)
    if commit is not None and found != commit:
        raise CloneError("no_commit", f"{commit} was asked for, {found} came")
    return found


def read_clone(folder: Path, commit: str, limits: ContentLimits) -> Iterator[RepositoryFile]:
    """Yield every file of a clone's commit, as the tarball's reader gives them."""
    with GitObjects(folder) as objects:
        leaves = walk_tree(objects, commit, is_wanted=lambda folder: True)
        for num_files, entry in enumerate(leaves):
            if num_files >= min(limits.max_files, MAX_FILES):
                raise CloneError("too_big", f"it has more than {limits.max_files} files")
            yield _file(entry, objects, limits)


def _file(entry: Entry, objects: GitObjects, limits: ContentLimits) -> RepositoryFile:
    file = RepositoryFile(path=entry.path, mode=_mode(entry.mode), sha=entry.oid)
    replace = msgspec.structs.replace
    if entry.error is not None:
        return replace(file, reason="corrupt", error=entry.error)
    if is_unsafe_entry(entry.path):
        return replace(file, reason="unsafe_path")
    if entry.mode == SUBMODULE:
        return replace(file, reason="submodule", error=f"commit {entry.oid}")
    try:
        num_bytes = objects.size(entry.oid)
    except BrokenObjectError:  # all that is not too long has come, and git has checked it
        error = f"more than {limits.max_blob_bytes} bytes, left out by the clone"
        return replace(file, reason="huge", error=error)
    if num_bytes > limits.max_blob_bytes:
        error = left_out(num_bytes, limits)
        return replace(file, num_bytes=num_bytes, reason="huge", error=error)
    try:
        data = objects.read(entry.oid, limits.max_blob_bytes)
    except BrokenObjectError as problem:
        return replace(file, num_bytes=num_bytes, reason="corrupt", error=str(problem))
    return replace(file, num_bytes=num_bytes, data=data)


def _mode(mode: str) -> str:
    """Return the mode that git archives give a file; old trees hold 100664 and the like."""
    if mode.startswith("100"):
        return "100755" if int(mode[3:], 8) & 0o100 else "100644"
    return mode


def _check(url: str, commit: str | None, guard: Guard) -> None:
    try:
        guard.check_url(url)
    except RefusedUrlError as error:
        raise CloneError("refused_url", error.detail) from error
    parts = urlsplit(url)
    if parts.scheme == "http" and not guard.allow_loopback:
        raise CloneError("refused_url", "http is not encrypted")
    if commit is not None and not _OID.fullmatch(commit):
        raise CloneError("no_commit", "what was asked for is no commit id")


def _environment(guard: Guard) -> dict[str, str]:
    kept = {name: value for name, value in git_environment().items() if name != "SSH_ASKPASS"}
    return kept | {
        "GIT_ALLOW_PROTOCOL": "http:https" if guard.allow_loopback else "https",
        "GIT_ASKPASS": "",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }


def _options(url: str, settings: CloneSettings, addresses: tuple[str, ...]) -> list[str]:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    values = [
        f"remote.origin.url={url}",
        "core.hooksPath=/dev/null",
        "core.fsmonitor=false",
        "core.askPass=",
        "core.bigFileThreshold=16m",  # a longer blob is streamed, never held
        "credential.helper=",
        "fetch.recurseSubmodules=false",
        "fetch.unpackLimit=1",
        "gc.auto=0",
        "http.cookieFile=",
        "http.followRedirects=false",
        f"http.lowSpeedLimit={settings.low_speed_bytes}",
        f"http.lowSpeedTime={settings.low_speed_seconds}",
        "maintenance.auto=false",
        "pack.threads=1",
        "submodule.recurse=false",
        "transfer.bundleURI=false",
    ]
    if settings.user_agent:
        values.append(f"http.userAgent={settings.user_agent}")
    if addresses:
        values.append(f"http.curloptResolve={parts.hostname}:{port}:{','.join(addresses)}")
    return [part for value in values for part in ("-c", value)]


def _forget_remote(folder: Path) -> None:
    """Leave nothing by which reading the repository could ask the server again."""
    config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
    (folder / "config").write_text(config, encoding="ascii")
