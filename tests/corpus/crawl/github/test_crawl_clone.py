"""git fetches one commit with everything of this machine off, and hostile input is data."""

import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from gristmill.corpus.crawl.github.clone import clone, read_clone
from gristmill.corpus.crawl.github.files import ContentLimits, RepositoryFile
from gristmill.corpus.crawl.github.git_process import CloneError, CloneSettings
from gristmill.corpus.crawl.github.tarball import Tarball
from gristmill.corpus.crawl.guard import Guard

Git = Callable[..., str]
LOOPBACK = Guard(allow_loopback=True)
PROJECT = "octo/project/.git"


class GitServer(Protocol):
    """What the fixture gives."""

    paths: list[str]

    @property
    def url(self) -> str: ...


def fetch(
    server: GitServer,
    folder: Path,
    *,
    path: str = PROJECT,
    commit: str | None = None,
    limits: ContentLimits | None = None,
    settings: CloneSettings | None = None,
    stop: threading.Event | None = None,
) -> list[RepositoryFile]:
    limits = limits or ContentLimits()
    found = clone(
        f"{server.url}/{path}",
        folder / "clone",
        commit=commit,
        limits=limits,
        settings=settings or CloneSettings(),
        guard=LOOPBACK,
        stop=stop,
    )
    return list(read_clone(folder / "clone", found, limits))


def commit_tree(git: Git, repository: Path, entries: list[tuple[str, str]]) -> None:
    """Make HEAD a commit whose tree git's own commands would refuse to write."""
    blob = git(repository, "hash-object", "-w", "--stdin", stdin=b"evil")
    raw = b"".join(
        mode.encode() + b" " + name.encode() + b"\0" + bytes.fromhex(blob) for mode, name in entries
    )
    command = ["hash-object", "-w", "-t", "tree", "--literally", "--stdin"]
    tree = git(repository, *command, stdin=raw)
    git(repository, "update-ref", "HEAD", git(repository, "commit-tree", tree, "-m", "x"))


def test_a_clone_gives_the_rows_of_the_tarball(
    git_server: GitServer, repository: Path, tmp_path: Path
) -> None:
    limits = ContentLimits(max_blob_bytes=70_000)
    command = ["git", "-C", str(repository), "archive", "--prefix=top/", "-o"]
    subprocess.run([*command, str(tmp_path / "a.tar.gz"), "HEAD"], check=True)
    tarball = list(Tarball(tmp_path / "a.tar.gz", limits))
    assert fetch(git_server, tmp_path, limits=limits) == tarball
    assert len(tarball) == 10


def test_a_commit_that_is_no_branch_can_be_fetched(
    git_server: GitServer, repository: Path, tmp_path: Path, git: Git
) -> None:
    first = git(repository, "rev-parse", "HEAD")
    (repository / "README.md").write_text("second")
    git(repository, "commit", "-qam", "second")
    files = {file.path: file for file in fetch(git_server, tmp_path, commit=first)}
    assert files[b"README.md"].data == b"hello\r\n"


def test_a_long_blob_is_not_fetched(
    git_server: GitServer, repository: Path, tmp_path: Path, git: Git
) -> None:
    (repository / "huge.txt").write_bytes(os.urandom(3 << 20))
    git(repository, "commit", "-qam", "huge")
    files = fetch(git_server, tmp_path, limits=ContentLimits(max_blob_bytes=1000))
    (huge,) = [file for file in files if file.reason == "huge"]
    assert (huge.path, huge.data, len(huge.sha)) == (b"huge.txt", None, 40)
    sizes = [path.stat().st_size for path in (tmp_path / "clone").rglob("*") if path.is_file()]
    assert sum(sizes) < 1 << 20


def test_reading_a_clone_asks_the_server_nothing(
    git_server: GitServer, repository: Path, tmp_path: Path
) -> None:
    limits = ContentLimits(max_blob_bytes=1000)
    fetch(git_server, tmp_path, limits=limits)
    asked = len(git_server.paths)
    list(read_clone(tmp_path / "clone", "HEAD", limits))
    assert len(git_server.paths) == asked


def test_nothing_of_the_machine_or_the_user_takes_part(
    git_server: GitServer, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker, home = tmp_path / "ran", tmp_path / "home"
    hooks = home / "template/hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction", "post-merge"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {marker}\n")
        (hooks / name).chmod(0o755)
    (home / ".gitconfig").write_text(
        f"[init]\n\ttemplateDir = {home}/template\n[core]\n\thooksPath = {hooks}\n"
        f'[credential]\n\thelper = "!touch {marker}"\n[http]\n\textraHeader = "X-Secret: 1"\n'
        f'[url "file://{repository}"]\n\tinsteadOf = {git_server.url}\n'
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(home / "template"))
    monkeypatch.setenv("GIT_ASKPASS", f"{hooks}/post-merge")
    monkeypatch.setenv("SSH_ASKPASS", f"{hooks}/post-merge")
    fetch(git_server, tmp_path)
    with pytest.raises(CloneError, match="not_found"):
        fetch(git_server, home, path="401/project")
    assert not marker.exists()
    assert not list((tmp_path / "clone").glob("hooks/*"))
    assert git_server.paths


def test_filters_submodules_and_alternates_of_a_repository_are_data(
    git_server: GitServer, repository: Path, tmp_path: Path, git: Git
) -> None:
    marker = tmp_path / "ran"
    (repository / ".gitattributes").write_text("* filter=evil diff=evil\n")
    (repository / ".lfsconfig").write_text("[lfs]\n\turl = http://127.0.0.1:1/\n")
    (repository / ".gitmodules").write_text(
        f'[submodule "a"]\n\tpath = a\n\turl = ext::sh -c "touch {marker}"\n'
    )
    git(repository, "add", "-A")
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},a")
    git(repository, "commit", "-qm", "hostile")
    alternates = repository / ".git/objects/info/alternates"
    alternates.write_text(f"file://{tmp_path}\n")
    files = {file.path: file for file in fetch(git_server, tmp_path)}
    assert (files[b"a"].reason, files[b"a"].error) == ("submodule", f"commit {'1' * 40}")
    assert files[b".gitattributes"].data == b"* filter=evil diff=evil\n"
    assert not marker.exists()
    assert not (tmp_path / "clone/objects/info/alternates").exists()


@pytest.mark.parametrize("name", ["..", ".git", ".", "a\\..\\b"])
def test_a_name_that_git_would_not_check_out_has_no_content(
    git_server: GitServer, repository: Path, tmp_path: Path, git: Git, name: str
) -> None:
    commit_tree(git, repository, [("100644", name), ("100644", "ok")])
    files = {file.path: file for file in fetch(git_server, tmp_path)}
    assert (files[name.encode()].data, files[name.encode()].reason) == (None, "unsafe_path")
    assert files[b"ok"].data == b"evil"


def test_modes_of_old_trees_become_those_of_archives(
    git_server: GitServer, repository: Path, tmp_path: Path, git: Git
) -> None:
    commit_tree(git, repository, [("100664", "a"), ("100775", "b")])
    assert [file.mode for file in fetch(git_server, tmp_path)] == ["100644", "100755"]


@pytest.mark.parametrize(
    ("path", "failure"),
    [
        ("octo/nothing", "not_found"),
        ("401/project", "not_found"),
        ("429/project", "rate_limited"),
        ("500/project", "failed"),
        (f"moved/{PROJECT.removeprefix('octo/')}", "moved"),
    ],
)
def test_what_the_server_says_is_told_apart(
    git_server: GitServer, repository: Path, tmp_path: Path, path: str, failure: str
) -> None:
    with pytest.raises(CloneError) as caught:
        fetch(git_server, tmp_path, path=path)
    assert caught.value.failure == failure


def test_a_commit_that_is_not_there_is_told(
    git_server: GitServer, repository: Path, tmp_path: Path
) -> None:
    with pytest.raises(CloneError) as caught:
        fetch(git_server, tmp_path, commit="1" * 40)
    assert caught.value.failure == "no_commit"


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc",
        "/etc",
        "ssh://git@example.org/x",
        "ext::sh -c id",
        "git://example.org/x",
        "https://user:secret@example.org/x",
        "https://10.0.0.1/x",
        "--upload-pack=id",
    ],
)
def test_other_protocols_and_private_addresses_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(CloneError) as caught:
        clone(
            url,
            tmp_path / "clone",
            commit=None,
            limits=ContentLimits(),
            settings=CloneSettings(),
            guard=LOOPBACK,
        )
    assert caught.value.failure == "refused_url"
    assert "secret" not in str(caught.value)


def test_git_connects_to_the_addresses_that_were_checked(
    git_server: GitServer, repository: Path, tmp_path: Path
) -> None:
    commit = clone(
        f"{git_server.url.replace('127.0.0.1', 'git.example.org')}/{PROJECT}",
        tmp_path / "clone",
        commit=None,
        limits=ContentLimits(),
        settings=CloneSettings(),
        guard=LOOPBACK,
        addresses=("127.0.0.1",),
    )
    assert len(commit) == 40


def test_plain_http_is_refused_where_loopback_is(tmp_path: Path) -> None:
    with pytest.raises(CloneError, match="not encrypted"):
        clone(
            "http://example.org/x",
            tmp_path / "clone",
            commit=None,
            limits=ContentLimits(),
            settings=CloneSettings(),
            guard=Guard(),
        )


def test_a_slow_server_is_left_after_the_time_limit(git_server: GitServer, tmp_path: Path) -> None:
    with pytest.raises(CloneError) as caught:
        fetch(git_server, tmp_path, path="slow/x", settings=CloneSettings(timeout_seconds=0.3))
    assert caught.value.failure == "timeout"


def test_a_stopped_crawl_stops_git(git_server: GitServer, tmp_path: Path) -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(CloneError) as caught:
        fetch(git_server, tmp_path, path="slow/x", stop=stop)
    assert caught.value.failure == "stopped"


def test_a_clone_that_fills_the_disk_is_killed(
    git_server: GitServer, repository: Path, tmp_path: Path, git: Git
) -> None:
    (repository / "noise").write_bytes(os.urandom(2 << 20))
    git(repository, "add", "noise")
    git(repository, "commit", "-qm", "noise")
    limits = ContentLimits(max_blob_bytes=100 << 20)
    settings = CloneSettings(max_disk_bytes=1 << 20)
    with pytest.raises(CloneError) as caught:
        fetch(git_server, tmp_path, limits=limits, settings=settings)
    assert caught.value.failure == "too_big"
