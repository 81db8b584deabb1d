"""The files of a selection as items of the ledger: which, what of each, and how far each is."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import get_args

import msgspec

from ..ledger import Item, ItemState, Ledger
from ..opt_out import OptOut
from .paths import is_plain_path
from .plan import Place, Selected
from .query import read_selected

FILE, RECORD = "warc", "record"  # kinds of items
WHOLE = "whole"


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One file that the selection wants something of.

    Attributes:
        wanted: changes with whatever is wanted of it.
        first_row: of its records in the selection; num_rows: 0 for the whole file.
    """

    path: str
    wanted: str
    first_row: int = 0
    num_rows: int = 0


class Progress(msgspec.Struct, kw_only=True):
    """How far a file has come, as of the last checkpoint.

    Attributes:
        source_offset: every record before it is dealt with.
        output_bytes: the length that the output then has.
        num_records: pages in it. num_truncated: of these, stored only in part by the crawler.
        etag: of the source, as long as it is fetched.
        digest: of the output when it is done.
    """

    source_offset: int = 0
    output_bytes: int = 0
    num_records: int = 0
    num_truncated: int = 0
    etag: str | None = None
    source_bytes: int | None = None
    digest: str = ""


class FileFacts(msgspec.Struct, kw_only=True):
    """What the ledger knows of a file; `output` is its name in the folder `warc`."""

    output: str
    choice: Choice
    progress: Progress


def facts_of(item: Item) -> FileFacts:
    """Return what the ledger knows of a file."""
    return msgspec.json.decode(item.facts, type=FileFacts)


def choose_whole(paths: Sequence[str]) -> list[Choice]:
    """Return the files of a list, each as a whole."""
    return [Choice(path=path, wanted=WHOLE) for path in paths]


def choose_records(selection: str, opt_out: OptOut) -> list[Choice]:
    """Return the files of a written selection, and which of its rows are of each."""
    choices: list[Choice] = []
    path, first, row = "", 0, 0
    hasher = hashlib.blake2b(digest_size=16)

    def close() -> None:
        if row > first:
            digest = hasher.hexdigest()
            choices.append(Choice(path=path, wanted=digest, first_row=first, num_rows=row - first))

    for record in _rows(Path(selection)):
        if record.filename != path:
            close()
            path, first = record.filename, row
            hasher = hashlib.blake2b(digest_size=16)
        is_out = opt_out.covers_url(record.url)
        hasher.update(msgspec.json.encode((record.place, record.url, record.digest, is_out)))
        row += 1
    close()
    return choices


def take_up(ledger: Ledger, choices: Iterable[Choice]) -> None:
    """Write a selection's files into the ledger; what is wanted as before stays as it is.

    Call it in a transaction.
    """
    known = {item.id: item for item in _all_files(ledger)}
    chosen = {choice.path: choice for choice in choices}
    for path in known.keys() - chosen.keys():
        ledger.remove(FILE, path)
        ledger.forget(RECORD, prefix=_record_prefix(path))
    used = {facts_of(known[path]).output for path in known.keys() & chosen.keys()}
    for path, choice in sorted(chosen.items()):
        item = known.get(path)
        if item is None:
            _add(ledger, choice, used)
            continue
        facts = facts_of(item)
        is_same = facts.choice.wanted == choice.wanted
        facts.choice = choice
        if is_same:
            ledger.settle(
                FILE, path, item.state, reason=item.reason, num_bytes=item.num_bytes, facts=facts
            )
        else:
            start_over(ledger, path, facts)


def start_over(ledger: Ledger, path: str, facts: FileFacts) -> None:
    """Let a file wait as if nothing of it were there."""
    facts.progress = Progress()
    ledger.settle(FILE, path, "waiting", facts=facts)
    ledger.forget(RECORD, prefix=_record_prefix(path))


def refuse_record(ledger: Ledger, path: str, offset: int, reason: str, detail: str) -> None:
    """Write down a record that is not to be had; it stays so in later runs."""
    item_id = f"{_record_prefix(path)}{offset}"
    ledger.add(RECORD, [(item_id, {"detail": detail})])
    ledger.settle(RECORD, item_id, "refused", reason=reason)


def read_rows(selection: Path, choice: Choice) -> Iterator[Selected]:
    """Yield the records that are wanted of one file, in the order of their offsets."""
    yield from _rows(selection, choice.first_row, choice.num_rows)


def _rows(path: Path, first: int = 0, num_rows: int | None = None) -> Iterator[Selected]:
    for batch in read_selected(path, first_row=first, num_rows=num_rows):
        for name, offset, num_bytes, url, digest in zip(
            *(column.to_pylist() for column in batch.columns), strict=True
        ):
            yield Selected(name, Place(offset, num_bytes), url, digest)


def _all_files(ledger: Ledger) -> Iterator[Item]:
    for state in get_args(ItemState):
        yield from ledger.each(FILE, state)


def _add(ledger: Ledger, choice: Choice, used: set[str]) -> None:
    """Take up a file, under its own name unless another one has that."""
    name = PurePosixPath(choice.path).name
    if name in used:
        name = choice.path.replace("/", "+")
    used.add(name)
    facts = FileFacts(output=name, choice=choice, progress=Progress())
    ledger.add(FILE, [(choice.path, msgspec.structs.asdict(facts))])
    if not is_plain_path(choice.path):  # the index is not ours to trust
        ledger.settle(FILE, choice.path, "refused", reason="odd_path")


def _record_prefix(path: str) -> str:
    return f"{path}:"
