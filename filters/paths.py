"""What a file's full path tells before its text is read: vendored, documentation, test, generated.

The patterns are linguist's and our own (data/linguist/paths.yml), made into paths.json by
build_paths.py. They are matched over the whole column by Arrow's RE2, in time linear in the path:
about 470,000 paths a second for all of them (one core, pyarrow 26). A base name alone would do
little: most of linguist's vendor rules name a folder.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import blake2b
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import re2

PATHS = "data/paths.json"


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    flags: dict[str, tuple[str, ...]]
    generated: dict[str, tuple[str, ...]]


def path_flags(paths: pa.Array) -> dict[str, pa.Array]:
    """Return a boolean column for each flag of paths.json; null paths have null flags."""
    flags = _document().flags
    return {
        name: pc.match_substring_regex(paths, _joined(patterns)) for name, patterns in flags.items()
    }


def path_flags_slow(path: str) -> dict[str, bool]:
    """Return one row of `path_flags`, pattern by pattern: the exact twin."""
    return {name: _matches(path, patterns) for name, patterns in _document().flags.items()}


def generated_paths(paths: pa.Array) -> pa.Array:
    """Return the name of the first rule that says a path is a generated file's, else null."""
    rules = _document().generated
    every = _joined(pattern for patterns in rules.values() for pattern in patterns)
    rows = pc.indices_nonzero(
        pc.fill_null(pc.match_substring_regex(paths, every), fill_value=False)
    )
    found: list[str | None] = [None] * len(paths)
    for row, path in zip(rows.to_pylist(), paths.take(rows).to_pylist(), strict=True):
        found[row] = generated_path_slow(path)
    return pa.array(found, pa.string())


def generated_path_slow(path: str) -> str | None:
    """Return one row of `generated_paths`."""
    rules = _document().generated
    return next((name for name, patterns in rules.items() if _matches(path, patterns)), None)


def path_rules() -> Mapping[str, tuple[str, ...]]:
    """Return every pattern of paths.json by the name of its flag or generator."""
    return {**_document().flags, **_document().generated}


@cache
def paths_digest() -> str:
    """Return the digest of paths.json, part of the key of what is measured by it."""
    return blake2b(_read(), digest_size=16).hexdigest()


def _joined(patterns: Iterable[str]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(_compile(pattern).search(path) is not None for pattern in patterns)


@cache
def _compile(pattern: str) -> "re2._Regexp":
    return re2.compile(pattern)


@cache
def _document() -> _Document:
    return msgspec.json.decode(_read(), type=_Document)


def _read() -> bytes:
    return (Path(__file__).parent / PATHS).read_bytes()
