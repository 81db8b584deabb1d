"""Archives and git over HTTP from the stand-in, fetched by plain HTTP and by the real git."""

import gzip
import http.client
import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gristmill.corpus.standins.faults import Fault
from gristmill.corpus.standins.github import GithubStandin, StandinRepository, make_repositories

from .github_client import call, repository

FIXTURES = Path(__file__).parents[3] / "fixtures"


@pytest.fixture(scope="module")
def lua(tmp_path_factory: pytest.TempPathFactory) -> StandinRepository:
    made = tmp_path_factory.mktemp("made")
    line = next(
        line
        for line in (FIXTURES / "repositories.jsonl").read_text(encoding="utf-8").splitlines()
        if '"lua/lua"' in line
    )
    listing = made / "repositories.jsonl"
    listing.write_text(line.replace("repositories/", f"{FIXTURES}/repositories/"), encoding="utf-8")
    found = make_repositories(listing, made)[0]
    return msgspec.structs.replace(found, old_names=("lua/old",))


@pytest.fixture
def github(lua: StandinRepository) -> Iterator[GithubStandin]:
    others = [
        repository(lua.id + 1, "lua/taken", block="dmca"),
        repository(lua.id + 2, "lua/secret", git_dir=lua.git_dir, is_private=True),
    ]
    with GithubStandin([lua, *others]) as standin:
        yield standin


def git(*arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    return subprocess.run(
        ["git", *arguments], capture_output=True, text=True, check=False, env=environment, cwd=cwd
    )


def clone(url: str, into: Path, *options: str) -> Path:
    done = git("clone", "--quiet", "--bare", *options, url, str(into))
    assert done.returncode == 0, done.stderr
    return into


def members(body: bytes) -> tuple[dict[str, bytes], str]:
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        files = {}
        for member in archive:
            if member.isreg():
                stream = archive.extractfile(member)
                assert stream is not None
                files[member.name] = stream.read()
        return files, archive.pax_headers["comment"]


def test_an_archive_has_githubs_top_folder_and_names_its_commit(
    github: GithubStandin, lua: StandinRepository
) -> None:
    reply = call(f"{github.endpoints.codeload}/lua/lua/legacy.tar.gz/{lua.commit}", token=None)
    files, comment = members(reply.body)
    assert comment == lua.commit
    top = f"lua-lua-{str(lua.commit)[:7]}"
    assert {name.split("/")[0] for name in files} == {top}
    wanted = git(f"--git-dir={lua.git_dir}", "ls-tree", "-r", "--name-only", str(lua.commit))
    assert sorted(files) == sorted(f"{top}/{name}" for name in wanted.stdout.splitlines())


def test_an_archive_comes_in_chunks_of_unknown_length(github: GithubStandin) -> None:
    reply = call(f"{github.endpoints.codeload}/lua/lua/legacy.tar.gz/refs/heads/main")
    assert "content-length" not in reply.headers
    assert reply.headers["transfer-encoding"] == "chunked"
    assert reply.headers["content-type"] == "application/x-gzip"


def test_the_newer_address_has_another_top_folder(github: GithubStandin) -> None:
    files, _ = members(call(f"{github.endpoints.codeload}/lua/lua/tar.gz/main").body)
    assert {name.split("/")[0] for name in files} == {"lua-main"}


def test_an_archive_that_did_not_change_is_not_sent_again(github: GithubStandin) -> None:
    url = f"{github.endpoints.codeload}/lua/lua/legacy.tar.gz/main"
    etag = call(url).headers["etag"]
    again = call(url, {"If-None-Match": etag})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("lua/lua/legacy.tar.gz/0123456789abcdef0123456789abcdef01234567", 404),
        ("lua/lua/legacy.tar.gz/--output=x", 404),
        ("lua/none/legacy.tar.gz/main", 404),
        ("lua/secret/legacy.tar.gz/main", 404),
        ("lua/taken/legacy.tar.gz/main", 451),
    ],
)
def test_what_has_no_archive_says_so(github: GithubStandin, path: str, status: int) -> None:
    assert call(f"{github.endpoints.codeload}/{path}").status == status


def test_an_archive_can_be_cut_short(github: GithubStandin) -> None:
    whole = call(f"{github.endpoints.codeload}/lua/lua/legacy.tar.gz/main").body
    github.server.inject(Fault(kind="cut_body", match="^/codeload/"))
    cut = call(f"{github.endpoints.codeload}/lua/lua/legacy.tar.gz/main").body
    assert cut == whole[: len(whole) // 2]


def test_the_real_git_clones_with_the_second_protocol(
    github: GithubStandin, lua: StandinRepository, tmp_path: Path
) -> None:
    url = f"{github.endpoints.github_git}/lua/lua.git"
    into = clone(url, tmp_path / "lua.git", "--depth", "1")
    assert git("fsck", "--strict", cwd=into).returncode == 0
    assert git("rev-parse", "HEAD", cwd=into).stdout.strip() == lua.commit
    asked = [request for request in github.requests if "/git/" in request.path_qs]
    assert {request.headers["git-protocol"] for request in asked} == {"version=2"}


def test_blobs_can_be_left_out_and_fetched_one_by_one(
    github: GithubStandin, tmp_path: Path
) -> None:
    url = f"{github.endpoints.github_git}/lua/lua"
    into = clone(url, tmp_path / "lua.git", "--filter=blob:none")
    missing = git("rev-list", "--objects", "--missing=print", "HEAD", cwd=into).stdout
    absent = [line[1:] for line in missing.splitlines() if line.startswith("?")]
    assert len(absent) > 10
    num_before = len(github.requests)
    assert git("cat-file", "-e", absent[0], cwd=into).returncode == 0
    assert len(github.requests) > num_before


def test_any_commit_can_be_fetched_by_its_id(
    github: GithubStandin, lua: StandinRepository, tmp_path: Path
) -> None:
    parent = git(f"--git-dir={lua.git_dir}", "rev-parse", f"{lua.commit}^").stdout.strip()
    git("init", "--quiet", "--bare", str(tmp_path))
    url = f"{github.endpoints.github_git}/lua/lua.git"
    fetched = git("fetch", "--quiet", "--depth", "1", url, parent, cwd=tmp_path)
    assert fetched.returncode == 0, fetched.stderr
    assert git("cat-file", "-t", parent, cwd=tmp_path).stdout.strip() == "commit"


def test_a_compressed_request_is_understood(github: GithubStandin) -> None:
    headers: dict[str, str | None] = {
        "Git-Protocol": "version=2",
        "Content-Type": "application/x-git-upload-pack-request",
        "Content-Encoding": "gzip",
    }
    body = gzip.compress(b"0014command=ls-refs\n0000")
    url = f"{github.endpoints.github_git}/lua/lua.git/git-upload-pack"
    reply = call(url, headers, method="POST", body=body)
    assert reply.status == 200
    assert b"refs/heads/main" in reply.body


def test_a_renamed_repository_is_cloned_from_its_new_place(
    github: GithubStandin, tmp_path: Path
) -> None:
    clone(f"{github.endpoints.github_git}/lua/old.git", tmp_path / "lua.git", "--depth", "1")
    assert any("/git/lua/lua.git/" in request.path_qs for request in github.requests)


@pytest.mark.parametrize(
    ("name", "words"),
    [("taken", "451"), ("secret", "could not read Username"), ("none", "could not read Username")],
)
def test_what_cannot_be_cloned_fails(
    github: GithubStandin, tmp_path: Path, name: str, words: str
) -> None:
    done = git("clone", "--bare", f"{github.endpoints.github_git}/lua/{name}.git", str(tmp_path))
    assert done.returncode == 128
    assert words in done.stderr


def test_nothing_can_be_pushed(github: GithubStandin, lua: StandinRepository) -> None:
    url = f"{github.endpoints.github_git}/lua/lua.git"
    done = git(f"--git-dir={lua.git_dir}", "push", url, "main:refs/heads/other")
    assert "403" in done.stderr


def test_a_client_that_leaves_does_not_stop_the_server(github: GithubStandin) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", github.server.port, timeout=10)
    connection.request("GET", "/codeload/lua/lua/legacy.tar.gz/main")
    connection.sock.close()
    connection.close()
    assert call(f"{github.endpoints.codeload}/lua/lua/legacy.tar.gz/main").status == 200
