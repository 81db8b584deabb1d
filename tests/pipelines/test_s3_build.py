"""A build on S3 is the build on a disk: the same bytes, and nothing twice."""

import gzip
import io
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest

from gristmill.corpus import storage
from gristmill.pipelines.build import BuildResult, build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines

RECIPE = """
name = "remote"

[[source]]
name = "github"
kind = "repository"
component = "code"
paths = ["{base}*.tar.gz"]

[[source]]
name = "pages"
kind = "warc"
component = "text"
paths = ["{base}*.warc.gz"]

[[source]]
name = "prose"
kind = "documents"
component = "text"
paths = ["{base}*.jsonl"]

[dedup]
partitions = 1

[mixture]
weights = {{ code = 0.5, text = 0.5 }}

[storage.s3]
key = "key"
secret = "a secret"
endpoint_url = "{endpoint}"
"""


@pytest.fixture(scope="module")
def endpoint(s3_endpoint: str) -> Iterator[str]:
    """An S3 server with an empty bucket."""
    before = storage.configured().get("s3", {})
    _bucket(s3_endpoint).mkdir("builds")
    yield s3_endpoint
    storage.configure("s3", before)


def _bucket(endpoint: str) -> fsspec.AbstractFileSystem:
    options = {"key": "key", "secret": "a secret", "endpoint_url": endpoint}
    return fsspec.filesystem("s3", use_listings_cache=False, **options)


def run(recipe: Path, out: str) -> BuildResult:
    result = build(
        str(recipe), out=out, executor=LocalExecutor(), observer=JsonLines(io.StringIO())
    )
    assert not result.failures
    return result


@pytest.fixture(scope="module")
def local(
    endpoint: str,
    tmp_path_factory: pytest.TempPathFactory,
    warc_record: Callable[[str, str], bytes],
) -> Path:
    """Inputs and a build of them on this disk."""
    base = tmp_path_factory.mktemp("local")
    with tarfile.open(base / "tools.tar.gz", "w:gz") as archive:
        for name in ("one", "two"):
            data = f"def {name}():\n    return '{name}'\n".encode() * 3
            member = tarfile.TarInfo(f"tools/{name}.py")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    html = f"<main>{''.join(f'<p>Paragraph {i} of the page.</p>' for i in range(20))}</main>"
    (base / "page.warc.gz").write_bytes(gzip.compress(warc_record("https://a.example.org/", html)))
    (base / "prose.jsonl").write_text('{"id": 1, "text": "It was a fine day, and a long one."}\n')
    (base / "recipe.toml").write_text(RECIPE.format(base="", endpoint=endpoint))
    run(base / "recipe.toml", str(base / "out"))
    return base


def test_out_on_s3_holds_the_bytes_of_a_local_build_and_is_built_once(
    local: Path, endpoint: str, tmp_path: Path
) -> None:
    first = run(local / "recipe.toml", "s3://builds/out")
    assert first.num_ran > 0
    second = run(local / "recipe.toml", "s3://builds/out")
    assert (second.num_ran, second.published.written) == (0, ())
    _bucket(endpoint).get("builds/out", str(tmp_path / "fetched"), recursive=True)
    published = _files(tmp_path / "fetched")
    assert published == _files(local / "out")
    assert {path.partition("/")[0] for path in published} == {
        "build.json",
        "ledger",
        "mixture.json",
        "tokens",
    }


def _files(out: Path) -> dict[str, bytes]:
    paths = [*out.glob("tokens/**/*.parquet"), *out.glob("ledger/*.parquet"), *out.glob("*.json")]
    return {str(path.relative_to(out)): path.read_bytes() for path in paths}


def test_credentials_are_written_nowhere(local: Path) -> None:
    for path in (local / "out").rglob("*"):
        assert path.is_dir() or b"a secret" not in path.read_bytes(), path


def test_sources_on_s3_give_what_local_ones_give(
    local: Path, endpoint: str, tmp_path: Path
) -> None:
    for path in local.glob("*.*"):
        _bucket(endpoint).put_file(str(path), f"builds/in/{path.name}")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE.format(base="s3://builds/in/", endpoint=endpoint))
    run(recipe, str(tmp_path / "out"))
    names = ["collection", "path", "content_id", "language", "dropped_by", "tokens"]
    remote, here = (
        sorted(pq.read_table(out / "ledger", columns=names).to_pylist(), key=str)
        for out in (tmp_path / "out", local / "out")
    )
    for row in remote:
        row["path"] = row["path"].removeprefix("builds/in/")
    assert remote == here
    assert len(here) == 4


def test_a_whole_recipe_on_s3_gives_the_bytes_of_the_local_one(
    local: Path, endpoint: str, tmp_path: Path
) -> None:
    for path in local.glob("*.*"):
        _bucket(endpoint).put_file(str(path), f"builds/whole/{path.name}")
    build(
        "s3://builds/whole/recipe.toml",
        out=str(tmp_path / "out"),
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )
    assert _files(tmp_path / "out") == _files(local / "out")
    shutil.rmtree(tmp_path / "out")
