"""A store keeps every blob once, survives a kill anywhere, and says the same in any order."""

import io
import os
import random
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import zstandard

from gristmill.corpus.crawl.github.files import RepositoryFile, blob_sha
from gristmill.corpus.crawl.github.index import RepositoryFacts
from gristmill.corpus.crawl.github.store import RepositoryStore, StoreSettings
from gristmill.corpus.crawl.ledger import Ledger
from gristmill.corpus.errors import GristmillError, StorageError

ONE_SHARD = StoreSettings(num_shards=1, frame_bytes=2000)
Contents = dict[str, bytes]


def noise(seed: int, num_bytes: int = 3000) -> bytes:
    return random.Random(seed).randbytes(num_bytes)


def files(contents: Contents) -> list[RepositoryFile]:
    return [
        RepositoryFile(
            path=path.encode(),
            mode="100644",
            sha=blob_sha(data),
            num_bytes=len(data),
            data=data,
        )
        for path, data in contents.items()
    ]


def facts(number: int) -> RepositoryFacts:
    return RepositoryFacts(id=number, full_name=f"octo/r{number}", commit=f"{number:040x}", stars=1)


def add(ledger: Ledger, store: RepositoryStore, number: int, contents: Contents) -> int:
    """Crawl one repository; return how many compressed bytes were appended."""
    ledger.add("repository", [(str(number), {})])
    collected = store.collect(facts(number), files(contents))
    store.commit(collected, settle=lambda: ledger.settle("repository", str(number), "done"))
    return collected.num_new_bytes


def crawl(
    folder: Path, repositories: Iterable[tuple[int, Contents]], settings: StoreSettings = ONE_SHARD
) -> dict[str, str]:
    """Crawl repositories and close the store; return the digests of its files."""
    with Ledger(folder) as ledger:
        store = RepositoryStore(ledger, settings)
        for number, contents in repositories:
            add(ledger, store, number, contents)
        store.close()
        return {file.name: file.digest for file in store.files()}


def members(path: Path) -> dict[str, int]:
    """Return the sizes of a segment's members, as any reader of tar.zst sees them."""
    with path.open("rb") as stream:
        reader = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
        plain = io.BytesIO(reader.read())
    with tarfile.open(fileobj=plain, ignore_zeros=True) as archive:
        return {member.name: member.size for member in archive}


@pytest.mark.skipif(shutil.which("zstd") is None, reason="needs the zstd program")
def test_a_segment_is_unpacked_by_zstd_and_tar(tmp_path: Path) -> None:
    first, second = {"a": noise(1), "b": b"", "c": noise(2)}, {"a": noise(1), "d": noise(3)}
    crawl(tmp_path, [(1, first), (2, second)])
    blobs = {blob_sha(data): len(data) for data in (*first.values(), *second.values())}
    name = tmp_path / "repositories/0000-00000.tar.zst"
    assert members(name) == blobs
    commands = (f"tar --zstd -xf {name}", f"zstd -dc {name} | tar -xi")
    for number, command in enumerate(commands):
        target = tmp_path / str(number)
        target.mkdir()
        subprocess.run(command, shell=True, cwd=target, check=True)
        assert {each.name: each.stat().st_size for each in target.iterdir()} == blobs


def test_a_blob_of_another_repository_is_not_stored_again(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        store = RepositoryStore(ledger, StoreSettings())
        contents = {"a": noise(1), "b": noise(2), "again": noise(1)}
        assert 6000 < add(ledger, store, 1, contents) < 7000
        assert add(ledger, store, 2, {"elsewhere": noise(2)}) == 0
        assert 3000 < add(ledger, store, 3, {"a": noise(1), "new": noise(3)}) < 4000


@pytest.mark.skipif(shutil.which("zstd") is None, reason="needs the zstd program")
def test_a_segment_to_which_nothing_new_came_is_an_empty_archive(tmp_path: Path) -> None:
    crawl(tmp_path, [(1, {"a": noise(1)})])
    names = crawl(tmp_path, [(2, {"a": noise(1)}), (3, {})])
    path = tmp_path / "repositories/0000-00001.tar.zst"
    assert "repositories/0000-00001.tar.zst" in names
    done = subprocess.run(["tar", "--zstd", "-tf", path], capture_output=True, check=True)
    assert (done.stdout, members(path)) == (b"", {})
    with Ledger(tmp_path) as ledger:
        assert RepositoryStore(ledger, ONE_SHARD).num_returned == 0


def test_the_index_is_sorted_by_repository_and_path(tmp_path: Path) -> None:
    contents = {"b/x": b"1", "a": b"2", "b.c": b"3"}
    crawl(tmp_path, [(2, contents), (10, contents), (1, contents)])
    table = pq.read_table(tmp_path / "repositories/0000-00000.parquet")
    names = ["octo/r1", "octo/r10", "octo/r2"]
    assert table["full_name"].to_pylist() == [name for name in names for _ in range(3)]
    assert table["path"].to_pylist() == [b"a", b"b.c", b"b/x"] * 3


def test_the_digest_does_not_depend_on_the_order_of_arrival(tmp_path: Path) -> None:
    repositories = [(i, {"a": noise(i % 3), "b": noise(i)}) for i in range(6)]
    there = crawl(tmp_path / "there", repositories)
    back = crawl(tmp_path / "back", reversed(repositories))
    assert there == back
    repositories[3][1]["a"] = b"other"
    assert crawl(tmp_path / "other", repositories) != there


def test_a_full_segment_is_followed_by_another(tmp_path: Path) -> None:
    settings = StoreSettings(num_shards=1, max_segment_bytes=5000)
    names = crawl(tmp_path, [(i, {"a": noise(i)}) for i in range(5)], settings)
    segments = [name for name in names if name.endswith(".tar.zst")]
    assert segments == [f"repositories/0000-0000{i}.tar.zst" for i in range(3)]


def test_no_repository_is_in_two_segments(tmp_path: Path) -> None:
    settings = StoreSettings(num_shards=3, max_segment_bytes=5000)
    crawl(tmp_path, [(i, {"a": noise(i), "b": noise(99)}) for i in range(20)], settings)
    seen: list[str] = []
    for path in (tmp_path / "repositories").glob("*.parquet"):
        seen += set(pq.read_table(path)["full_name"].to_pylist())
    assert sorted(seen) == sorted(f"octo/r{i}" for i in range(20))


def test_what_was_not_committed_is_cut_off(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        store = RepositoryStore(ledger, ONE_SHARD)
        add(ledger, store, 1, {"a": noise(1)})
        store.collect(facts(2), files({"a": noise(2)}))  # and killed before its commit
    path = tmp_path / "repositories/0000-00000.tar.zst"
    long = path.stat().st_size
    crawl(tmp_path, [(3, {"a": noise(3)})])
    assert path.stat().st_size < long + 1000
    assert set(members(path)) == {blob_sha(noise(1)), blob_sha(noise(3))}


def test_a_file_that_was_never_committed_is_removed(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        RepositoryStore(ledger, ONE_SHARD).collect(facts(2), files({"a": noise(2)}))
    with Ledger(tmp_path) as ledger:
        RepositoryStore(ledger, ONE_SHARD)
    assert list((tmp_path / "repositories").iterdir()) == []


def test_a_repository_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        store = RepositoryStore(ledger, ONE_SHARD)
        store.give_up(store.collect(facts(2), files({"a": noise(2)})))
        store.close()
        assert store.files() == []
    assert list((tmp_path / "repositories").iterdir()) == []


def test_a_source_that_fails_appends_nothing(tmp_path: Path) -> None:
    def broken() -> Iterable[RepositoryFile]:
        yield from files({"a": noise(1)})
        raise ValueError("the tarball is cut")

    with Ledger(tmp_path) as ledger:
        store = RepositoryStore(ledger, ONE_SHARD)
        with pytest.raises(ValueError, match="cut"):
            store.collect(facts(1), broken())
        store.close()
        assert store.files() == []


def test_settling_that_fails_leaves_the_repository_out(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        store = RepositoryStore(ledger, ONE_SHARD)
        collected = store.collect(facts(1), files({"a": noise(1)}))

        def fail() -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            store.commit(collected, settle=fail)
        assert ledger.connection.execute("SELECT count(*) FROM blobs").fetchone() == (0,)


def test_a_second_run_goes_on_in_new_segments(tmp_path: Path) -> None:
    first = crawl(tmp_path, [(1, {"a": noise(1)})])
    second = crawl(tmp_path, [(2, {"a": noise(1), "b": noise(2)})])
    assert first.items() < second.items()
    rows = pq.read_table(tmp_path / "repositories/0000-00001.parquet").to_pylist()
    assert [row["segment"] for row in rows] == ["0000-00000.tar.zst", "0000-00001.tar.zst"]


def test_a_killed_run_goes_on_in_its_open_segment(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        add(ledger, RepositoryStore(ledger, ONE_SHARD), 1, {"a": noise(1)})
    whole = crawl(tmp_path, [(2, {"a": noise(2)})])
    assert whole == crawl(tmp_path / "whole", [(1, {"a": noise(1)}), (2, {"a": noise(2)})])


CRAWL_UNTIL_KILLED = """
import random, sys
from pathlib import Path
from gristmill.corpus.crawl.github.files import RepositoryFile, blob_sha
from gristmill.corpus.crawl.github.index import RepositoryFacts
from gristmill.corpus.crawl.github.store import RepositoryStore, StoreSettings
from gristmill.corpus.crawl.ledger import Ledger

with Ledger(Path(sys.argv[1])) as ledger:
    settings = StoreSettings(num_shards=2, frame_bytes=2000, max_segment_bytes=20000)
    store = RepositoryStore(ledger, settings)
    ledger.add("repository", ((str(number), {}) for number in range(60)))
    for item in ledger.take("repository", 60):
        data = random.Random(int(item.id) % 40).randbytes(3000)
        file = RepositoryFile(
            path=b"a", mode="100644", sha=blob_sha(data), num_bytes=len(data), data=data
        )
        facts = RepositoryFacts(id=int(item.id), full_name=f"o/{item.id}", commit="1" * 40)
        collected = store.collect(facts, [file])
        store.commit(collected, settle=lambda: ledger.settle("repository", item.id, "done"))
        store.close_full()
        print(item.id, flush=True)
    store.close()
    print("closed", flush=True)
"""


def run_until(folder: Path, num_lines: int) -> list[str]:
    """Crawl in a process that is killed once it has printed some lines; return them."""
    command = [sys.executable, "-c", CRAWL_UNTIL_KILLED, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [line.strip() for line, _ in zip(process.stdout, range(num_lines), strict=False)]
        process.kill()
    return lines


def test_killed_again_and_again_it_fetches_nothing_twice(tmp_path: Path) -> None:
    seen = [line for stop in (1, 9, 17, 23, 99) for line in run_until(tmp_path, stop)]
    assert seen[-1] == "closed"
    fetched = [line for line in seen if line != "closed"]  # a slow kill may come after it
    assert len(fetched) == len(set(fetched))
    with Ledger(tmp_path) as ledger:
        assert ledger.counts() == {"repository": {"done": 60}}
        store = RepositoryStore(ledger, ONE_SHARD)
        assert store.num_returned == 0
        assert sum(file.num_items for file in store.files()) == 2 * 60
    blobs: set[str] = set()
    for path in (tmp_path / "repositories").glob("*.tar.zst"):
        blobs |= set(members(path))
    assert blobs == {blob_sha(noise(i)) for i in range(40)}


@pytest.mark.parametrize("is_closed", [False, True])
@pytest.mark.parametrize("keep", [0, 3100, 6000])
def test_what_a_power_cut_took_is_fetched_again(
    tmp_path: Path,
    is_closed: bool,  # noqa: FBT001
    keep: int,
) -> None:
    repositories = [(i, {"a": noise(i), "shared": noise(2)}) for i in range(1, 4)]
    with Ledger(tmp_path / "cut") as ledger:
        store = RepositoryStore(ledger, ONE_SHARD)
        for number, contents in repositories:
            add(ledger, store, number, contents)
        if is_closed:
            store.close()
    os.truncate(tmp_path / "cut/repositories/0000-00000.tar.zst", keep)
    with Ledger(tmp_path / "cut") as ledger:
        store = RepositoryStore(ledger, ONE_SHARD)
        waiting = [int(item.id) for item in ledger.take("repository", 9)]
        assert len(waiting) == store.num_returned > 0
        for number in waiting:
            add(ledger, store, number, dict(repositories)[number])
        store.close()
        digests = {file.name: file.digest for file in store.files()}
    assert digests == crawl(tmp_path / "whole", repositories)
    assert len(members(tmp_path / "cut/repositories/0000-00000.tar.zst")) == 3


def test_a_fork_in_another_segment_waits_again_with_its_blobs(tmp_path: Path) -> None:
    crawl(tmp_path, [(1, {"a": noise(1)})])
    crawl(tmp_path, [(2, {"a": noise(1)}), (3, {"b": noise(3)})])
    os.truncate(tmp_path / "repositories/0000-00000.tar.zst", 10)
    with Ledger(tmp_path) as ledger:
        assert RepositoryStore(ledger, ONE_SHARD).num_returned == 2
        assert {item.id for item in ledger.take("repository", 9)} == {"1", "2"}


def test_a_lost_index_of_a_shortened_segment_is_an_error(tmp_path: Path) -> None:
    crawl(tmp_path, [(1, {"a": noise(1)})])
    os.truncate(tmp_path / "repositories/0000-00000.tar.zst", 10)
    (tmp_path / "repositories/0000-00000.parquet").unlink()
    with Ledger(tmp_path) as ledger, pytest.raises(GristmillError, match="index is gone"):
        RepositoryStore(ledger, ONE_SHARD)


def test_a_disk_that_refuses_is_said_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    with Ledger(tmp_path) as ledger:
        store = RepositoryStore(ledger, ONE_SHARD)
        add(ledger, store, 1, {"a": noise(1)})
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", refuse)
            with pytest.raises(StorageError, match="No space left"):
                add(ledger, store, 2, {"a": noise(2)})
        add(ledger, store, 3, {"a": noise(3)})
        store.close()
    assert len(members(tmp_path / "repositories/0000-00000.tar.zst")) == 2


def test_repositories_are_collected_in_several_threads(tmp_path: Path) -> None:
    found: list[object] = []
    with Ledger(tmp_path) as ledger:
        store = RepositoryStore(ledger, ONE_SHARD)

        def collect(number: int) -> None:
            found.append(store.collect(facts(number), files({"a": noise(number), "b": noise(0)})))

        threads = [threading.Thread(target=collect, args=(i,)) for i in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for collected in found:
            store.commit(collected)  # type: ignore[arg-type]
        store.close()
    path = tmp_path / "repositories/0000-00000.tar.zst"
    assert set(members(path)) == {blob_sha(noise(i)) for i in range(9)}
