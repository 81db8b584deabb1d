"""Which exports were made of a build, so that a removal can name those that still hold it all."""

from collections.abc import Iterator

import msgspec

from ...corpus.storage import exists, join, read_bytes, write_bytes
from ..published import read_build
from .record import describe_changes, read_header

FILE = "exports.json"


class KnownExports(msgspec.Struct, frozen=True, kw_only=True):
    """exports.json of a build: where each export of it was written, sorted."""

    exports: tuple[str, ...] = ()


class StaleExport(msgspec.Struct, frozen=True, kw_only=True):
    """An export of what the build no longer is; `changes` says which files of it are others."""

    out: str
    changes: str


def known_exports(build: str) -> tuple[str, ...]:
    """Return where exports of a build were written."""
    url = join(build, FILE)
    return msgspec.json.decode(read_bytes(url), type=KnownExports).exports if exists(url) else ()


def remember_export(build: str, out: str) -> None:
    """Add an export to those of a build."""
    known = known_exports(build)
    if out not in known:
        exports = tuple(sorted({*known, out}))
        write_bytes(join(build, FILE), msgspec.json.encode(KnownExports(exports=exports)) + b"\n")


def stale_exports(build: str) -> Iterator[StaleExport]:
    """Yield the exports whose files come from shards that the build has replaced since.

    One that was stopped has files too.
    """
    record = read_build(build)
    if record is None:
        return
    now = {path: file.digest for path, file in {**record.tokens, **record.ledger}.items()}
    for out in known_exports(build):
        export = read_header(out)
        if export is None:
            continue
        current = {path: now[path] for path in export.inputs if path in now}
        if changes := describe_changes(export.inputs, current):
            yield StaleExport(out=out, changes=changes)
