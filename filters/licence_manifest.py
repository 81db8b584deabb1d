"""The licence that a package manager's file declares: package.json, Cargo.toml and their like."""

import json
import re
import sys
from collections.abc import Callable, Iterable

from .licence_classes import spdx_id

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_MANIFEST_CHARS = 1 << 18
MAX_NAME_CHARS = 100  # a longer value is a licence's text, or no licence

_SETUP_PY = re.compile(r"\blicense\s*=\s*[\"']([^\"'\n]+)[\"']")
_SETUP_CFG = re.compile(r"^licen[cs]e\s*=\s*(\S.*)$", re.MULTILINE)
_GEMSPEC = re.compile(r"\.licenses?\s*=\s*(\[[^\]\n]*\]|[\"'][^\"'\n]+[\"'])")
_CABAL = re.compile(r"^license:[ \t]*(\S.*)$", re.MULTILINE | re.IGNORECASE)
_POM = re.compile(r"<licenses>(.{0,4000}?)</licenses>", re.DOTALL)
_POM_NAME = re.compile(r"<name>\s*([^<]+?)\s*</name>")
_R = re.compile(r"^License:[ \t]*(\S.*)$", re.MULTILINE)
_QUOTED = re.compile(r"[\"']([^\"']+)[\"']")
_CLASSIFIER = re.compile(r"License :: (?:OSI Approved :: )?(.+)")
_SEE = re.compile(r"see |file:|licen[cs]e(\.\w+)?$|noassertion$|other$|unknown$|proprietary$", re.I)
_EXPRESSION = re.compile(r"\s+(?:AND|OR|WITH)\s+|[()]")


def is_manifest(path: str) -> bool:
    """Return whether a path is that of a file that may declare a licence."""
    return _reader(path) is not None


def manifest_licence(path: str, text: str) -> str | None:
    """Return what a manifest declares as an SPDX expression, or None.

    Names that are no SPDX id are translated where they are common and kept as they are elsewhere.
    """
    reader = _reader(path)
    if reader is None or len(text) > MAX_MANIFEST_CHARS:
        return None
    try:
        return _either(reader(text))
    except (ValueError, RecursionError):  # no JSON or TOML: the author's affair
        return None


def _reader(path: str) -> Callable[[str], Iterable[str]] | None:
    name = path.rpartition("/")[2]
    return _READERS.get(name) or _READERS.get(name[name.rfind(".") :] if "." in name else "")


def _either(names: Iterable[str]) -> str | None:
    """Return names of which one may be chosen as an expression; a list of them is a choice."""
    found: dict[str, None] = {}
    for value in names:
        for name in re.split(r"\s*(?:/|\|)\s*", value):
            short = re.sub(r"\s*\+\s*file\s+\S+|\s*\(>=\s*[\d.]+\)", "", name).strip()
            if not short or len(short) > MAX_NAME_CHARS or _SEE.match(short):
                continue
            found[short if _EXPRESSION.search(short) else spdx_id(short)] = None
    return " OR ".join(found) or None


def _json(text: str) -> Iterable[str]:
    document = json.loads(text)
    if isinstance(document, dict):
        for key in ("license", "licenses"):
            value = document.get(key)
            for item in value if isinstance(value, list) else [value]:
                name = item.get("type") if isinstance(item, dict) else item
                if isinstance(name, str):
                    yield name


def _cargo(text: str) -> Iterable[str]:
    name = _table(tomllib.loads(text), "package").get("license")
    return [name] if isinstance(name, str) else []


def _pyproject(text: str) -> Iterable[str]:
    document = tomllib.loads(text)
    project = _table(document, "project")
    declared = [project.get("license"), _table(project, "license").get("text")]
    declared.append(_table(_table(document, "tool"), "poetry").get("license"))
    found = [name for name in declared if isinstance(name, str)]
    classifiers = project.get("classifiers")
    if found or not isinstance(classifiers, list):
        return found[:1]
    matches = (_CLASSIFIER.fullmatch(str(line)) for line in classifiers)
    return [match.group(1) for match in matches if match]


def _table(table: dict[str, object], key: str) -> dict[str, object]:
    value = table.get(key)
    return value if isinstance(value, dict) else {}


def _gemspec(text: str) -> Iterable[str]:
    return [name for value in _GEMSPEC.findall(text)[:1] for name in _QUOTED.findall(value)]


def _pom(text: str) -> Iterable[str]:
    block = _POM.search(text)
    return _POM_NAME.findall(block.group(1)) if block else []


_READERS: dict[str, Callable[[str], Iterable[str]]] = {
    "package.json": _json,
    "composer.json": _json,
    "bower.json": _json,
    "Cargo.toml": _cargo,
    "pyproject.toml": _pyproject,
    "setup.py": lambda text: _SETUP_PY.findall(text)[:1],
    "setup.cfg": lambda text: _SETUP_CFG.findall(text)[:1],
    ".gemspec": _gemspec,
    ".cabal": lambda text: _CABAL.findall(text)[:1],
    "pom.xml": _pom,
    "DESCRIPTION": lambda text: _R.findall(text)[:1],
}
