"""Files appear whole or not at all, on a disk, in memory and on a real S3 server."""

import errno
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from gristmill.corpus import storage
from gristmill.corpus.errors import GristmillError


@pytest.fixture(scope="module")
def s3_bucket(s3_endpoint: str) -> Iterator[str]:
    storage.configure("s3", {"key": "k", "secret": "s", "endpoint_url": s3_endpoint})
    fsspec.filesystem("s3", use_listings_cache=False, **storage.configured()["s3"]).mkdir("bucket")
    yield "s3://bucket"
    storage.configure("s3", {})


@pytest.fixture(params=["local", "file", "memory", "s3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "local":
        return str(tmp_path)
    if request.param == "file":
        return f"file://{tmp_path}"
    if request.param == "memory":
        return f"memory://{uuid.uuid4().hex}"
    return f"{request.getfixturevalue('s3_bucket')}/{uuid.uuid4().hex}"


def test_what_is_written_is_read_listed_and_removed(folder: str) -> None:
    url = storage.join(folder, "a", "b.bin")
    storage.write_bytes(url, b"data")
    assert storage.read_bytes(url) == b"data"
    assert storage.exists(url)
    assert storage.size(url) == 4
    (listed,) = storage.list_files(storage.join(folder, "**", "*.bin"))
    assert storage.read_bytes(listed) == b"data"
    assert storage.is_folder(storage.join(folder, "a"))
    storage.remove(url)
    storage.remove(url)
    assert not storage.exists(url)


def test_a_stamp_and_a_digest_change_with_the_content(folder: str) -> None:
    url = storage.join(folder, "a.bin")
    storage.write_bytes(url, b"one")
    before = storage.stamp(url), storage.digest_file(url)
    assert before == (storage.stamp(url), storage.digest_file(url))
    storage.write_bytes(url, b"three")
    assert storage.stamp(url) != before[0]
    assert storage.digest_file(url) != before[1]


def fail_after_writing(path: Path) -> None:
    path.write_bytes(b"half")
    raise RuntimeError


def test_a_failed_replacement_leaves_the_old_file_and_nothing_else(folder: str) -> None:
    url = storage.join(folder, "a.bin")
    storage.write_bytes(url, b"old")
    with pytest.raises(RuntimeError), storage.replace_atomically(url) as partial:
        fail_after_writing(partial)
    assert storage.read_bytes(url) == b"old"
    assert not partial.exists()
    with storage.replace_atomically(url) as partial:
        partial.write_bytes(b"new")
    assert storage.read_bytes(url) == b"new"


def test_link_or_copy_replaces_its_target_and_may_be_repeated(folder: str, tmp_path: Path) -> None:
    source, target = storage.join(folder, "a.bin"), storage.join(folder, "b.bin")
    storage.write_bytes(source, b"new")
    storage.write_bytes(target, b"old")
    for _ in range(2):
        storage.link_or_copy(source, target)
    storage.link_or_copy(source, str(tmp_path / "c.bin"))
    assert storage.read_bytes(target) == (tmp_path / "c.bin").read_bytes() == b"new"
    assert not list(tmp_path.glob(".*"))


def test_a_local_link_shares_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    storage.link_or_copy(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (tmp_path / "a").samefile(tmp_path / "b")


def test_a_missing_file_says_what_to_do(folder: str) -> None:
    with pytest.raises(GristmillError, match="Check the path"):
        storage.read_bytes(storage.join(folder, "none.bin"))


def test_a_missing_bucket_says_so(s3_bucket: str) -> None:
    with pytest.raises(GristmillError, match="no-such-bucket"):
        storage.write_bytes("s3://no-such-bucket/a", b"x")


def test_a_server_that_is_down_is_an_error_for_the_user() -> None:
    options = {"key": "k", "secret": "s", "endpoint_url": "http://127.0.0.1:9"}
    before = storage.configured().get("s3", {})
    storage.configure("s3", options | {"config_kwargs": {"retries": {"max_attempts": 0}}})
    try:
        with pytest.raises(GristmillError, match="cannot read it"):
            storage.read_bytes("s3://bucket/a")
    finally:
        storage.configure("s3", before)


def test_a_full_disk_is_an_error_for_the_user_and_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    with (
        pytest.raises(GristmillError, match="No space left on device"),
        storage.replace_atomically(str(target)),
        Path("/dev/full").open("wb", buffering=0) as full,
    ):
        full.write(b"x")
    assert target.read_bytes() == b"old"
    assert os.strerror(errno.ENOSPC) == "No space left on device"


def test_an_unknown_protocol_is_an_error_for_the_user() -> None:
    with pytest.raises(GristmillError, match="nosuch"):
        storage.read_bytes("nosuch://a/b")


def test_a_missing_package_is_named() -> None:
    code = (
        "import sys; sys.modules['s3fs'] = None\n"
        "from gristmill.corpus import storage\n"
        "storage.read_bytes('s3://bucket/a')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "GristmillError" in done.stderr
    assert "pip install 'gristmill[s3]'" in done.stderr


def test_partial_and_hidden_files_are_never_listed(tmp_path: Path) -> None:
    for name in ("b", "a", ".hidden", ".c.0123.partial"):
        (tmp_path / name).touch()
    assert storage.list_files(f"{tmp_path}/*") == [f"{tmp_path}/a", f"{tmp_path}/b"]


def test_join_keeps_urls_and_absolute_paths() -> None:
    assert storage.join("s3://b/x/", "y", "z") == "s3://b/x/y/z"
    assert storage.join("/base", "/abs") == "/abs"
    assert storage.join("/base", "s3://b") == "s3://b"
    assert storage.join("", "a") == "a"
