"""Fuzz what reads files that nobody has looked at: `python fuzz.py TARGET CORPUS [OPTIONS]`.

Needs atheris, which `make fuzz` installs; the options are libFuzzer's. CORPUS is a folder that is
seeded with the fixtures and keeps what was found; beside it goes a dictionary of words that rules
look for. A target raises AssertionError where its answer is wrong; an input that takes longer than
-timeout ends the process. `tests/fuzz/test_fuzz.py` runs the same targets by hypothesis.
"""

import atexit
import json
import re
import sys
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path

Run = Callable[[bytes], None]

FIXTURES = Path(__file__).parents[2] / "fixtures"
BINARY = frozenset((".gz", ".pack", ".idx", ".bitmap", ".rev"))
MAX_SEED_BYTES = 4096
NAMED_SEEDS = ("a.h", "a.m", "a.pl", "a.ts", "a.v", "a.inc", "a.txt", "run", "Makefile")


def split(data: bytes) -> tuple[int, str]:
    """Return a number from the first two bytes, and the others as a text."""
    return int.from_bytes(data[:2], "little"), data[2:].decode("utf-8", "replace")


def detector() -> Run:
    """A path, a line end, a text: the answer is in the table and the same twice."""
    from gristmill.filters.detect import detect_language
    from gristmill.filters.languages import language_table

    names = {None, *language_table().by_name}

    def run(data: bytes) -> None:
        path, _, text = data.decode("utf-8", "replace").partition("\n")
        found = detect_language(path, text)
        assert found.language in names
        assert 0 <= found.confidence <= 1
        assert found == detect_language(path, text)

    return run


def heuristics() -> Run:
    """An extension with rules and a text: the answer is that of one pattern after the other."""
    from gristmill.filters.heuristics import READ_CHARACTERS, apply_rules
    from gristmill.filters.languages import read_heuristics
    from gristmill.filters.linear import linear_pattern, utf8

    rules = json.loads(read_heuristics())["rules"]
    extensions = sorted(rules)

    def holds(rule: dict[str, list[list[str]]], text: bytes) -> bool:
        found = [
            [any(linear_pattern(p).search(text) for p in patterns) for patterns in rule[part]]
            for part in ("require", "forbid")
        ]
        return all(found[0]) and not any(found[1])

    def run(data: bytes) -> None:
        number, text = split(data)
        extension = extensions[number % len(extensions)]
        answer = apply_rules(extension, text)
        head = utf8(text[:READ_CHARACTERS])
        held = [rule["languages"] for rule in rules[extension] if holds(rule, head)]
        assert list(answer.languages) == (held[0] if held else [])

    return run


def clues() -> Run:
    """The first and last lines, import statements and licences of a text in some language."""
    from gristmill.filters.clues import modeline_languages, shebang_languages
    from gristmill.filters.imports import IMPORT_LANGUAGES, MAX_IMPORT_CHARS, extract_imports
    from gristmill.filters.licence import HEADER_CHARS, header_licence, licence_of

    languages = sorted(IMPORT_LANGUAGES)

    def run(data: bytes) -> None:
        number, text = split(data)
        modeline_languages(text)
        shebang_languages("#!" + text)
        found = extract_imports(languages[number % len(languages)], text)
        assert len(found) == len(set(found))
        assert all(len(name) <= MAX_IMPORT_CHARS for name in found)
        licence_of(text)
        header_licence(text[:HEADER_CHARS])

    return run


def decode() -> Run:
    """The bytes of a file: its text has an encoding in UTF-8, and UTF-8 stays what it is."""
    from gristmill.corpus.decode import Decoded, decode

    def run(data: bytes) -> None:
        found = decode(data)
        if isinstance(found, Decoded):
            again = decode(found.text.encode("utf-8"))
            assert "\0" not in found.text
            assert isinstance(again, Decoded)
        else:
            assert found in ("binary", "undecodable")

    return run


def markup() -> Run:
    """The bytes of a page: the kernel says what its twin says, and no cut changes the text."""
    from gristmill.corpus.extract.cheap import MAX_DEPTH, MAX_OPTIONS, html_text
    from gristmill.corpus.extract.kernel import markup_kernel
    from gristmill.corpus.extract.markup_scan import Scanned, scan

    kernel = markup_kernel()
    assert kernel is not None, "the C extension was not built"

    def run(data: bytes) -> None:
        found = scan(data)
        assert Scanned(*kernel.scan(data)) == found
        is_read = found.depth <= MAX_DEPTH and found.num_options <= MAX_OPTIONS
        if is_read and found.html is not None and b"\0" not in data:
            assert html_text(found.html) == html_text(data.decode("utf-8", "replace"))

    return run


def parser() -> Run:
    """A text for a grammar: the parser answers or is ended, and the next file is never lost."""
    from gristmill.filters.grammars import grammar_table
    from gristmill.filters.killable import KillableWorker, ParseLimits
    from gristmill.filters.syntax import parse
    from gristmill.filters.tree_facts import TreeFacts

    grammars = sorted({row.grammar for row in grammar_table().languages})
    worker = KillableWorker("syntax", ParseLimits(cpu_seconds=0.5))
    atexit.register(worker.close)

    def run(data: bytes) -> None:
        number, text = split(data)
        grammar = grammars[number % len(grammars)]
        items = [(grammar, text.encode("utf-8", "replace")), ("python", b"def f(): pass\n")]
        _, after = parse(worker, items)
        assert isinstance(after, TreeFacts)

    return run


TARGETS: dict[str, Callable[[], Run]] = {
    function.__name__: function
    for function in (detector, heuristics, clues, decode, markup, parser)
}


def seeds(target: str) -> Iterator[bytes]:
    """Yield the heads of the fixtures as inputs of a target."""
    files = sorted(p for p in FIXTURES.rglob("*") if p.is_file() and p.suffix not in BINARY)
    for number, path in enumerate(files):
        head = path.read_bytes()[:MAX_SEED_BYTES]
        if target == "detector":
            name = NAMED_SEEDS[number % len(NAMED_SEEDS)]
            yield f"{name}\n".encode() + head
            yield f"{path.name}\n".encode() + head
        else:
            yield head if target in ("decode", "markup") else number.to_bytes(2, "little") + head


def words() -> list[str]:
    """Return the words in the rules' patterns, and what import statements and modelines hold."""
    from gristmill.filters.languages import read_heuristics

    rules = json.loads(read_heuristics())["rules"]
    found = set(re.findall(r"[A-Za-z_]{3,}|[^\w\s\\\"]{2,4}", json.dumps(rules)))
    return sorted({*found, "vim: ft=", "-*- mode:", "#!/bin/sh", "import ", "from ", "#include <"})


def main(target: str, corpus: str, *options: str) -> None:
    """Fuzz one target until libFuzzer's own options end it."""
    import atheris

    with atheris.instrument_imports(include=["gristmill"]):
        run = TARGETS[target]()
    folder = Path(corpus)
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds(target):
        (folder / blake2b(seed, digest_size=16).hexdigest()).write_bytes(seed)
    dictionary = folder.with_suffix(".dict")
    dictionary.write_text("".join(f'"{word}"\n' for word in words()), encoding="utf-8")
    atheris.Setup([sys.argv[0], str(folder), f"-dict={dictionary}", *options], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
