"""Generate paths.json from linguist's vendor.yml and documentation.yml and our own paths.yml.

Run as `python -m gristmill.filters.build_paths --linguist DIR --out FILE`. Linguist's patterns are
taken as they are: each is valid RE2 too. Needs PyYAML, which a build of a corpus does not.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import msgspec
import yaml


class OurPaths(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The document paths.yml."""

    flags: dict[str, list[str]]
    generated: dict[str, list[str]]


def generate(linguist: Path) -> str:
    """Return the text of paths.json."""
    ours = msgspec.convert(_read_yaml(linguist / "paths.yml"), OurPaths)
    flags = {
        "vendored": cast("list[str]", _read_yaml(linguist / "vendor.yml")),
        "documentation": cast("list[str]", _read_yaml(linguist / "documentation.yml")),
        **ours.flags,
    }
    document = {"flags": flags, "generated": ours.generated}
    return json.dumps(document, ensure_ascii=True, indent=1) + "\n"


def _read_yaml(path: Path) -> object:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def main(arguments: Iterable[str] | None = None) -> None:
    """Write paths.json to --out."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("--linguist", "--out"):
        parser.add_argument(option, type=Path, required=True)
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    chosen.out.write_text(generate(chosen.linguist), encoding="utf-8")


if __name__ == "__main__":
    main()
