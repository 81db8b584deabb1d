"""A git repository is read at HEAD's commit; whatever is broken in it costs only itself."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gristmill.corpus.memo import DigestMemo
from gristmill.corpus.record import Record
from gristmill.corpus.sources import ReadLimits, SourceSpec, list_units, read_unit

IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")


def git(folder: Path, *arguments: str) -> str:
    environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", *IDENTITY, "-C", str(folder), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    return done.stdout.decode().strip()


def commit_all(folder: Path) -> str:
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-q", "--allow-empty", "-m", "x")
    return git(folder, "rev-parse", "HEAD")


def object_file(folder: Path, name: str) -> Path:
    oid = git(folder, "rev-parse", f"HEAD:{name}")
    path = folder / ".git/objects" / oid[:2] / oid[2:]
    path.chmod(0o644)
    return path


def read(folder: Path, limits: ReadLimits | None = None) -> dict[str, Record]:
    spec = SourceSpec(name="s", kind="repository", component="code", paths=(folder.name,))
    (unit,) = list_units(spec, base=str(folder.parent), memo=DigestMemo())
    return {record.path: record for record in read_unit(unit, limits or ReadLimits())}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    git(folder, "init", "-q")
    (folder / "README.md").write_text("hello\r\n", newline="")
    (folder / "LICENSE-MIT").write_text("MIT")
    (folder / "src/main.c").write_text("int main;\n")
    (folder / "src/LICENSE").write_text("not at the root")
    return folder


def test_every_file_of_the_commit_is_a_row(repository: Path) -> None:
    commit = commit_all(repository)
    rows = read(repository)
    assert sorted(rows) == ["LICENSE-MIT", "README.md", "src/LICENSE", "src/main.c"]
    assert rows["README.md"].text == "hello\r\n"
    row = rows["src/main.c"]
    assert (row.revision, row.collection, row.origin_file) == (commit, "project", "project")
    assert row.licence_files == ("LICENSE-MIT",)


def test_the_work_tree_is_not_looked_at(repository: Path) -> None:
    commit_all(repository)
    (repository / "README.md").write_text("dirty")
    (repository / "new.txt").write_text("new")
    assert read(repository)["README.md"].text == "hello\r\n"
    assert "new.txt" not in read(repository)


@pytest.mark.parametrize("packed", [False, True])
def test_a_bare_clone_gives_the_same_rows(repository: Path, packed: bool) -> None:  # noqa: FBT001
    commit_all(repository)
    git(repository, "clone", "-q", "--bare", ".", "../bare.git")
    if packed:
        git(repository.parent / "bare.git", "repack", "-adq")
    bare = read(repository.parent / "bare.git")
    assert {p: r.text for p, r in bare.items()} == {p: r.text for p, r in read(repository).items()}
    assert bare["README.md"].collection == "bare"


def test_links_submodules_and_unreadable_files_are_rows_with_a_reason(repository: Path) -> None:
    (repository / "link").symlink_to("/etc/passwd")
    (repository / "empty").touch()
    (repository / "bom").write_bytes(b"\xef\xbb\xbf")
    (repository / "image.png").write_bytes(b"\x89PNG\r\n\x1a\nxx")
    (repository / "nul").write_bytes(b"a\0b")
    (repository / "wide").write_bytes("\ufeffwide".encode("utf-16-le"))
    (repository / "noise").write_bytes(bytes(range(1, 256)) * 99)
    (repository / "huge").write_bytes(b"x" * 10_000_000)
    commit_all(repository)
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/lib")
    git(repository, "commit", "-q", "-m", "submodule")
    drops = {path: row.read_drop for path, row in read(repository).items() if row.read_drop}
    assert drops == {
        "link": "symlink",
        "empty": "empty",
        "bom": "empty",
        "image.png": "binary",
        "nul": "binary",
        "noise": "undecodable",
        "huge": "huge",
        "vendor/lib": "submodule",
    }
    assert read(repository)["wide"].text == "wide"


@pytest.mark.parametrize("damage", ["missing", "garbage", "truncated", "empty"])
def test_a_broken_blob_costs_only_itself(repository: Path, damage: str) -> None:
    (repository / "b.txt").write_text("some text that will be cut " * 20)
    (repository / "c.txt").write_text("after")
    commit_all(repository)
    path = object_file(repository, "b.txt")
    data = {"garbage": b"junk", "truncated": path.read_bytes()[:-9], "empty": b""}
    path.unlink() if damage == "missing" else path.write_bytes(data[damage])
    rows = read(repository)
    assert rows["b.txt"].read_drop == "corrupt"
    assert git(repository, "rev-parse", "HEAD:b.txt") in (rows["b.txt"].read_error or "")
    assert (rows["c.txt"].text, rows["src/main.c"].text) == ("after", "int main;\n")


def test_a_broken_tree_costs_only_its_own_files(repository: Path) -> None:
    (repository / "tail.txt").write_text("after")
    commit_all(repository)
    object_file(repository, "src").unlink()
    rows = read(repository)
    assert rows["src"].read_drop == "corrupt"
    assert rows["tail.txt"].text == "after"
    assert "src/main.c" not in rows


def test_a_repository_without_a_commit_is_one_corrupt_row(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "empty")
    (row,) = read(tmp_path / "empty").values()
    assert (row.read_drop, row.read_error) == (
        "corrupt",
        "HEAD names no commit that can be read",
    )


def test_a_missing_commit_object_is_one_corrupt_row(repository: Path) -> None:
    commit_all(repository)
    shutil.rmtree(repository / ".git/objects")
    (repository / ".git/objects").mkdir()
    (row,) = read(repository).values()
    assert row.read_drop == "corrupt"


def test_paths_that_leave_the_repository_are_rows_without_text(repository: Path) -> None:
    blob = git(repository, "hash-object", "-w", "README.md")
    listing = f"100644 blob {blob}\t..\n100644 blob {blob}\tok\n"
    command = ["git", "-C", str(repository), "mktree"]
    done = subprocess.run(command, input=listing.encode(), capture_output=True, check=True)
    tree = done.stdout.decode().strip()
    git(repository, "update-ref", "HEAD", git(repository, "commit-tree", tree, "-m", "x"))
    rows = read(repository)
    assert (rows[".."].read_drop, rows[".."].text) == ("unsafe_path", None)
    assert rows["ok"].text == "hello\r\n"


def test_a_repositorys_own_configuration_runs_nothing(repository: Path) -> None:
    commit_all(repository)
    marker = repository / "ran"
    for key in ("core.fsmonitor", "core.sshCommand", "core.pager", "core.alternateRefsCommand"):
        git(repository, "config", key, f"touch {marker}")
    assert "README.md" in read(repository)
    assert not marker.exists()


def test_names_beyond_utf8_are_made_printable(repository: Path) -> None:
    Path(os.fsdecode(os.fsencode(repository) + b"/caf\xe9")).write_text("x")
    (repository / "a\nb").write_text("y")
    commit_all(repository)
    assert {"caf\\xe9", "a\\x0ab"} <= set(read(repository))
