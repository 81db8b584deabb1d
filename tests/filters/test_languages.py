import json
from pathlib import Path

import msgspec
import pytest
import regex
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters import build_languages
from gristmill.filters.build_heuristics import translate_pattern
from gristmill.filters.heuristics import num_patterns, primary_language
from gristmill.filters.languages import (
    HEURISTICS,
    TABLE,
    Comment,
    Language,
    language_table,
    path_comment,
)

FOLDER = Path(build_languages.__file__).parent
SOURCES = FOLDER / "data" / "linguist"
NAMES = (SOURCES / "names.txt").read_text(encoding="utf-8").split("\n")[:-1]


def test_all_338_names_and_nothing_else_are_paper_names() -> None:
    assert len(NAMES) == 338
    assert language_table().paper_names == frozenset(NAMES)


def test_every_language_of_linguist_is_in_the_table_once() -> None:
    table = language_table()
    linguist = yaml.safe_load((SOURCES / "languages.yml").read_text(encoding="utf-8"))
    held = {name for row in table.languages for name in row.linguist}
    assert held == set(linguist)
    assert len({row.name for row in table.languages}) == len(table.languages)
    background = {row.name for row in table.languages if row.background}
    assert {"Markdown", "YAML", "D", "Prolog", "Batchfile"} <= background


def test_table_and_rules_regenerate_byte_for_byte(tmp_path: Path) -> None:
    options = ["--linguist", str(SOURCES), "--map", str(SOURCES / "map.json")]
    options += ["--names", str(SOURCES / "names.txt"), "--out", str(tmp_path / TABLE)]
    build_languages.main([*options, "--reduced-map", str(tmp_path / "map.json")])
    for made, kept in ((TABLE, TABLE), (HEURISTICS, HEURISTICS), ("map.json", None)):
        source = SOURCES / "map.json" if kept is None else FOLDER / kept
        assert (tmp_path / made).read_bytes() == source.read_bytes()


def test_every_pattern_compiles_and_every_named_language_is_in_the_table() -> None:
    document = json.loads((FOLDER / HEURISTICS).read_bytes())
    named = {name for rules in document["rules"].values() for r in rules for name in r["languages"]}
    named.update(document["primary"].values())
    assert num_patterns() > 600
    assert named - {row.name for row in language_table().languages} == set()


def test_primary_guess_of_an_extension_is_one_of_its_claimants() -> None:
    document = json.loads((FOLDER / HEURISTICS).read_bytes())
    claims = {(e.lower(), row.name) for row in language_table().languages for e in row.extensions}
    assert {pair for pair in document["primary"].items() if pair not in claims} == set()
    assert primary_language(".h") == "C"


@pytest.mark.parametrize(
    ("ruby", "ours"),
    [
        (r"(?im)^\s*btst\b", r"(?is)^[^\S\n]*btst\b"),
        (r"(?-m)^\s*using", r"^[^\S\n]*using"),
        (r"\A\z", r"\A\Z"),
        (r"a\g<version>", r"a(?&version)"),
        (r"(?i:^\s*x|^\s*y)", r"(?i:^[^\S\n]*x|^[^\S\n]*y)"),
        (r"(<^\s*; |End)", r"(<^\s*; |End)"),
        (r"\s*(Declare)", r"(Declare)"),
    ],
)
def test_ruby_syntax_is_translated(ruby: str, ours: str) -> None:
    assert translate_pattern(ruby) == ours


def strings_of(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings_of(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings_of(item)]
    return [str(value)]


LINGUIST_RULES = yaml.safe_load((SOURCES / "heuristics.yml").read_text(encoding="utf-8"))
REWRITTEN = [
    pattern
    for pattern in strings_of(LINGUIST_RULES)
    if translate_pattern(pattern) != pattern and r"\s*" in pattern
]


def slow_pattern(ruby: str) -> str:
    """Translate the syntax alone: what the rewriting for speed must agree with."""
    return ruby.replace("(?-m)", "").replace("(?im)", "(?is)").replace(r"\z", r"\Z")


@given(st.sampled_from(REWRITTEN), st.data())
@settings(max_examples=300, deadline=None)
def test_faster_pattern_matches_what_the_slow_one_does(ruby: str, data: st.DataObject) -> None:
    flags = regex.VERSION1 | regex.MULTILINE | regex.ASCII
    slow = regex.compile(slow_pattern(ruby), flags)
    words = [*regex.findall(r"[A-Za-z]+|[^\w\s]", ruby), "\n", "\n\n  ", " ", "\t"]
    text = "".join(data.draw(st.lists(st.sampled_from(words), max_size=30)))
    fast = regex.compile(translate_pattern(ruby), flags)
    assert bool(fast.search(text)) == bool(slow.search(text))


@pytest.mark.parametrize(
    ("names", "family"),
    [
        (("Docker", "Dockerfile"), "Dockerfile"),
        (("Bro", "Zeek"), "Zeek"),
        (("Jade", "Pug"), "Pug"),
        (("Perl 6", "Raku"), "Perl 6"),
        (("RHTML", "HTML ERB"), "HTML ERB"),
        (("Vim script", "VimL"), "VimL"),
        (("GAS", "Unix Assembly"), "GAS"),
        (("XBase", "xBase"), "XBase"),
        (("en",), "en"),
    ],
)
def test_doubles_share_one_family(names: tuple[str, ...], family: str) -> None:
    assert {language_table().family(name) for name in names} == {family}


def test_family_of_a_family_is_itself() -> None:
    table = language_table()
    assert all(table.family(row.emitted) == row.emitted for row in table.languages)


def test_digest_is_that_of_the_shipped_files() -> None:
    assert language_table() is language_table()
    assert len(bytes.fromhex(language_table().digest)) == 16


def test_unknown_key_of_a_row_is_an_error() -> None:
    with pytest.raises(msgspec.ValidationError, match="colour"):
        msgspec.convert({"name": "C", "colour": "red"}, Language)


def test_comment_syntax_is_known_for_nearly_all_names_and_not_for_json() -> None:
    table = language_table()
    assert table.comment("Python") == Comment("#")
    assert table.comment("HTML") == Comment("<!--", "-->")
    assert table.comment("JSON") is None
    assert table.comment("no such language") is None
    assert sum(table.comment(name) is not None for name in table.paper_names) >= 315


@pytest.mark.parametrize(
    ("language", "path", "line"),
    [
        ("Python", "src/a b.py", "# src/a b.py"),
        ("C", "src/a.c", "// src/a.c"),
        ("CSS", "a*/b.css", "/* a%2A%2Fb.css */"),
        ("OCaml", "(*a*).ml", "(* %28%2Aa%2A%29.ml *)"),
        ("XML", "a--b.xml", "<!-- a%2D%2Db.xml -->"),
        ("Lua", "a\nprint(1).lua", "-- a%0Aprint(1).lua"),
        ("C", "a\\", "// a%5C"),
        ("JavaScript", "a\u2028b.js", "// a%E2%80%A8b.js"),
        ("COBOL", "A.CBL", "      * A.CBL"),
        ("JSON", "a.json", None),
        ("Python", "caf\u00e9.py", "# caf\u00e9.py"),
    ],
)
def test_path_comment_is_one_comment_line(language: str, path: str, line: str | None) -> None:
    assert path_comment(language, path) == line


@given(st.sampled_from(NAMES), st.text())
def test_path_comment_never_ends_early_or_breaks_the_line(language: str, path: str) -> None:
    comment, line = language_table().comment(language), path_comment(language, path)
    if comment is None or line is None:
        assert comment is None
        assert line is None
        return
    assert len(line.splitlines()) == 1
    assert line.startswith(comment.open)
    if comment.close:
        assert line.find(comment.close, len(comment.open)) == len(line) - len(comment.close)
