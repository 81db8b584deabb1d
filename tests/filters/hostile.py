"""Texts made to take long, and a process that reads them all: `python hostile.py TARGET`.

A text that takes 2 s of processor time ends the process by a signal, be it in a loop of C code
that no exception reaches; its name is the last line printed.
"""

import itertools
import json
import re
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial

import pyarrow as pa

from gristmill.corpus.decode import decode
from gristmill.corpus.extract.page import extract_page
from gristmill.filters import heuristics
from gristmill.filters.clues import modeline_languages, shebang_languages
from gristmill.filters.detect import detect_language
from gristmill.filters.encoded import count_encoded
from gristmill.filters.generated import marked_generator
from gristmill.filters.imports import IMPORT_LANGUAGES, MAX_SOURCE_CHARS, extract_imports
from gristmill.filters.languages import language_table, read_heuristics
from gristmill.filters.licence import HEADER_CHARS, LICENCE_CHARS, header_licence, licence_of
from gristmill.filters.licence_header import licence_header
from gristmill.filters.linear import utf8

ALL_SECONDS = 120
MEMORY_BYTES = 4 << 30

UNITS = (
    *("<", "(", "[", "{", " ", "\t", "\n", "\r", "\r\n", "\v", "\0", "a", "aA", "1.", "a ", "a, "),
    *("a: ", "a = ", "a::", '"', "'", "\\", "\\\n", "#", ";", ": ", "-", "*", "/*", "(*", "<!--"),
    *("<a b='c'>", "f(a[{", "match a ", " \n", "a\n", "e\u0301\u0323", "\u6f22", "\U0001f600"),
    *("\ufeff\u2028", "a\0", "\ud800", "\u0130\u212a"),
)
Case = tuple[str, Callable[[], object]]


def hostile_texts(num_characters: int) -> Iterator[tuple[str, str]]:
    """Yield each unit over and over, and half of one before half of another."""
    for unit in UNITS:
        yield repr(unit), (unit * num_characters)[:num_characters]
    for first, second in (("\n", "<"), (" ", "1"), ("(", " "), ("a", '"'), (" ", "\n")):
        half = num_characters // 2
        yield repr((first, second)), first * half + second * half


def pattern_words(extension: str) -> list[str]:
    """Return the words and marks that the rules of an extension look for."""
    rules = json.loads(read_heuristics())["rules"][extension]
    groups = [group for rule in rules for group in (*rule["require"], *rule["forbid"])]
    patterns = itertools.chain.from_iterable(groups)
    plain = re.sub(r"\\[a-zA-Z]|\(\?[a-z]*:?|[()|]", " ", " ".join(patterns))
    return sorted(set(re.findall(r"\w+|[^\w\s]", plain.replace("\\", ""))))


def rule_attacks(extension: str) -> Iterator[tuple[str, str]]:
    """Yield texts of nothing but the beginnings of what the rules of an extension look for."""
    words = pattern_words(extension)
    for space in ("", " ", "\n", "\n  ", " = ", "("):
        text = space.join(words) + space
        if text:
            yield repr(space), (text * heuristics.READ_CHARACTERS)[: heuristics.READ_CHARACTERS]


def rules() -> Iterator[Case]:
    """Every extension that has rules with its own attacks and every third text."""
    texts = list(hostile_texts(heuristics.READ_CHARACTERS))
    for number, extension in enumerate(json.loads(read_heuristics())["rules"]):
        for name, text in (*rule_attacks(extension), *texts[number % 3 :: 3]):
            yield f"{extension} {name}", partial(heuristics.apply_rules, extension, text)


def detection() -> Iterator[Case]:
    """Every text without a name, and every extension of the table with one of the texts."""
    texts = list(hostile_texts(1 << 17))
    texts.append(("5 MB on a line", "a = 1; " * 700_000))
    extensions = sorted({e for row in language_table().languages for e in row.extensions})
    paths = ["a"] * len(texts) + [f"a{e}" for e in extensions]
    for path, (name, text) in zip(paths, itertools.cycle(texts)):
        yield f"{path} {name}", partial(detect_language, path, text)


def clues() -> Iterator[Case]:
    """What modelines and shebangs begin with, over and over."""
    units = (" vi:", " vi:ft ", "-*-", "-*- ", "-*-mode ;", ";mode ", " ex: syntax  ", "exec a$0")
    for first, second in itertools.product((*units, "exec a", "$0", "$@", " "), repeat=2):
        text = (first * 400)[:1000] + (second * 1000)[:1000]
        yield f"modeline {first!r} {second!r}", partial(modeline_languages, text + "filetype")
        yield f"shebang {first!r} {second!r}", partial(shebang_languages, "#!/bin/sh\n" + text)


SCRIPT = ("from '", "import", "import(", "require(", "`", "/*", "//", '"', "${")
KEYWORDS = {
    "Python": ("from", ";from", "from .", "import", ";import", "from a import (", '"""', "'''"),
    "Java": ("package", "import", "import static", ";import a", "/*", '"""', "import a.*"),
    "C#": ("using", "using a =", "using static", "global", "namespace a", '@"', '$@"', '"""'),
    "C": ("#include", "# include <", '#include "', 'R"(', 'R"a(', "/*", "//"),
    "Go": ("package", "import", "import (", "import a", "`", "/*"),
    "Go Module": ("module", 'module "', "module a"),
    "Rust": (
        'r#"',
        "r#",
        "br##",
        "use",
        "use a::{",
        ";use a",
        "mod a",
        "mod a {",
        "pub(",
        ";pub (a",
    ),
    "TypeScript": SCRIPT,
}


def imports() -> Iterator[Case]:
    """The beginnings of each language's statements before a long run."""
    for language, run in itertools.product(
        KEYWORDS, (" ", "\n", "a", "a.", "#", "(", "{", "\\", '"')
    ):
        assert language in IMPORT_LANGUAGES
        size = MAX_SOURCE_CHARS // len(KEYWORDS[language])
        text = "\n".join(word + (run * size)[: size - len(word) - 1] for word in KEYWORDS[language])
        yield f"{language} {run!r}", partial(extract_imports, language, text)


def licences() -> Iterator[Case]:
    """Licence texts and headers that never end."""
    words = (
        "license ",
        "gnu general public license ",
        "permission ",
        "licensed under the terms of ",
    )
    for word in (*words, *UNITS):
        text = "license " + (word * LICENCE_CHARS)[:LICENCE_CHARS]
        yield f"text {word!r}", partial(licence_of, text)
        spdx = ("SPDX-License-Identifier: " + (word * HEADER_CHARS))[:HEADER_CHARS]
        yield f"header {word!r}", partial(header_licence, spdx)


def hygiene() -> Iterator[Case]:
    """Heads of comments, marks of generators and runs of encoded data that never end."""
    runs = (
        "A" * 64,
        "0x41, ",
        "\\u0041",
        "41 ",
        "1.5,\n",
        "<meta ",
        "%%Creator: ",
        "# Copyright\n",
    )
    for unit in (*UNITS, *runs, "// generated by ", "/* licence ", "--[[", '"""'):
        text = utf8((unit * LICENCE_CHARS)[: LICENCE_CHARS * 2]).decode()  # as a column holds it
        texts = pa.array([text], pa.large_string())
        yield f"encoded {unit!r}", partial(count_encoded, texts)
        yield f"header {unit!r}", partial(licence_header, text)
        for path in ("a.js", "a.html", "a.ps", "a.py", "a"):
            yield f"generated {path} {unit!r}", partial(marked_generator, path, text)


def bytes_() -> Iterator[Case]:
    """Files in no charset, and in several."""
    halves = [
        text.encode("utf-8", "surrogatepass")[: 1 << 19] for _, text in hostile_texts(1 << 16)
    ]
    every = bytes(range(256)) * 2048
    heads = (
        b"",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\x1b$B",
        b"\xef\xbb\xbf",
        b"\x80",
        "\u00e9\n".encode(),
    )
    for head, half in itertools.product(heads, (*halves[::7], every, every[1:255] * 900)):
        yield f"{head!r} {half[:8]!r}", partial(decode, head + half)


def pages() -> Iterator[Case]:
    """Heads of pages that begin a charset or a language again and again."""
    for word, end in ((b"<meta ", b"charset="), (b"<html ", b" lang="), (b"<meta charset=", b"'")):
        payload = (word * 100 + end).ljust(
            4096
        ) + b"<p>caf\xe9</p>"  # not UTF-8: the charset is asked
        yield (
            repr(word),
            partial(extract_page, payload, mime="text/html", charset=None, tier="cheap"),
        )


def endless() -> Iterator[Case]:
    """What a pattern without a bound does: this has to end the process."""
    yield "(a+)+b", partial(re.search, "(a+)+b", "a" * 100)


TARGETS = {
    function.__name__: function
    for function in (rules, detection, clues, imports, licences, hygiene, bytes_, pages, endless)
}


def main(target: str, case_seconds: str = "2") -> None:
    """Run every case of one target, each under its own limit."""
    resource.setrlimit(resource.RLIMIT_CPU, (ALL_SECONDS, ALL_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for name, run in TARGETS[target]():
        print(name.encode("ascii", "backslashreplace").decode(), flush=True)
        signal.setitimer(signal.ITIMER_PROF, float(case_seconds))
        run()
        signal.setitimer(signal.ITIMER_PROF, 0)
    print("done")


if __name__ == "__main__":
    main(*sys.argv[1:])
