"""What a file's name, first line and modelines claim, before its content is looked at."""

import re
from collections.abc import Iterable
from functools import cache

import msgspec

from .languages import Language, language_table
from .linear import linear_pattern, utf8

Names = tuple[str, ...]  # names of languages

# Modelines count in the first and last five lines; a minified line is not read to its end.
MODELINE_LINES = 5
MODELINE_CHARACTERS = 2048

_EMACS = r"-\*-(.*?)-\*-"
_EMACS_MODE = r"(?i)(?:^|;)[\s\v]*mode[\s\v]*:[\s\v]*([^\s\v;]+)"
_VIM = (
    r"(?:^|[ \t])(?:vi|vim(?:[<=>]?\d+)?|ex):[^\n]*?\b(?:filetype|ft|syntax)[ \t]*=[ \t]*([\w+-]+)"
)
_EXEC = r"exec (\w+).+\$0.+\$@"
_VERSION = re.compile(r"[-.]?\d+(?:\.\d+)*$")


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """The table turned round: from what is seen in a file to the languages that claim it."""

    filenames: dict[str, Names]
    path_ends: dict[str, Names]
    prefixes: dict[str, Names]
    interpreters: dict[str, Names]
    exact_extensions: dict[str, Names]  # those in which a capital matters
    extensions: dict[str, Names]  # in lower case
    aliases: dict[str, Names]


@cache
def clue_index() -> Index:
    """Return the index of this installation's table."""
    rows = language_table().languages
    names = [(name, row) for row in rows for name in row.filenames]
    extensions = [(extension, row) for row in rows for extension in row.extensions]
    lower = {extension for extension, _ in extensions if extension == extension.lower()}
    families = {row.part_of: row for row in rows if row.part_of}
    aliases = [(alias, row) for row in rows for alias in row.aliases]
    aliases += [
        (alias, part)
        for row in rows
        for part in rows
        if row.name in families and part.part_of == row.name
        for alias in row.aliases
    ]
    return Index(
        filenames=_invert((n, row) for n, row in names if "/" not in n and not n.endswith("*")),
        path_ends=_invert((n, row) for n, row in names if "/" in n),
        prefixes=_invert((n[:-1], row) for n, row in names if n.endswith("*")),
        interpreters=_invert((name, row) for row in rows for name in row.interpreters),
        exact_extensions=_invert((e, row) for e, row in extensions if e != e.lower()),
        extensions=_invert(
            (e.lower(), row) for e, row in extensions if e in lower or e.lower() not in lower
        ),
        aliases=_invert(aliases),
    )


def _invert(pairs: Iterable[tuple[str, Language]]) -> dict[str, Names]:
    """Gather the claimants of each key, the likelier ones first: popular, then of the 338.

    Where a family's head and another of its names claim the same, nothing tells them apart, and the
    head has it.
    """
    claims: dict[str, dict[str, Language]] = {}
    for key, row in sorted(pairs, key=lambda pair: (not pair[1].popular, pair[1].background)):
        claims.setdefault(key, {})[row.name] = row
    return {
        key: tuple(name for name, row in rows.items() if not row.family or row.family not in rows)
        for key, rows in claims.items()
    }


def modeline_languages(text: str) -> Names:
    """Return what an Emacs or Vim modeline in the first or last five lines names."""
    head, tail = text[:MODELINE_CHARACTERS], text[-MODELINE_CHARACTERS:]
    for part, lines in ((head, slice(0, MODELINE_LINES)), (tail, slice(-MODELINE_LINES, None))):
        emacs = "-*-" in part
        if not emacs and not (":" in part and ("ft" in part or "type" in part or "syn" in part)):
            continue
        scope = "\n".join(part.rstrip("\n").split("\n")[lines])
        for mode in _modes(utf8(scope)):
            if found := clue_index().aliases.get(mode.lower().removesuffix("-mode")):
                return found
    return ()


def _modes(scope: bytes) -> Iterable[str]:
    for fields in linear_pattern(_EMACS, groups=True).findall(scope):
        fields = fields.strip()
        if mode := linear_pattern(_EMACS_MODE, groups=True).search(fields):
            yield mode.group(1).decode()
        elif b":" not in fields and b";" not in fields:
            yield fields.decode()
    for name in linear_pattern(_VIM, groups=True).findall(scope):
        yield name.decode()


def filename_languages(path: str) -> Names:
    """Return who claims exactly this file name, or a path that ends so."""
    index = clue_index()
    name = path.rpartition("/")[2]
    if found := index.filenames.get(name):
        return found
    for end, languages in index.path_ends.items():
        if path == end or path.endswith("/" + end):
            return languages
    return ()


def prefix_languages(path: str) -> Names:
    """Return who claims a file name that begins so, such as Dockerfile.dev."""
    name = path.rpartition("/")[2]
    for prefix, languages in clue_index().prefixes.items():
        if name.startswith(prefix):
            return languages
    return ()


def shebang_languages(text: str) -> Names:
    """Return the languages of the interpreter that the first line names."""
    if not text.startswith("#!"):
        return ()
    interpreter = _interpreter(text)
    index = clue_index().interpreters
    return index.get(interpreter) or index.get(_VERSION.sub("", interpreter), ())


def _interpreter(text: str) -> str:
    head = text[:MODELINE_CHARACTERS].split("\n", MODELINE_LINES)[:MODELINE_LINES]
    words = head[0][2:].split()
    if not words:
        return ""
    program = words[0].rpartition("/")[2]
    if program == "env":
        # env -S, -u NAME and NAME=value stand before the program
        rest = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        program = rest[0].rpartition("/")[2] if rest else ""
    if program == "osascript" and "-l" in words:
        return ""
    if program == "sh":
        # a polyglot head: the shell only hands the file to its real interpreter
        matches = (linear_pattern(_EXEC, groups=True).search(utf8(line)) for line in head)
        program = next((match.group(1).decode() for match in matches if match), program)
    return program


def extension_languages(path: str) -> tuple[str, Names]:
    """Return the longest extension that anyone claims, in lower case, and who claims it."""
    index = clue_index()
    name = path.rpartition("/")[2]
    start = name.find(".")
    while start >= 0:
        suffix = name[start:]
        if found := index.exact_extensions.get(suffix):
            return suffix, found
        lower = suffix.lower()
        if found := index.extensions.get(lower):
            return lower, found
        start = name.find(".", start + 1)
    return "", ()
