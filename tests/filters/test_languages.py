import json
from pathlib import Path
from typing import get_args

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tree_sitter_language_pack import SupportedLanguage

from gristmill.filters import build_languages, fetch_rule_data
from gristmill.filters.clues import clue_index
from gristmill.filters.heuristics import num_patterns, primary_language
from gristmill.filters.languages import (
    HEURISTICS,
    TABLE,
    Comment,
    Language,
    LanguageTable,
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
    build_languages.main(["--data", str(SOURCES.parent), "--out", str(tmp_path / TABLE)])
    for name in (TABLE, HEURISTICS):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()


def test_every_row_says_where_its_claims_come_from_and_under_which_licence() -> None:
    table = language_table()
    licences = {origin.name: origin.licence for origin in table.origins}
    assert set(licences) == {"linguist", "pygments", "gristmill"}
    for row in table.languages:
        assert row.licence == " AND ".join(licences[name] for name in row.origin)
        assert row.origin or not (*row.extensions, *row.filenames, *row.interpreters)


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("Python", ("linguist", "pygments")),  # .jy and .sc are pygments' claims
        ("AMD GPU", ("pygments",)),
        ("Mizar", ("gristmill",)),
        ("Dockerfile", ("linguist", "gristmill")),
        ("Markdown", ("linguist",)),
    ],
)
def test_claims_come_from_the_first_source_that_makes_them(
    name: str, origin: tuple[str, ...]
) -> None:
    assert language_table().by_name[name].origin == origin


def test_lexers_of_pygments_are_read_without_running_its_code() -> None:
    one, two = "('a.b', 'One', ('one',), ('*.1', 'one*'), ())", "('', 'Two', (), (), ())"
    source = f"LEXERS = {{'A': {one}, 'B': {two}}}"
    made = fetch_rule_data.lexers_json(source, {"One"})
    assert json.loads(made) == {"One": {"aliases": ["one"], "filenames": ["*.1", "one*"]}}


def test_fetching_takes_every_lexer_that_the_map_names_and_no_other() -> None:
    named = {
        entry["pygments"]
        for entry in json.loads((SOURCES / "map.json").read_bytes()).values()
        if "pygments" in entry
    }
    assert named == set(json.loads((FOLDER / "data" / "pygments" / "lexers.json").read_bytes()))


def test_grammars_are_of_the_pack_or_of_the_package_that_the_row_names() -> None:
    rows = [row for row in language_table().languages if row.grammar]
    assert len(rows) == 125
    packaged = [row for row in rows if not row.grammar_package]
    assert {row.grammar for row in packaged} <= set(get_args(SupportedLanguage))
    assert {row.grammar_package for row in rows} >= {"", "tree-sitter-zeek", "tree-sitter-less"}


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


def test_both_names_of_a_family_are_reached_by_a_claim_of_their_own() -> None:
    index = clue_index()
    tables = (index.extensions, index.filenames, index.interpreters, index.aliases)
    claims = {names for table in tables for names in table.values()}
    members = [row for row in language_table().languages if row.family]
    assert len(members) == 6
    for row in members:
        assert {(row.name,), (row.family,)} <= claims, row.name


def test_a_claim_of_two_names_of_a_family_goes_to_its_head() -> None:
    assert "MATLAB" in clue_index().extensions[".m"]
    assert "Octave" not in clue_index().extensions[".m"]
    assert clue_index().interpreters["octave"] == ("Octave",)


def test_family_of_a_family_is_itself() -> None:
    table = language_table()
    assert all(table.family(row.head) == row.head for row in table.languages)


def test_digest_of_the_comments_changes_with_a_comment_and_with_no_extension() -> None:
    rows = (Language(name="C", line="//"),)
    digest = LanguageTable(languages=rows).comments_digest
    other = Language(name="C", line="//", extensions=(".c",))
    assert LanguageTable(languages=(other,)).comments_digest == digest
    assert LanguageTable(languages=(Language(name="C", line="#"),)).comments_digest != digest


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


@given(st.sampled_from([row.name for row in language_table().languages]), st.text())
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
