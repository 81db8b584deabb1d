"""Every grammar of the table loads from an installed package, and its node names exist."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from gristmill.filters.build_grammars import APPROXIMATE, OTHERS, as_toml, main
from gristmill.filters.grammars import (
    PACKAGES,
    WHEELS,
    LanguageGrammar,
    grammar_of,
    grammar_table,
    grammar_versions,
    load_grammar,
)
from gristmill.filters.languages import language_table
from gristmill.filters.node_kinds import node_kinds

NO_GATES = ["COBOL", "Docker", "F#", "Haxe", "SQL", "Transact-SQL", "Visual Basic", "WebAssembly"]
OFFLINE = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request"):
        raise SystemExit(f"{event} {arguments}")

sys.addaudithook(refuse)
from gristmill.filters.grammars import grammar_table
from gristmill.filters.syntax_parser import tree_facts

grammars = sorted({row.grammar for row in grammar_table().languages})
print(sum(tree_facts(grammar, b"\\n").num_nodes > 0 for grammar in grammars), len(grammars))
"""


def kinds_of(grammar: str) -> set[str | None]:
    language = load_grammar(grammar)
    return {language.node_kind_for_id(i) for i in range(language.node_kind_count)}


def test_every_grammar_parses_without_a_network() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", OFFLINE], capture_output=True, text=True, check=True, timeout=120
    )
    parsed, known = shown.stdout.split()
    assert parsed == known
    assert int(known) > 120


def test_at_least_127_of_the_338_names_have_a_grammar() -> None:
    named = {row.name for row in grammar_table().languages}
    assert len(named & language_table().paper_names) >= 127


def test_the_table_of_languages_names_the_same_grammars() -> None:
    own = {row.name: row.grammar for row in language_table().languages if row.grammar}
    assert {name: grammar_table().by_name[name].grammar for name in own} == own


def test_every_language_with_a_grammar_is_known() -> None:
    names = {row.name for row in grammar_table().languages} - {"TSX", "OCaml Interface"}
    assert names <= set(language_table().by_name)
    assert set(OTHERS) | set(APPROXIMATE) >= names - {
        row.name for row in language_table().languages if row.grammar
    }


@pytest.mark.parametrize("language", NO_GATES)
def test_a_grammar_that_fails_on_its_own_language_is_no_gate(language: str) -> None:
    row = grammar_of(language)
    assert row is not None
    assert not row.is_gate


@pytest.mark.parametrize("language", ["C", "C#", "C++", "Go", "Java", "JavaScript", "Python"])
def test_a_grammar_that_reads_its_own_language_is_a_gate(language: str) -> None:
    row = grammar_of(language)
    assert row is not None
    assert row.is_gate


def test_too_few_files_make_no_gate() -> None:
    row = LanguageGrammar(
        name="A", grammar="a", num_files=2, error_fraction=0.0, error_fraction_p90=0.0
    )
    assert not row.is_gate
    assert msgspec.structs.replace(row, num_files=3).is_gate


def test_the_path_tells_a_variant_of_a_language() -> None:
    found = [grammar_of("TypeScript", path) for path in ("a/b.ts", "a/B.TSX", "tsx")]
    assert [row and row.grammar for row in found] == ["typescript", "tsx", "typescript"]
    assert grammar_of(None) is None
    assert grammar_of("Brainfuck") is None


def test_every_package_has_a_version() -> None:
    assert set(grammar_versions()) == set(PACKAGES)
    assert {row.grammar for row in grammar_table().languages} >= set(WHEELS)


def test_the_table_is_spelled_as_its_generator_spells_it() -> None:
    table = Path(sys.modules[load_grammar.__module__].__file__ or "").with_name("grammars.toml")
    assert as_toml(grammar_table().languages) == table.read_text("utf-8")


def test_the_generator_wants_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "SAMPLES" in capsys.readouterr().err


@pytest.mark.parametrize("grammar", sorted(node_kinds().grammars))
def test_every_node_name_of_a_grammar_exists_in_it(grammar: str) -> None:
    own = node_kinds().grammars[grammar]
    assert own.functions | own.classes <= kinds_of(grammar)


def test_every_common_node_name_exists_in_some_grammar() -> None:
    table = node_kinds()
    known = set().union(*(kinds_of(row.grammar) for row in grammar_table().languages))
    assert table.functions | table.classes | table.need_body | table.not_comments <= known
