"""TOML files of settings: checked against structs, and misspelt names are explained."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Literal, get_args, get_origin, get_type_hints

import msgspec

from .errors import GristmillError
from .storage import exists, join, read_bytes

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_toml(path: str) -> dict[str, object]:
    """Return the document of a recipe; one that is missing or no TOML is an error."""
    if not exists(path):
        raise GristmillError(
            "there is no such recipe", where=path, todo="Name a TOML file that exists."
        )
    try:
        return tomllib.loads(read_bytes(path).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise GristmillError(
            f"not a TOML file: {error}", where=path, todo="Mend the syntax."
        ) from None


def folder_of(path: str) -> str:
    """Return the folder that relative paths in a file start from."""
    head, _, _ = path.rpartition("/")
    return head or ("/" if path.startswith("/") else join(".", ""))


def check_keys(
    value: Mapping[str, object], struct: type[msgspec.Struct], *, where: str, prefix: str = ""
) -> None:
    """Raise an error with the nearest valid name for the first key that a struct does not have."""
    hints = get_type_hints(struct)
    fields = {name: hints[name] for name in struct.__struct_fields__}
    for key, inner in value.items():
        dotted = f"{prefix}{key}"
        if key not in fields:
            raise unknown_name(dotted, [f"{prefix}{name}" for name in fields], where=where)
        if get_origin(fields[key]) is tuple and isinstance(inner, dict):
            raise GristmillError(
                f"`{dotted}` is one table and is to be a list of them",
                where=where,
                todo=f"Begin each with [[{dotted}]].",
            )
        for kind in (fields[key], *get_args(fields[key])):
            _check_choices(inner, kind, where=f"{where}: {dotted}")
            if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
                continue
            by_name = get_origin(fields[key]) is dict
            for name, table in _tables(inner, dotted, by_name=by_name):
                check_keys(table, kind, where=where, prefix=f"{name}.")


def _tables(
    value: object, name: str, *, by_name: bool
) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield the tables of a value and where they stand: itself, those of a list, or named ones."""
    found: Iterable[tuple[str, object]] = [(name, value)]
    if isinstance(value, list):
        found = ((f"{name}[{index}]", item) for index, item in enumerate(value))
    elif by_name and isinstance(value, dict):
        found = ((f"{name}.{key}", item) for key, item in value.items())
    for where, item in found:
        if isinstance(item, dict):
            yield where, item


def _check_choices(value: object, kind: object, *, where: str) -> None:
    """Check a name, the names of a list, or the keys of a table against the names of a Literal."""
    if get_origin(kind) is not Literal:
        return
    for name in value if isinstance(value, list | dict) else (value,):
        if isinstance(name, str) and name not in get_args(kind):
            raise unknown_name(name, list(get_args(kind)), where=where, what="name")


def unknown_name(name: str, known: list[str], *, where: str, what: str = "key") -> GristmillError:
    """Return the error for a misspelt name."""
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    todo = f"Did you mean `{near[0]}`?" if near else f"Known: {', '.join(sorted(known)[:12])}."
    return GristmillError(f"unknown {what} `{name}`", where=where, todo=todo)
