"""A corpus of several releases of the same packages: what near-duplicate removal is measured on.

Archives come from PyPI through pip, under pinned versions. The source archive is taken where pip
reads its metadata within seconds; a package that pip would have to compile for that is taken as a
wheel, which holds the same Python sources. Text files become rows (id, text) of SHARDS Parquet
files, a row's shard drawn from its id; the id is "package-version/path in the archive". The digest
of all rows is pinned, so the corpus is the same everywhere. It takes 250 MB of disk at most and
some minutes, once: a folder whose manifest has the digest is left as it is.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.corpus.ids import digest_parts, seeded_hash

SOURCES = {
    "django": ("5.1.9", "5.2.1"),
    "networkx": ("3.2.1", "3.3", "3.4.2"),
    "psutil": ("5.9.8", "6.0.0", "6.1.1", "7.0.0"),
    "sympy": ("1.12.1", "1.13.3"),
    "zstandard": ("0.22.0", "0.23.0"),
}
WHEELS = {
    "ansible-core": ("2.17.11", "2.18.5"),
    "matplotlib": ("3.9.4", "3.10.3"),
    "scikit-learn": ("1.5.2", "1.6.1"),
    "sqlalchemy": ("2.0.30", "2.0.41"),
    "twisted": ("24.7.0", "24.11.0"),
}
DIGEST = ""
WHEEL_TAGS = ["--platform", "manylinux2014_x86_64", "--python-version", "3.11"]
MAX_BYTES = 1_000_000  # of a file
SHARDS = 8
SCHEMA = pa.schema([("id", pa.string()), ("text", pa.string())])
TEXT_NAME = re.compile(
    r"\.(py|pyi|pyx|pxd|c|h|cc|cpp|hpp|s|asm|inc|js|css|html|rst|md|txt|json|toml|cfg|ini|ya?ml"
    r"|sh|ps1|po|sql|xml|csv|svg|in)",
    re.IGNORECASE,
)


def main() -> None:
    """Make the corpus, unless it is there, and print its manifest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/release-corpus"))
    out = parser.parse_args().out
    manifest = out / "manifest.json"
    if not manifest.exists() or json.loads(manifest.read_text())["digest"] != DIGEST:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        made = write_corpus(out)
        if made["digest"] != DIGEST:
            sys.exit(f"The corpus has digest {made['digest']}, not {DIGEST}: {made}")
        manifest.write_text(json.dumps(made) + "\n")
    print(manifest.read_text(), end="")


def write_corpus(out: Path) -> dict[str, str | int]:
    """Write the shards, archive by archive, and return the manifest: digest, files and bytes."""
    digest, num_files, num_bytes = blake2b(digest_size=16), 0, 0
    paths = [out / f"{shard:02d}.parquet" for shard in range(SHARDS)]
    with ExitStack() as stack:
        writers = [
            stack.enter_context(pq.ParquetWriter(path, SCHEMA, compression="zstd"))
            for path in paths
        ]
        for release, archive in archives():
            rows = sorted((f"{release}/{path}", text) for path, text in texts(archive))
            print(f"{release}: {len(rows)} files", file=sys.stderr)
            shards: list[list[tuple[str, str]]] = [[] for _ in range(SHARDS)]
            for name, text in rows:
                digest.update(digest_parts("row", (name, text)))
                shards[seeded_hash("shard", 0, name.encode()) % SHARDS].append((name, text))
                num_bytes += len(text.encode())
            num_files += len(rows)
            for writer, shard in zip(writers, shards, strict=True):
                columns = [[row[i] for row in shard] for i in range(2)]
                writer.write_table(pa.table(columns, schema=SCHEMA))
    return {"digest": digest.hexdigest(), "num_files": num_files, "num_bytes": num_bytes}


def archives() -> Iterator[tuple[str, Path]]:
    """Yield "package-version" and its archive, which is gone at the next one."""
    for table, options in (
        (SOURCES, ["--no-binary", ":all:"]),
        (WHEELS, ["--only-binary", ":all:", *WHEEL_TAGS]),
    ):
        for package, versions in table.items():
            for version in versions:
                with TemporaryDirectory() as folder:
                    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
                    wanted = f"{package}=={version}"
                    subprocess.run([*command, *options, "--dest", folder, wanted], check=True)
                    (archive,) = Path(folder).iterdir()
                    yield f"{package}-{version}", archive


def texts(archive: Path) -> Iterator[tuple[str, str]]:
    """Yield path and text of the text files; a source archive's outermost folder is left out."""
    for path, data in files(archive):
        try:
            yield path, data.decode()
        except UnicodeDecodeError:
            continue


def files(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of the files whose name and size are those of a text."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                if is_wanted(info.filename, info.file_size):
                    yield info.filename, opened.read(info)
        return
    with tarfile.open(archive) as opened_tar:
        for member in opened_tar:
            if member.isfile() and is_wanted(member.name, member.size):
                content = opened_tar.extractfile(member)
                assert content is not None
                yield member.name.split("/", 1)[1], content.read()


def is_wanted(path: str, num_bytes: int) -> bool:
    """Return whether a file has the name of a text and is not too large."""
    return bool(TEXT_NAME.fullmatch(PurePosixPath(path).suffix)) and num_bytes <= MAX_BYTES


if __name__ == "__main__":
    main()
