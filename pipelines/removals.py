"""The take-down list of a build: what must leave it, and where its text was found.

It stays in force for every later build of the directory, also for inputs added afterwards.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import force_setattr

from ..corpus.errors import GristmillError
from ..corpus.ids import content_id
from ..corpus.record import Record
from ..corpus.storage import exists, join, read_bytes, write_bytes

CONTENT_ID = re.compile(r"[0-9a-fA-F]{32}")
DIGITS = re.compile(r"[0-9a-fA-F]{20,}")  # that are no content id, and longer than a name
COPIES = re.compile(r"copies\s*=\s*true")
GITHUB = re.compile(
    r"https?://(?:www\.)?github\.com/([\w.-]+)(?:/(?:\*|([\w.-]+?)(?:\.git)?/?))?", re.IGNORECASE
)


class Removals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Repositories or data sets, owners, URLs (a prefix ends with *), and content ids (hex).

    Repositories, data sets and owners are in small letters: GitHub takes no notice of case.
    """

    collections: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    content_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        force_setattr(self, "collections", tuple(name.lower() for name in self.collections))
        force_setattr(self, "owners", tuple(name.lower() for name in self.owners))

    def entries(self) -> list[str]:
        """Return the list as the lines it is written as."""
        owners = [f"{owner}/*" for owner in self.owners]
        return [*self.collections, *owners, *self.urls, *self.content_ids]

    def union(self, other: "Removals") -> "Removals":
        """Return both lists as one, sorted, so that its order is no setting."""
        return Removals(
            collections=_sorted(self.collections, other.collections),
            owners=_sorted(self.owners, other.owners),
            urls=_sorted(self.urls, other.urls),
            content_ids=_sorted(self.content_ids, other.content_ids),
        )

    def of_entries(self, entries: frozenset[str]) -> "Removals":
        """Return the part of the list whose lines are among the given ones."""
        return Removals(
            collections=tuple(name for name in self.collections if name in entries),
            owners=tuple(name for name in self.owners if f"{name}/*" in entries),
            urls=tuple(name for name in self.urls if name in entries),
            content_ids=tuple(name for name in self.content_ids if name in entries),
        )

    def matches(self, record: Record) -> bool:
        """Whether a record as read is on the list."""
        collection = record.collection.lower()
        if collection in self.collections:
            return True
        if collection.partition("/")[0] in self.owners and "/" in collection:
            return True
        if any(_url_matches(record.path, url) for url in self.urls):
            return True
        if not self.content_ids or record.text is None:
            return False
        return content_id(record.text).hex() in self.content_ids


class TakeDown(msgspec.Struct, frozen=True, kw_only=True):
    """The list and, for each line, the read shards whose text it took something from."""

    removals: Removals = Removals()
    places: dict[str, tuple[str, ...]] = {}

    def of_shard(self, shard: str, collections: Iterable[str]) -> Removals:
        """Return the lines that concern the text of a shard, so that no other is read again."""
        here = {line for line, shards in self.places.items() if shard in shards}
        for name in map(str.lower, collections):
            here |= {name, f"{name.partition('/')[0]}/*"}
        return self.removals.of_entries(frozenset(here))


def removed_rows(table: pa.Table, removals: Removals) -> npt.NDArray[np.bool_]:
    """Return which ledger or metadata rows the list names, as a boolean array."""
    mask = np.zeros(table.num_rows, dtype=bool)
    collections = pc.utf8_lower(table["collection"])
    if removals.collections:
        mask |= _is_in(collections, removals.collections)
    if removals.owners:
        parts = pc.split_pattern(collections, "/", max_splits=1)
        has_owner = pc.match_substring(collections, "/")
        owners = pc.if_else(has_owner, pc.list_element(parts, 0), pa.scalar(None, pa.string()))
        mask |= _is_in(owners, removals.owners)
    for url in removals.urls:
        found = (
            pc.starts_with(table["path"], url[:-1])
            if url.endswith("*")
            else pc.equal(table["path"], url)
        )
        mask |= found.to_numpy(zero_copy_only=False).astype(bool)
    if removals.content_ids:
        mask |= _is_in(table["content_id"], [bytes.fromhex(name) for name in removals.content_ids])
    return mask


def read_list(url: str) -> str:
    """Return the text of a take-down list."""
    if not exists(url):
        raise GristmillError("no such list", where=url, todo="Name a text file.")
    try:
        return read_bytes(url).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GristmillError(
            f"the list is not UTF-8 ({error.reason} at byte {error.start:,})",
            where=url,
            todo="Save it as UTF-8 text.",
        ) from None


def asks_for_copies(text: str) -> bool:
    """Return whether a take-down list has the line `copies = true`.

    It then also takes every other document of the same content as one that it names.
    """
    return any(COPIES.fullmatch(line.partition("#")[0].strip()) for line in text.splitlines())


def parse_list(text: str, *, where: str) -> Removals:
    """Read a take-down list: one entry a line, `#` starts a comment.

    Besides `copies = true`, an entry is `owner/name` (a repository), `owner/*` (all of an owner),
    a URL, a URL prefix ending with `*`, or the 32 hex digits of a content id. The address of a
    repository or an owner on GitHub names both that and pages under it.
    """
    found: dict[str, list[str]] = {"collections": [], "owners": [], "urls": [], "content_ids": []}
    for number, line in enumerate(text.splitlines(), start=1):
        entry = line.partition("#")[0].strip()
        if not entry or COPIES.fullmatch(entry):
            continue
        kind = _kind(entry)
        if kind is None:
            raise GristmillError(
                f"`{entry}` is no repository, owner, URL or content id",
                where=f"{where}:{number}",
                todo="Write owner/name, owner/*, a URL, a URL prefix with *, or 32 hex digits.",
            )
        name = entry.lower() if kind == "content_ids" else entry
        found[kind].append(name[:-2] if kind == "owners" else name)
        on_github = GITHUB.fullmatch(entry)
        if on_github is not None:
            owner, repository = on_github.groups()
            found["collections" if repository else "owners"].append(
                f"{owner}/{repository}" if repository else owner
            )
    return Removals(**{kind: _sorted(entries) for kind, entries in found.items()})


def _kind(entry: str) -> str | None:
    """Return which list of `Removals` an entry is for; None if it is malformed."""
    if CONTENT_ID.fullmatch(entry):
        return "content_ids"
    if urlsplit(entry).scheme and urlsplit(entry).netloc:
        return "urls"
    name = entry.removesuffix("/*")
    is_name = name and not any(c.isspace() or c == "*" for c in name) and name == name.strip("/")
    if not is_name or DIGITS.fullmatch(name):
        return None
    return "collections" if name == entry else "owners"


def load_take_down(out: str) -> TakeDown:
    """Return the take-down list of a build directory."""
    url = join(out, "removals.json")
    return msgspec.json.decode(read_bytes(url), type=TakeDown) if exists(url) else TakeDown()


def save_take_down(out: str, take_down: TakeDown) -> None:
    """Write the take-down list of a build directory."""
    write_bytes(join(out, "removals.json"), msgspec.json.encode(take_down, order="sorted"))


def merge_places(
    old: Mapping[str, Sequence[str]], new: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """Return for each line the shards of both maps."""
    lines = sorted(old.keys() | new.keys())
    return {line: _sorted(old.get(line, ()), new.get(line, ())) for line in lines}


def _sorted(*parts: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({name for part in parts for name in part}))


def _url_matches(path: str, url: str) -> bool:
    return path.startswith(url[:-1]) if url.endswith("*") else path == url


def _is_in(
    column: pa.ChunkedArray, values: Sequence[str] | Sequence[bytes]
) -> npt.NDArray[np.bool_]:
    found = pc.is_in(column, value_set=pa.array(values, column.type))
    mask: npt.NDArray[np.bool_] = found.to_numpy(zero_copy_only=False).astype(bool)
    return mask
