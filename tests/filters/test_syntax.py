"""Syntax signals: what is counted, what one file may cost, and that no other file pays for it."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tree_sitter import Parser

from gristmill.filters.grammars import grammar_table, load_grammar
from gristmill.filters.killable import MAX_BATCH_ITEMS, KillableWorker, ParseLimits
from gristmill.filters.node_kinds import SPAN_KINDS
from gristmill.filters.ranges import SIGNAL_RANGES
from gristmill.filters.syntax import SYNTAX, SYNTAX_SIGNALS, parse, syntax_columns
from gristmill.filters.syntax_parser import MAX_SPANS, tree_facts, walk, walk_slow
from gristmill.filters.tree_facts import TreeFacts

ROOT = Path(__file__).parents[2]
GRAMMARS = sorted({row.grammar for row in grammar_table().languages})
SAMPLE = ["bash", "c", "css", "ruby", "elm", "haskell", "json", "jsonnet", "python", "yaml"]
GOOD = b"def f(x):\n    return x  # the same\n"
CODE = st.text(st.sampled_from("(){}[]<>\"'`;:,.=+-*/\\#%$@!\n\t ab1\0\u00e9\u4e2d"), max_size=300)


@pytest.fixture(scope="module")
def worker() -> Iterator[KillableWorker]:
    with KillableWorker("syntax", ParseLimits(cpu_seconds=0.3)) as shared:
        yield shared


def columns(
    worker: KillableWorker,
    rows: Sequence[tuple[str | None, str | None]],
    *,
    max_bytes: int = 1000,
    chosen: bool = True,
) -> list[dict[str, object]]:
    """Return the columns of rows of a language and a text."""
    table = syntax_columns(
        worker,
        pa.chunked_array([pa.array([text for _, text in rows], pa.large_string())]),
        [language for language, _ in rows],
        ["a"] * len(rows),
        chosen=np.full(len(rows), chosen),
        max_bytes=max_bytes,
    )
    assert table.schema == SYNTAX
    found: list[dict[str, object]] = table.to_pylist()
    return found


@pytest.mark.parametrize(
    ("grammar", "text", "functions", "classes", "comments"),
    [
        ("python", "class A:\n  # b\n  def f(self):\n    return lambda: 0\n", 1, 1, 3),
        ("c", "struct a { int b; };\nstruct a f(struct a x) { return x; } // c\n", 1, 1, 4),
        ("java", "/* a */ class A { A() {} int f() { return 0; } }", 2, 1, 7),
        ("go", "package a\ntype T struct{}\nfunc (t T) f() {}\nfunc g() {}\n", 2, 1, 0),
        ("javascript", "class A { f() {} }\nconst g = () => 0; // h", 2, 1, 4),
        ("rust", "/// a\nstruct A;\nimpl A { fn f() {} }\n", 1, 2, 6),
        ("fortran", "function f(x)\n  f = x ! a\nend function\n", 1, 0, 3),
        ("haskell", "module A where\ndata B = B\nf x = x -- c\n", 1, 1, 4),
    ],
)
def test_functions_classes_and_comments_are_counted(
    grammar: str, text: str, functions: int, classes: int, comments: int
) -> None:
    facts = tree_facts(grammar, text.encode())
    found = (facts.num_functions, facts.num_classes, facts.comment_bytes, facts.error_bytes)
    assert found == (functions, classes, comments, 0)


def test_spans_hold_what_they_say(worker: KillableWorker) -> None:
    text = "# \u4e2d\ndef f():\n    pass\n"
    (row,) = columns(worker, [("Python", text)])
    spans = row["syntax_spans"]
    assert isinstance(spans, list)
    cut = [text.encode()[span["start_byte"] : span["end_byte"]].decode() for span in spans]
    assert [span["kind"] for span in spans] == ["comment", "function"]
    assert cut == ["# \u4e2d", "def f():\n    pass"]


def test_of_very_many_spans_the_first_are_kept() -> None:
    facts = tree_facts("python", b"# a\n" * (MAX_SPANS + 5))
    assert len(facts.spans.kinds) == MAX_SPANS
    assert facts.comment_bytes == 3 * (MAX_SPANS + 5)
    assert set(facts.spans.kinds) == {SPAN_KINDS.index("comment")}


def test_errors_count_once_and_missing_nodes_a_byte() -> None:
    assert tree_facts("json", b'{"a": }').error_bytes == 1
    assert tree_facts("json", b"[1, 2").error_bytes == 1
    assert tree_facts("json", b"@@@@").error_bytes == 4


def test_a_grammar_without_functions_has_no_number_of_them(worker: KillableWorker) -> None:
    (row,) = columns(worker, [("JSON", "[1]")])
    assert row["syntax_num_functions"] is None
    assert row["syntax_error_fraction"] == 0.0
    assert (row["syntax_num_nodes"], row["syntax_max_depth"]) == (5, 2)


@pytest.mark.parametrize("path", sorted((ROOT / "filters").glob("s*.py")), ids=lambda p: p.name)
def test_the_walk_equals_its_slow_twin_on_our_own_sources(path: Path) -> None:
    for text in (path.read_bytes(), path.read_bytes()[7:2000]):
        tree = Parser(load_grammar("python")).parse(text)
        assert walk(tree, "python") == walk_slow(tree, "python")


@given(text=CODE, grammar=st.sampled_from(["c", "json", "python", "yaml"]))
def test_the_walk_equals_its_slow_twin_on_noise(text: str, grammar: str) -> None:
    tree = Parser(load_grammar(grammar)).parse(text.encode())
    assert walk(tree, grammar) == walk_slow(tree, grammar)


def test_a_deep_tree_needs_no_stack(worker: KillableWorker) -> None:
    (facts,) = parse(worker, [("json", b"[" * 5000 + b"]" * 5000)])
    assert isinstance(facts, TreeFacts)
    assert facts.max_depth > 5000


def test_every_row_has_its_status(worker: KillableWorker) -> None:
    rows = [("Python", "x"), (None, "x"), ("Brainfuck", "+"), ("Python", None), ("C", "x" * 99)]
    found = [row["syntax_status"] for row in columns(worker, rows, max_bytes=50)]
    assert found == ["parsed", "no_grammar", "no_grammar", None, "too_large"]
    found = [row["syntax_status"] for row in columns(worker, rows, chosen=False)]
    assert found == ["not_chosen", "no_grammar", "no_grammar", None, "not_chosen"]


def test_the_limit_counts_bytes_not_characters(worker: KillableWorker) -> None:
    rows = [("Python", "#\u4e2d"), ("Python", "#\u4e2da")]
    found = [row["syntax_status"] for row in columns(worker, rows, max_bytes=4)]
    assert found == ["parsed", "too_large"]


def test_a_grammar_that_is_no_gate_has_only_a_raw_share(worker: KillableWorker) -> None:
    found = columns(worker, [("SQL", "select ( from"), ("Python", "def f(:\n")])
    assert [row["syntax_error_fraction"] is None for row in found] == [True, False]
    assert all(isinstance(row["syntax_raw_error_fraction"], float) for row in found)


def test_no_rows_give_no_rows(worker: KillableWorker) -> None:
    assert columns(worker, []) == []


def test_hazards_lose_no_other_file(worker: KillableWorker) -> None:
    hazards = [("cobol", b"x = 1\n"), ("java", b"! , */" * 10_000), ("bicep", b"(" * 60_000)]
    (expected,) = parse(worker, [("python", GOOD)])
    items = [item for hazard in hazards for item in (("python", GOOD), hazard)]
    found = parse(worker, [*items, ("python", GOOD)])
    assert found[1::2] == ["timeout"] * len(hazards)
    assert found[::2] == [expected] * (len(hazards) + 1)


def test_a_batch_of_many_files_keeps_their_order(worker: KillableWorker) -> None:
    items = [("json", b"[" + b"1," * i + b"1]") for i in range(2 * MAX_BATCH_ITEMS + 3)]
    found = parse(worker, items)
    sizes = [facts.num_nodes for facts in found if isinstance(facts, TreeFacts)]
    assert sizes == [2 * i + 5 for i in range(len(items))]


def test_a_file_that_needs_too_much_memory_says_so() -> None:
    limits = ParseLimits(cpu_seconds=20.0, memory_bytes=60 << 20)
    with KillableWorker("syntax", limits) as worker:
        found = parse(worker, [("json", b"[1]"), ("json", b"[" * 500_000), ("json", b"[1]")])
    assert found[1] == "memory"
    assert found[0] == found[2]
    assert isinstance(found[0], TreeFacts)


def test_a_file_that_ends_two_processes_has_crashed_them() -> None:
    with KillableWorker("syntax", ParseLimits(cpu_seconds=60.0)) as worker:

        def kill_twice() -> None:
            seen: set[int | None] = {None}
            while len(seen) < 3:
                time.sleep(0.05)
                if (pid := worker.child_pid) not in seen and pid is not None:
                    os.kill(pid, signal.SIGSEGV)
                    seen.add(pid)

        killer = threading.Thread(target=kill_twice)
        killer.start()
        assert parse(worker, [("java", b"! , */" * 100_000)]) == ["crashed"]
        killer.join()
        assert isinstance(parse(worker, [("python", GOOD)])[0], TreeFacts)


def test_a_killed_child_is_replaced(worker: KillableWorker) -> None:
    before = parse(worker, [("python", GOOD)])
    assert worker.child_pid is not None
    os.kill(worker.child_pid, signal.SIGKILL)
    assert parse(worker, [("python", GOOD)]) == before


def test_the_order_of_files_changes_no_answer(worker: KillableWorker) -> None:
    items = [(name, text) for name in ("jsonnet", "elm") for text in (b"{ a: '", b"x = 1\n", GOOD)]
    assert parse(worker, items) == parse(worker, items[::-1])[::-1]


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(rows=st.lists(st.tuples(st.sampled_from(SAMPLE), CODE), max_size=6))
def test_no_text_is_lost_whatever_it_holds(
    worker: KillableWorker, rows: list[tuple[str, str]]
) -> None:
    found = parse(worker, [(grammar, text.encode()) for grammar, text in rows])
    assert len(found) == len(rows)
    for facts, (_, text) in zip(found, rows, strict=True):
        if isinstance(facts, TreeFacts):
            assert 0 <= (facts.comment_bytes or 0) <= len(text.encode())
            assert facts.max_depth < facts.num_nodes
        else:
            assert facts in ("timeout", "crashed", "memory")


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(text=CODE, start=st.integers(0, len(GRAMMARS) - 1))
def test_every_grammar_meets_noise(worker: KillableWorker, text: str, start: int) -> None:
    grammars = (GRAMMARS[start:] + GRAMMARS[:start])[:12]
    assert len(parse(worker, [(grammar, text.encode()) for grammar in grammars])) == 12


def test_every_signal_has_a_range() -> None:
    assert {name for name in SIGNAL_RANGES if name.startswith("syntax_")} == set(
        SYNTAX_SIGNALS.names
    )
