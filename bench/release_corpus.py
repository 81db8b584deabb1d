"""A corpus of several releases of the same packages: what near-duplicate removal is measured on.

Source archives come from PyPI through pip, under pinned versions; for their metadata pip runs the
setup code of each, so they are packages whose setup needs no compiler. Text files become rows
(id, text) of SHARDS Parquet files, a row's shard drawn from its id; the id is "package-version/"
and the path in the archive. The digest of all rows is pinned, so the corpus is the same everywhere.
It takes 150 MB of disk at most and some minutes, once: a run that was cut off goes on from the
archives that it has, and a folder whose manifest has the digest is left as it is.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.corpus.ids import digest_parts, seeded_hash

RELEASES = {
    "ansible-core": ("2.17.11", "2.18.5"),
    "django": ("5.1.9", "5.2.1"),
    "grpcio": ("1.70.0", "1.71.0"),
    "networkx": ("3.2.1", "3.3", "3.4.2"),
    "psutil": ("5.9.8", "6.0.0", "6.1.1", "7.0.0"),
}
DIGEST = "87041b4fcff82a2b30bbf7d5b7229f0d"
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
        (out / "archives").mkdir(parents=True, exist_ok=True)
        made = write_corpus(out)
        if made["digest"] != DIGEST:
            sys.exit(f"The corpus has digest {made['digest']}, not {DIGEST}: {made}")
        shutil.rmtree(out / "archives")
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
        for release, archive in fetch_archives(out / "archives"):
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


def fetch_archives(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield "package-version" and its source archive, which stays in the folder."""
    for package, versions in RELEASES.items():
        for version in versions:
            archive = folder / f"{package.replace('-', '_')}-{version}.tar.gz"
            if not archive.exists():
                command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
                with TemporaryDirectory(dir=folder) as arriving:
                    options = ["--no-binary", ":all:", "--dest", arriving]
                    subprocess.run([*command, *options, f"{package}=={version}"], check=True)
                    (Path(arriving) / archive.name).rename(archive)
            yield f"{package}-{version}", archive


def texts(archive: Path) -> Iterator[tuple[str, str]]:
    """Yield path and text of the text files; the archive's outermost folder is left out."""
    with tarfile.open(archive) as opened:
        for member in opened:
            if not (member.isfile() and is_wanted(member.name, member.size)):
                continue
            content = opened.extractfile(member)
            assert content is not None
            with suppress(UnicodeDecodeError):
                yield member.name.split("/", 1)[1], content.read().decode()


def is_wanted(path: str, num_bytes: int) -> bool:
    """Return whether a file has the name of a text and is not too large."""
    return bool(TEXT_NAME.fullmatch(PurePosixPath(path).suffix)) and num_bytes <= MAX_BYTES


if __name__ == "__main__":
    main()
