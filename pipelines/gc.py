"""Gc: remove what no manifest of the build, dedup of files or recall loop needs."""

import msgspec

from ..corpus.storage import join, remove, size
from .dedup_command import published_artifacts
from .published import read_build
from .recall_command import recall_artifacts
from .store import Store, open_store


class Garbage(msgspec.Struct, frozen=True, kw_only=True):
    """What was (or would be) removed."""

    num_files: int
    num_bytes: int
    kept_files: int


def collect_garbage(out: str, *, dry_run: bool) -> Garbage:
    """Remove the artifacts that no build.json, dedup.json or recall.json names."""
    with open_store(out) as store:
        return _collect(store, dry_run=dry_run)


def _collect(store: Store, *, dry_run: bool) -> Garbage:
    record = read_build(store.out)
    kept = set()
    for artifacts in (
        record.artifacts if record is not None else {},
        published_artifacts(store.out),
        *recall_artifacts(store.out),
    ):
        for stage, shards in artifacts.items():
            for shard, key in shards.items():
                folder = store.folder(stage, shard)
                kept |= {join(folder, f"{key}.json"), join(folder, f"{key}.parquet")}
    num_files = num_bytes = 0
    for url in store.artifacts():
        if url not in kept:
            num_files += 1
            num_bytes += size(url)
            if not dry_run:
                remove(url)
    return Garbage(num_files=num_files, num_bytes=num_bytes, kept_files=len(kept))
