"""Remove: take documents out of a finished build, rebuild what held them, and leave a receipt."""

from collections.abc import Mapping

import msgspec
import pyarrow.compute as pc

from ..corpus.errors import GristmillError
from ..corpus.ids import digest_parts
from ..corpus.storage import exists, join, read_bytes, write_bytes
from .artifact import open_parquet
from .build import BuildResult, build, remembered_recipe
from .engine import Observer
from .executors import Executor
from .gc import collect_garbage
from .published import BuildRecord, read_build
from .removals import (
    Removals,
    TakeDown,
    load_take_down,
    merge_places,
    parse_list,
    removed_rows,
    save_take_down,
)


class RewrittenShard(msgspec.Struct, frozen=True, kw_only=True):
    """A token shard before and after; an empty digest means that it was not or is not there."""

    path: str
    digest_before: str
    digest_after: str
    tokens_before: int
    tokens_after: int


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a removal did, to be kept."""

    entries: dict[str, int]  # each line of the list -> documents it named
    documents: int  # that were in the training data and no longer are
    shards: tuple[RewrittenShard, ...]
    purged_files: int  # earlier artifacts, which may hold the text, deleted from the work folder
    path: str  # of this receipt below the build directory


def remove_documents(
    out: str,
    list_url: str,
    *,
    recipe: str | None,
    executor: Executor,
    observer: Observer,
) -> tuple[BuildResult, Receipt | None]:
    """Add a take-down list to a build's, rebuild, and return what changed.

    Raises:
        GristmillError: the list is unreadable, or the directory holds no build.
    """
    before = read_build(out)
    if before is None:
        raise GristmillError(
            "there is no build here", where=out, todo="Name a directory that `build` has written."
        )
    if not exists(list_url):
        raise GristmillError("no such list", where=list_url, todo="Name a text file.")
    removals = parse_list(read_bytes(list_url).decode("utf-8"), where=list_url)
    found, kept = _matches(out, before, removals)
    old = load_take_down(out)
    places = {line: tuple(shards) for line, shards in found.items()}
    save_take_down(
        out,
        TakeDown(removals=old.removals.union(removals), places=merge_places(old.places, places)),
    )
    result = build(recipe or remembered_recipe(out), out=out, executor=executor, observer=observer)
    if result.failures or result.record is None:
        return result, None
    entries = {line: sum(shards.values()) for line, shards in found.items()}
    return result, _receipt(out, before, result.record, entries, kept)


def _matches(
    out: str, record: BuildRecord, removals: Removals
) -> tuple[dict[str, dict[str, int]], int]:
    """Return, for each line, read shard -> documents named, and how many of all were kept."""
    found: dict[str, dict[str, int]] = {line: {} for line in removals.entries()}
    kept = 0
    for path in record.ledger:
        with open_parquet(join(out, path)) as file:
            table = file.read(columns=["collection", "path", "content_id", "dropped_by"])
        shard = path.removeprefix("ledger/").removesuffix(".parquet")
        is_kept = pc.is_null(table["dropped_by"]).to_numpy()
        kept += int((removed_rows(table, removals) & is_kept).sum())
        for line in found:
            rows = int(removed_rows(table, removals.of_entries(frozenset({line}))).sum())
            if rows:
                found[line][shard] = rows
    return found, kept


def _receipt(
    out: str,
    before: BuildRecord,
    after: BuildRecord,
    entries: Mapping[str, int],
    documents: int,
) -> Receipt:
    garbage = collect_garbage(out, dry_run=False)
    shards = tuple(_rewritten(before, after))
    identity = digest_parts("receipt", (*sorted(entries), *(s.digest_after for s in shards)))
    path = f"receipts/{identity.hex()[:16]}.json"
    receipt = Receipt(
        entries=dict(entries),
        documents=documents,
        shards=shards,
        purged_files=garbage.num_files,
        path=path,
    )
    write_bytes(join(out, path), msgspec.json.format(msgspec.json.encode(receipt)))
    return receipt


def _rewritten(before: BuildRecord, after: BuildRecord) -> list[RewrittenShard]:
    changed = []
    for path in sorted(before.tokens.keys() | after.tokens.keys()):
        old, new = before.tokens.get(path), after.tokens.get(path)
        digests = (old.digest if old else "", new.digest if new else "")
        if digests[0] != digests[1]:
            changed.append(
                RewrittenShard(
                    path=path,
                    digest_before=digests[0],
                    digest_after=digests[1],
                    tokens_before=old.tokens if old else 0,
                    tokens_after=new.tokens if new else 0,
                )
            )
    return changed
