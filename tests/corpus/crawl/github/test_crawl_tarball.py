"""A tarball of a commit gives git's own ids and contents; what git never writes is refused."""

import gzip
import io
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from gristmill.corpus.crawl.github.files import ContentLimits, RepositoryFile, tree_sha
from gristmill.corpus.crawl.github.tarball import Tarball

Git = Callable[..., str]


def archive(folder: Path, *, tree: str = "HEAD") -> Path:
    """Return the tarball that a codeload server makes of a commit."""
    target = folder.parents[2] / "codeload.tar.gz"
    prefix = f"octo-project-{'0' * 7}/"
    command = ["git", "-C", str(folder), "-c", "tar.umask=0002", "archive", "--format=tar.gz"]
    subprocess.run([*command, f"--prefix={prefix}", "-o", str(target), tree], check=True)
    return target


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def pack(path: Path, *members: tarfile.TarInfo, data: bytes = b"") -> Path:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for info in members:
            info.size = len(data) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(data))
    path.write_bytes(gzip.compress(stream.getvalue()))
    return path


def by_path(files: list[RepositoryFile]) -> dict[bytes, RepositoryFile]:
    return {file.path: file for file in files}


def test_the_tree_made_of_the_files_is_the_commits_own(repository: Path, git: Git) -> None:
    tarball = Tarball(archive(repository), ContentLimits())
    assert tree_sha(tarball) == git(repository, "rev-parse", "HEAD^{tree}")
    assert (tarball.commit, tarball.error) == (git(repository, "rev-parse", "HEAD"), None)


def test_the_tree_differs_where_an_attribute_left_a_file_out(repository: Path, git: Git) -> None:
    (repository / ".gitattributes").write_text("README.md export-ignore\n")
    git(repository, "add", ".gitattributes")
    git(repository, "commit", "-q", "-m", "y")
    tarball = Tarball(archive(repository), ContentLimits())
    assert tree_sha(tarball) != git(repository, "rev-parse", "HEAD^{tree}")


def test_links_modes_and_names_beyond_utf8_are_gits(repository: Path) -> None:
    files = by_path(list(Tarball(archive(repository), ContentLimits())))
    assert (files[b"link"].mode, files[b"link"].data) == ("120000", b"/etc/passwd")
    assert (files[b"run.sh"].mode, files[b"README.md"].mode) == ("100755", "100644")
    assert files[b"caf\xe9"].data == b"latin\n"


def test_a_long_blob_is_left_out_with_its_id_and_size(repository: Path, git: Git) -> None:
    limits = ContentLimits(max_blob_bytes=1000)
    huge = by_path(list(Tarball(archive(repository), limits)))[b"huge.txt"]
    assert (huge.data, huge.reason, huge.num_bytes) == (None, "huge", 65536)
    assert huge.sha == git(repository, "rev-parse", "HEAD:huge.txt")


def test_a_submodule_is_told_by_its_empty_folder(repository: Path, git: Git) -> None:
    for name in ("a/b/lib", "zlib"):
        git(repository, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},{name}")
    git(repository, "commit", "-q", "-m", "submodules")
    files = list(Tarball(archive(repository), ContentLimits()))
    assert [f.path for f in files if f.reason == "submodule"] == [b"a/b/lib", b"zlib"]
    assert tree_sha(files) is None


def test_an_empty_commit_has_no_files(repository: Path, git: Git) -> None:
    tree = git(repository, "mktree")
    commit = git(repository, "commit-tree", tree, "-m", "empty")
    tarball = Tarball(archive(repository, tree=commit), ContentLimits())
    assert (list(tarball), tarball.error) == ([], None)
    assert tree_sha([]) == tree


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("top/../../evil", b"../../evil"),
        ("/etc/evil", b"/etc/evil"),
        ("other/evil", b"other/evil"),
        ("top/.git/config", b".git/config"),
        ("top/a/.git/hooks/post-checkout", b"a/.git/hooks/post-checkout"),
        ("top/C:\\evil", b"C:\\evil"),
    ],
)
def test_a_name_that_git_would_not_check_out_has_no_content(
    tmp_path: Path, name: str, path: bytes
) -> None:
    target = pack(tmp_path / "a.tar.gz", member("top/ok"), member(name), data=b"x")
    files = by_path(list(Tarball(target, ContentLimits())))
    assert files[b"ok"].data == b"x"
    assert (files[path].data, files[path].reason) == (None, "unsafe_path")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_device_is_refused(tmp_path: Path, kind: bytes) -> None:
    target = pack(tmp_path / "a.tar.gz", member("top/ok"), member("top/null", kind))
    assert by_path(list(Tarball(target, ContentLimits())))[b"null"].reason == "special_file"


def test_a_hard_link_is_refused_wherever_it_leads(tmp_path: Path) -> None:
    links = (member("top/a", tarfile.LNKTYPE, "top/ok"), member("top/b", tarfile.LNKTYPE, "/x"))
    files = list(Tarball(pack(tmp_path / "a.tar.gz", member("top/ok"), *links), ContentLimits()))
    assert [file.reason for file in files] == [None, "special_file", "special_file"]


def test_a_sparse_file_that_claims_a_terabyte_is_refused(tmp_path: Path) -> None:
    info = member("top/sparse")
    info.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.size": str(1 << 40),
        "GNU.sparse.map": f"{1 << 40},0",
    }
    files = list(Tarball(pack(tmp_path / "a.tar.gz", member("top/ok"), info), ContentLimits()))
    assert [file.reason for file in files] == [None, "special_file"]


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (ContentLimits(max_unpacked_bytes=30 << 10), "unpacks to more than 30720 bytes"),
        (ContentLimits(max_files=3), "more than 3 files"),
    ],
)
def test_a_limit_ends_the_tarball_and_says_so(
    repository: Path, limits: ContentLimits, error: str
) -> None:
    tarball = Tarball(archive(repository), limits)
    assert len(list(tarball)) <= 10
    assert error in (tarball.error or "")


def test_a_bomb_is_cut_off(tmp_path: Path) -> None:
    target = pack(tmp_path / "a.tar.gz", member("top/zeros"), data=bytes(40 << 20))
    tarball = Tarball(target, ContentLimits())
    assert list(tarball) == []
    assert "more than 200 times its size" in (tarball.error or "")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_cut_tarball_is_noticed(repository: Path, share: float) -> None:
    path = archive(repository)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    tarball = Tarball(path, ContentLimits())
    list(tarball)
    assert "at byte" in (tarball.error or "")


def test_nothing_is_written_to_the_disk(tmp_path: Path) -> None:
    target = pack(tmp_path / "a.tar.gz", member("top/ok"), member("top/../../evil"), data=b"x")
    list(Tarball(target, ContentLimits()))
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]
