"""Makes bare git repositories of archives, git folders and plain folders, the same everywhere.

The commit of an archive has the date that its members carry, that of a folder the repository's
birth; names, messages and file modes are fixed, so the commit ids are too.
"""

import json
import subprocess
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from ...errors import GristmillError
from .git import git_environment
from .identity import repository_ids
from .issue_list import read_issues
from .state import StandinRepository

NUM_THREADS = 2
PERSON = "Loopback <loopback@gristmill.invalid>"
CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"


class _File(msgspec.Struct, frozen=True):
    path: str
    mode: str
    data: bytes


class _Listed(msgspec.Struct, frozen=True):
    """A line of repositories.jsonl, in the field names of GitHub's API."""

    file: str
    full_name: str
    created_at: datetime
    default_branch: str = "main"
    license: dict[str, str] = {}
    fork: bool = False
    archived: bool = False
    language: str | None = None
    stargazers_count: int = 0


def make_repositories(
    listing: Path, into: Path, *, issues: Path | None = None
) -> tuple[StandinRepository, ...]:
    """Return every repository that a repositories.jsonl names, as bare repositories.

    Bare repositories are served where they lie; of the rest one is made in `into`.

    Args:
        issues: JSON lines with the issues of these repositories.
    """
    threads = read_issues(issues) if issues is not None else {}
    lines = listing.read_text(encoding="utf-8").splitlines()
    listed = [msgspec.convert(json.loads(line), _Listed) for line in lines]
    ids = repository_ids((item.full_name, item.created_at) for item in listed)
    into.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(NUM_THREADS) as pool:
        made = pool.map(
            lambda item: _make(item, listing.parent / item.file, into, ids[item.full_name]), listed
        )
        return tuple(
            msgspec.structs.replace(repository, issues=threads.get(repository.full_name, ()))
            for repository in made
        )


def _make(item: _Listed, source: Path, into: Path, number: int) -> StandinRepository:
    if source.suffix == ".git":
        git_dir = source
    else:
        git_dir = into / (item.full_name.replace("/", "__") + ".git")
        if not (git_dir / "refs/heads" / item.default_branch).is_file():
            _import(item, source, git_dir)
    head = _git(git_dir, "log", "-1", "--format=%H %ct", item.default_branch).split()
    return StandinRepository(
        id=number,
        full_name=item.full_name,
        git_dir=git_dir,
        commit=head[0],
        created_at=item.created_at,
        pushed_at=max(item.created_at, datetime.fromtimestamp(int(head[1]), timezone.utc)),
        default_branch=item.default_branch,
        licence=item.license.get("spdx_id"),
        language=item.language,
        stars=item.stargazers_count,
        is_fork=item.fork,
        is_archived=item.archived,
        disk_usage_kib=_size_kib(git_dir, head[0]),
    )


def _import(item: _Listed, source: Path, git_dir: Path) -> None:
    """Write one commit of all files through `git fast-import`."""
    for folder in ("objects", "refs"):
        (git_dir / folder).mkdir(parents=True, exist_ok=True)
    (git_dir / "config").write_text(CONFIG, encoding="ascii")
    (git_dir / "HEAD").write_text(f"ref: refs/heads/{item.default_branch}\n", encoding="utf-8")
    if source.is_dir():
        files, seconds = list(_folder_files(source)), int(item.created_at.timestamp())
    else:
        files, seconds = _archive_files(source)
    message = f"{item.full_name}\n".encode()
    parts = [
        f"commit refs/heads/{item.default_branch}\n".encode(),
        f"author {PERSON} {seconds} +0000\ncommitter {PERSON} {seconds} +0000\n".encode(),
        b"data %d\n%s" % (len(message), message),
    ]
    for file in files:
        parts.append(f"M {file.mode} inline {_quoted(file.path)}\n".encode())
        parts.append(b"data %d\n%s\n" % (len(file.data), file.data))
    _git(git_dir, "fast-import", "--quiet", "--done", stdin=b"".join(parts) + b"\ndone\n")


def _archive_files(path: Path) -> tuple[list[_File], int]:
    """Return the files of an archive, without its top folder, and the time they carry."""
    files: list[_File] = []
    seconds = 0
    with tarfile.open(path) as archive:
        for member in archive:
            seconds = max(seconds, int(member.mtime))
            inner = member.name.partition("/")[2]
            if member.issym():
                files.append(_File(inner, "120000", member.linkname.encode()))
            elif member.isreg():
                stream = archive.extractfile(member)
                assert stream is not None
                mode = "100755" if member.mode & 0o100 else "100644"
                files.append(_File(inner, mode, stream.read()))
    return files, seconds


def _folder_files(folder: Path) -> Iterator[_File]:
    """Yield the files of a folder; a wheel does not keep which of them can be executed."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield _File(path.relative_to(folder).as_posix(), "100644", path.read_bytes())


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _size_kib(git_dir: Path, commit: str) -> int:
    """Return the size of a commit's files, which is the same for every version of git."""
    rows = _git(git_dir, "ls-tree", "-r", "-l", "-z", commit).split("\0")
    sizes = (row.split("\t")[0].split()[3] for row in rows if row)
    return sum(int(size) for size in sizes if size != "-") // 1024


def _git(git_dir: Path, *arguments: str, stdin: bytes = b"") -> str:
    command = ["git", "-c", "fastimport.unpackLimit=1", "-C", str(git_dir), *arguments]
    done = subprocess.run(
        command, input=stdin, capture_output=True, env=git_environment(), check=False
    )
    if done.returncode != 0:
        raise GristmillError(
            f"git {arguments[0]} failed: {done.stderr.decode('utf-8', 'replace').strip()}",
            where=str(git_dir),
            todo="Check that git is installed and that the folder can be written.",
        )
    return done.stdout.decode("utf-8")
