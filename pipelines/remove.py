"""Remove: take documents out of a finished build, rebuild what held them, and leave a receipt."""

from collections.abc import Iterator

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ..corpus.errors import GristmillError
from ..corpus.ids import digest_parts
from ..corpus.storage import join, write_bytes
from .artifact import open_parquet
from .build import BuildResult, build, remembered_recipe
from .engine import Observer
from .executors import Executor
from .gc import collect_garbage
from .published import BuildRecord, read_build
from .removals import (
    Removals,
    TakeDown,
    asks_for_copies,
    load_take_down,
    merge_places,
    parse_list,
    read_list,
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
    copies: dict[str, tuple[str, ...]]  # content id -> collection:path of each that has it
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
    text = read_list(list_url)
    removals = parse_list(text, where=list_url)
    if asks_for_copies(text):
        removals = removals.union(Removals(content_ids=_contents(out, before, removals)))
    found, copies, kept = _matches(out, before, removals)
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
    shards, purged = _rewritten(before, result.record), collect_garbage(out, dry_run=False)
    identity = digest_parts("receipt", (*sorted(entries), *(s.digest_after for s in shards)))
    receipt = Receipt(
        entries=entries,
        copies=copies,
        documents=kept,
        shards=tuple(shards),
        purged_files=purged.num_files,
        path=f"receipts/{identity.hex()[:16]}.json",
    )
    write_bytes(join(out, receipt.path), msgspec.json.format(msgspec.json.encode(receipt)))
    return result, receipt


def _ledgers(out: str, record: BuildRecord) -> Iterator[tuple[str, pa.Table]]:
    """Yield each shard and what a list can name of its ledger rows."""
    for path in record.ledger:
        with open_parquet(join(out, path)) as file:
            table = file.read(columns=["collection", "path", "content_id", "dropped_by"])
        yield path.removeprefix("ledger/").removesuffix(".parquet"), table


def _contents(out: str, record: BuildRecord, removals: Removals) -> tuple[str, ...]:
    """Return the content ids of the documents that a list names."""
    found: set[bytes] = set()
    for _, table in _ledgers(out, record):
        named = table["content_id"].filter(pa.array(removed_rows(table, removals)))
        found |= set(named.drop_null().to_pylist())
    return tuple(sorted(content.hex() for content in found))


def _matches(
    out: str, record: BuildRecord, removals: Removals
) -> tuple[dict[str, dict[str, int]], dict[str, tuple[str, ...]], int]:
    """Return what a list names.

    That is, for each line, read shard -> documents; for each content id the places of its
    documents; and how many of all documents were kept.
    """
    found: dict[str, dict[str, int]] = {line: {} for line in removals.entries()}
    copies: dict[str, list[str]] = {content: [] for content in removals.content_ids}
    by_name = msgspec.structs.replace(removals, content_ids=())
    by_content = Removals(content_ids=removals.content_ids)
    kept = 0
    for shard, table in _ledgers(out, record):
        is_kept = pc.is_null(table["dropped_by"]).to_numpy()
        kept += int((removed_rows(table, removals) & is_kept).sum())
        for line in by_name.entries():
            rows = int(removed_rows(table, by_name.of_entries(frozenset({line}))).sum())
            if rows:
                found[line][shard] = rows
        named = table.filter(pa.array(removed_rows(table, by_content)))
        for row in named.select(["content_id", "collection", "path"]).to_pylist():
            content = row["content_id"].hex()
            found[content][shard] = found[content].get(shard, 0) + 1
            copies[content].append(f"{row['collection']}:{row['path']}")
    places = {content: tuple(sorted(names)) for content, names in copies.items()}
    return found, places, kept


def _rewritten(before: BuildRecord, after: BuildRecord) -> list[RewrittenShard]:
    changed = []
    earlier, later = ({**build.tokens, **build.held_out} for build in (before, after))
    for path in sorted(earlier.keys() | later.keys()):
        old, new = earlier.get(path), later.get(path)
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
