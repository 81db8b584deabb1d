"""What a build reads from a crawl's store is what it reads from the repositories themselves."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.corpus.crawl.github.clone import read_clone
from gristmill.corpus.crawl.github.files import ContentLimits, RepositoryFile
from gristmill.corpus.crawl.github.index import RepositoryFacts
from gristmill.corpus.crawl.github.store import RepositoryStore, StoreSettings
from gristmill.corpus.crawl.github.tarball import Tarball
from gristmill.corpus.crawl.ledger import Ledger
from gristmill.corpus.crawl.manifest import CrawlManifest, write_manifest
from gristmill.corpus.memo import DigestMemo
from gristmill.corpus.record import Record
from gristmill.corpus.sources import ReadLimits, SourceSpec, Unit, list_units, read_unit
from gristmill.corpus.sources.git import head_commit
from gristmill.corpus.sources.read import unit_collections

FIXTURES = Path(__file__).parents[4] / "fixtures"
SPEC = SourceSpec(name="s", kind="repository", component="code", crawl="hub")
DIRECT = SourceSpec(
    name="s",
    kind="repository",
    component="code",
    paths=("repositories/*",),
    metadata="repositories.jsonl",
)
Git = Callable[..., str]
Crawled = Iterable[tuple[RepositoryFacts, Iterable[RepositoryFile]]]


def crawl(out: Path, repositories: Crawled, settings: StoreSettings | None = None) -> None:
    """Make the folder of a crawl called hub."""
    with Ledger(out / "hub") as ledger:
        store = RepositoryStore(ledger, settings or StoreSettings(num_shards=3))
        for facts, files in repositories:
            store.commit(store.collect(facts, files))
        store.close()
        manifest = CrawlManifest(kind="github", files=tuple(store.files()), is_complete=True)
    write_manifest(str(out / "hub"), manifest)


def read(out: Path, limits: ReadLimits | None = None) -> list[Record]:
    units = list_units(SPEC, base=".", memo=DigestMemo(), crawls=str(out))
    return [record for unit in units for record in read_unit(unit, limits or ReadLimits())]


def alike(records: Iterable[Record]) -> list[Record]:
    """Return the records without the place that they were read from, sorted."""
    plain = [msgspec.structs.replace(record, origin_file="") for record in records]
    return sorted(plain, key=lambda record: (record.collection, record.path))


def fixtures(suffix: str) -> list[Unit]:
    found = list_units(DIRECT, base=str(FIXTURES), memo=DigestMemo())
    return [unit for unit in found if unit.url.endswith(suffix)]


def facts_of(unit: Unit, number: int, commit: str) -> RepositoryFacts:
    known = unit.metadata
    return RepositoryFacts(
        id=number,
        full_name=unit.name,
        commit=commit,
        created=known.created if known else None,
        stars=known.stars if known else None,
        licence=known.licence if known else None,
    )


def cloned(folder: Path) -> Crawled:
    commit = head_commit(folder)
    facts = RepositoryFacts(id=1, full_name="octo/project", commit=commit)
    yield facts, read_clone(folder, commit, ContentLimits())


def directly(folder: Path, limits: ReadLimits | None = None) -> list[Record]:
    unit = Unit(
        source="s", component="code", kind="repository", name="octo/project", url=str(folder),
        relative="", digest=head_commit(folder), size_bytes=0,
    )  # fmt: skip
    return list(read_unit(unit, limits or ReadLimits()))


def test_clones_are_read_as_by_gits_own_reader(tmp_path: Path) -> None:
    units = fixtures(".git")
    assert len(units) >= 7
    commits = [head_commit(Path(unit.url)) for unit in units]
    crawl(
        tmp_path,
        (
            (facts_of(unit, i, commit), read_clone(Path(unit.url), commit, ContentLimits()))
            for i, (unit, commit) in enumerate(zip(units, commits, strict=True))
        ),
    )
    expected = [record for unit in units for record in read_unit(unit, ReadLimits())]
    assert alike(read(tmp_path)) == alike(expected)


def test_tarballs_are_read_as_by_the_reader_of_archives(tmp_path: Path) -> None:
    units = [unit for unit in fixtures(".tar.gz") if "edge-cases" not in unit.url]
    assert len(units) >= 40

    def tarballs() -> Iterator[tuple[RepositoryFacts, Iterable[RepositoryFile]]]:
        for i, unit in enumerate(units):
            tarball = Tarball(Path(unit.url), ContentLimits())
            kept = list(tarball)
            assert tarball.error is None
            yield facts_of(unit, i, tarball.commit), kept

    crawl(tmp_path, tarballs())
    expected = [record for unit in units for record in read_unit(unit, ReadLimits())]
    assert alike(read(tmp_path)) == alike(expected)


def test_forks_are_read_whole_though_their_blobs_lie_elsewhere(tmp_path: Path) -> None:
    units = [u for u in fixtures("") if u.name.rpartition("/")[2] in ("click", "cobra", "tinyxml2")]
    assert len(units) == 6

    def files(unit: Unit) -> tuple[str, list[RepositoryFile]]:
        if not unit.url.endswith(".git"):
            tarball = Tarball(Path(unit.url), ContentLimits())
            kept = list(tarball)
            return tarball.commit, kept
        commit = head_commit(Path(unit.url))
        return commit, list(read_clone(Path(unit.url), commit, ContentLimits()))

    found = [(unit, *files(unit)) for unit in units]
    settings = StoreSettings(num_shards=4, max_segment_bytes=1, frame_bytes=20_000)
    crawl(
        tmp_path, ((facts_of(u, i, commit), kept) for i, (u, commit, kept) in enumerate(found)),
        settings,
    )  # fmt: skip
    rows = [pq.read_table(p) for p in sorted((tmp_path / "hub/repositories").glob("*.parquet"))]
    assert len(rows) == 6
    places = [set(table["segment"].drop_null().to_pylist()) for table in rows]
    assert sum(len(segments) > 1 for segments in places) == 3
    expected = [record for unit in units for record in read_unit(unit, ReadLimits())]
    assert alike(read(tmp_path)) == alike(expected)


def test_every_kind_of_file_has_the_row_that_git_gives(
    tmp_path: Path, repository: Path, git: Git
) -> None:
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/lib")
    git(repository, "commit", "-q", "-m", "submodule")
    blob = git(repository, "hash-object", "-w", "README.md")
    tree = git(repository, "ls-tree", "HEAD") + f"\n100644 blob {blob}\t..\n"
    made = git(repository, "mktree", stdin=tree.encode())
    git(repository, "update-ref", "HEAD", git(repository, "commit-tree", made, "-m", "x"))
    crawl(tmp_path / "out", cloned(repository))
    limits = ReadLimits(max_file_bytes=60_000)
    rows = read(tmp_path / "out", limits)
    assert alike(rows) == alike(directly(repository, limits))
    assert {row.read_drop for row in rows} == {
        *(None, "huge", "symlink", "submodule", "unsafe_path", "empty")
    }


def test_a_file_that_the_crawl_left_out_says_so(tmp_path: Path, repository: Path) -> None:
    commit = head_commit(repository)
    facts = RepositoryFacts(id=1, full_name="octo/project", commit=commit)
    files = read_clone(repository, commit, ContentLimits(max_blob_bytes=9000))
    crawl(tmp_path / "out", [(facts, files)])
    (row,) = (row for row in read(tmp_path / "out") if row.read_drop == "huge")
    assert (row.path, row.num_bytes) == ("huge.txt", 65536)
    assert row.read_error == "65536 bytes, the crawl's limit is 9000"


def test_a_damaged_frame_costs_only_its_own_files(tmp_path: Path, repository: Path) -> None:
    settings = StoreSettings(num_shards=1, frame_bytes=1000)
    commit = head_commit(repository)
    facts = RepositoryFacts(id=1, full_name="octo/project", commit=commit)
    crawl(tmp_path, [(facts, read_clone(repository, commit, ContentLimits()))], settings)
    before = {row.path: row for row in read(tmp_path)}
    segment = tmp_path / "hub/repositories/0000-00000.tar.zst"
    data = bytearray(segment.read_bytes())
    data[30] ^= 255
    segment.write_bytes(data)
    after = {row.path: row for row in read(tmp_path)}
    damaged = [row for row in after.values() if row.read_drop == "corrupt"]
    assert 0 < len(damaged) < len(after) == len(before)
    assert all(
        "the frame at byte 0 of 0000-00000.tar.zst" in (row.read_error or "") for row in damaged
    )
    sound = {path for path, row in after.items() if row.read_drop != "corrupt"}
    assert {path: after[path] for path in sound} == {path: before[path] for path in sound}


@pytest.mark.parametrize("damage", ["cut", "columns"])
def test_a_damaged_index_is_one_corrupt_row(tmp_path: Path, repository: Path, damage: str) -> None:
    crawl(tmp_path / "out", cloned(repository), StoreSettings(num_shards=1))
    index = tmp_path / "out/hub/repositories/0000-00000.parquet"
    unit = list_units(SPEC, base=".", memo=DigestMemo(), crawls=str(tmp_path / "out"))[0]
    if damage == "cut":
        index.write_bytes(index.read_bytes()[:-20])
    else:
        columns = ("repository_id", "path", "mode", "reason", "full_name")
        table = pa.table({name: pq.read_table(index)[name] for name in columns})
        pq.write_table(table, index)
    (row,) = read_unit(unit, ReadLimits())
    assert row.read_drop == "corrupt"
    assert "its index is damaged" in (row.read_error or "")


def test_the_names_of_a_segments_repositories_are_told(tmp_path: Path, repository: Path) -> None:
    crawl(tmp_path / "out", cloned(repository))
    (unit,) = list_units(SPEC, base=".", memo=DigestMemo(), crawls=str(tmp_path / "out"))
    assert unit_collections(unit) == {"octo/project"}


def test_an_empty_repository_has_no_rows(tmp_path: Path) -> None:
    crawl(tmp_path, [(RepositoryFacts(id=1, full_name="o/r", commit="1" * 40), [])])
    assert read(tmp_path) == []
