"""The artifacts of a build: find a finished task by key, trust it only while its bytes stand.

Layout: `work/STAGE/SHARD/KEY.parquet` and `KEY.json`. A file whose size or modification time is
not what the store last saw is digested again; if the digest is wrong the artifact never happened.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.memo import DigestMemo
from ..corpus.storage import (
    digest_file,
    escape_glob,
    exists,
    is_local,
    join,
    list_files,
    read_bytes,
    remove,
    stamp,
)
from .artifact import InputFile, Manifest, artifact_url, manifest_url
from .stage import Task


class Store:
    """The work folder of one build directory."""

    def __init__(self, out: str) -> None:
        self.out = out
        self.work = join(out, "work")
        self.memo = DigestMemo.load(join(self.work, "digests.json"))
        self._checked: set[str] = set()

    def folder(self, stage: str, shard: str) -> str:
        """Return the folder of a stage's artifacts for one shard."""
        return join(self.work, stage, shard)

    def url(self, manifest: Manifest) -> str:
        """Return where the artifact of a manifest lies."""
        return artifact_url(self.folder(manifest.stage, manifest.shard), manifest.key)

    def find(self, task: Task, key: str) -> Manifest | None:
        """Return the manifest of a task that is done and whose artifact is sound, else None."""
        return self.load(task.stage.name, task.shard, key)

    def load(self, stage: str, shard: str, key: str) -> Manifest | None:
        """Return the manifest of (stage, shard, key) if its artifact is there and sound."""
        folder = self.folder(stage, shard)
        manifest = read_manifest(manifest_url(folder, key))
        if manifest is None or manifest.key != key:
            return None
        url = artifact_url(folder, key)
        if url not in self._checked:
            if not exists(url) or self.digest(url) != manifest.digest:
                remove(manifest_url(folder, key))
                return None
            self._checked.add(url)
        return manifest

    def digest(self, url: str) -> str:
        """Return the digest of a file, read only if its stamp is a new one."""
        return self.memo.digest(url, stamp(url), lambda: digest_file(url))

    def trust(self, url: str, digest: str) -> None:
        """Take a file that has just been written for known: the next build need not read it."""
        self.memo.digest(url, stamp(url), lambda: digest)

    def forget(self) -> None:
        """Digest every input and artifact again when it is next asked for."""
        self._checked.clear()
        self.memo = DigestMemo()

    def save(self) -> None:
        """Remember the digests for the next run."""
        self.memo.save(join(self.work, "digests.json"))

    def input(
        self,
        manifest: Manifest,
        *,
        slice_name: str | None = None,
    ) -> InputFile:
        """Return an artifact, or one slice of it, as the input of another task."""
        url = self.url(manifest)
        if slice_name is None:
            return InputFile(
                shard=manifest.shard, url=url, digest=manifest.digest, rows=manifest.rows
            )
        part = manifest.slices[slice_name]
        return InputFile(
            shard=manifest.shard,
            url=url,
            digest=part.digest,
            rows=part.rows,
            row_groups=part.row_groups,
        )

    def discard(self, manifest: Manifest) -> None:
        """Remove an artifact that nobody needs any more."""
        remove(manifest_url(self.folder(manifest.stage, manifest.shard), manifest.key))
        remove(self.url(manifest))

    def release_quarantine(self) -> None:
        """Remove the reports of failures that have since been mended."""
        for url in list_files(join(escape_glob(self.work), "quarantine", "*.json")):
            remove(url)

    def artifacts(self) -> Iterator[str]:
        """Yield every file below the work folder that belongs to an artifact."""
        for suffix in ("json", "parquet"):
            yield from list_files(join(escape_glob(self.work), "*", "*", f"*.{suffix}"))


@contextmanager
def open_store(out: str) -> Iterator[Store]:
    """Open the work folder of a build directory; a second build at the same time is an error."""
    if not is_local(out):
        yield Store(out)
        return
    work = Path(out) / "work"
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock = os.open(work / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise GristmillError(
            f"the build directory cannot be written: {error.strerror}",
            where=out,
            todo="Choose another --out, or mend its permissions.",
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise GristmillError(
            "another gristmill is working in this build directory",
            where=out,
            todo="Wait for it, or choose another --out.",
        ) from None
    try:
        yield Store(out)
    finally:
        os.close(lock)


def read_manifest(url: str) -> Manifest | None:
    """Return a manifest, or None where there is none or it is not whole."""
    if not exists(url):
        return None
    try:
        return msgspec.json.decode(read_bytes(url), type=Manifest)
    except msgspec.DecodeError:
        return None
