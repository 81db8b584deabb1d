"""What an export says of itself: export.json, and the notes that let a stopped one go on.

`.export/plan.json` is written first and holds what the export is made of; each finished file leaves
a note beside it. export.json comes last and replaces them all.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from ...corpus.errors import GristmillError
from ...corpus.storage import (
    escape_glob,
    exists,
    is_local,
    join,
    list_paths,
    local_path,
    read_bytes,
    remove,
    size,
    write_bytes,
)
from .outline import OutputFile
from .settings import ExportSettings
from .write import WrittenFile

FORMAT_VERSION: Final = 1
_MAX_NAMED = 3
_PLAN = ".export/plan.json"


class ExportHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What an export is made of; `inputs` are files of the build with their digests."""

    format_version: int
    settings: ExportSettings
    name: str  # of the recipe
    mixture: str  # digest
    tokenizer: str  # digest
    seed: int
    inputs: dict[str, str]


class ExportRecord(ExportHeader, frozen=True, kw_only=True):
    """export.json; `extras` are the files that are about the others, such as an index."""

    files: tuple[WrittenFile, ...]
    extras: dict[str, str]  # path -> digest
    documents: int
    tokens: int
    num_bytes: int


def read_export(out: str) -> ExportRecord | None:
    """Return the record of a finished export, or None."""
    url = join(out, "export.json")
    if not exists(url):
        return None
    try:
        return msgspec.json.decode(read_bytes(url), type=ExportRecord)
    except msgspec.DecodeError as error:
        raise GristmillError(
            f"export.json is not what this gristmill writes: {error}",
            where=out,
            todo="Export to another directory.",
        ) from error


def open_export(out: str, header: ExportHeader) -> ExportRecord | None:
    """Begin or go on with an export; return the record of one that is finished.

    Raises:
        GristmillError: the directory has an export of something else, or files of no export.
    """
    record = read_export(out)
    if record is not None:
        _check(out, old=_header(record), new=header)
        return record
    plan = _read_plan(out)
    if plan is not None:
        _check(out, old=plan, new=header)
    else:
        _check_empty(out)
        write_bytes(join(out, _PLAN), encode(header))
    return None


def read_header(out: str) -> ExportHeader | None:
    """Return what an export is made of, finished or not, or None."""
    return read_export(out) or _read_plan(out)


def _read_plan(out: str) -> ExportHeader | None:
    url = join(out, _PLAN)
    return msgspec.json.decode(read_bytes(url), type=ExportHeader) if exists(url) else None


def _check_empty(out: str) -> None:
    """Raise GristmillError where readers of the export would find files that are none of it."""
    found = [url.rpartition("/")[2] for url in list_paths(join(escape_glob(out), "*"))]
    if found:
        named = ", ".join(found[:_MAX_NAMED]) + (", ..." if len(found) > _MAX_NAMED else "")
        raise GristmillError(
            f"this directory has files that are of no export ({named})",
            where=out,
            todo="Export to an empty or a new directory.",
        )


def find_written(out: str, file: OutputFile) -> tuple[WrittenFile, ...] | None:
    """Return what a stopped run wrote of a file, if it is whole."""
    url = _note(out, file)
    if not exists(url):
        return None
    try:
        written = msgspec.json.decode(read_bytes(url), type=tuple[WrittenFile, ...])
    except msgspec.DecodeError:  # not durable: a power cut leaves some empty
        return None
    return written if all(stands(out, part) for part in written) else None


def stands(out: str, part: WrittenFile) -> bool:
    """Tell whether a file is there in its full size."""
    url = join(out, part.path)
    return exists(url) and size(url) == part.num_bytes


def note_written(out: str, file: OutputFile, written: tuple[WrittenFile, ...]) -> None:
    """Remember a finished file."""
    write_bytes(_note(out, file), msgspec.json.encode(written), is_durable=False)


def finish_export(out: str, record: ExportRecord, files: list[OutputFile]) -> None:
    """Write export.json, then drop the notes, and what a kill left half written."""
    write_bytes(join(out, "export.json"), encode(record))
    for file in files:
        remove(_note(out, file))
    remove(join(out, _PLAN))
    if is_local(out):
        for partial in local_path(out).rglob(".*.partial"):
            partial.unlink()
        if (local_path(out) / ".export").exists():
            (local_path(out) / ".export").rmdir()


def encode(value: object) -> bytes:
    """Return a record as people read it."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def describe_changes(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """Say which files are other ones than they were."""
    added = sorted(new.keys() - old.keys())
    gone = sorted(old.keys() - new.keys())
    changed = sorted(path for path in old.keys() & new.keys() if old[path] != new[path])
    parts = [
        f"{len(paths)} {word} ({', '.join(paths[:_MAX_NAMED])}"
        f"{', ...' if len(paths) > _MAX_NAMED else ''})"
        for word, paths in (("changed", changed), ("added", added), ("gone", gone))
        if paths
    ]
    return ", ".join(parts)


def _check(out: str, *, old: ExportHeader, new: ExportHeader) -> None:
    """Raise GristmillError where an export is of something else, and say what differs."""
    found = [
        f"{name} was {_shown(getattr(old.settings, name))}, now "
        f"{_shown(getattr(new.settings, name))}"
        for name in ExportSettings.__struct_fields__
        if getattr(old.settings, name) != getattr(new.settings, name)
    ]
    if changes := describe_changes(old.inputs, new.inputs):
        found.append(f"files of the build: {changes}")
    elif not found and old != new:
        found.append(f"the mixture was {old.mixture}, now {new.mixture}")
    if found:
        raise GristmillError(
            f"this directory has another export ({'; '.join(found)})",
            where=out,
            todo="Export to another directory, or delete this one first.",
        )


def _shown(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _header(record: ExportRecord) -> ExportHeader:
    names = ExportHeader.__struct_fields__
    return ExportHeader(**{name: getattr(record, name) for name in names})


def _note(out: str, file: OutputFile) -> str:
    return join(out, ".export", f"{file.paths[0].replace('/', '~')}.json")
