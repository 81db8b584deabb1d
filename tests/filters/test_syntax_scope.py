"""What is parsed: the rows that rules on syntax signals can fire for, and a seeded sample."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.corpus.errors import GristmillError
from gristmill.filters.rules import Override, Rule, decide
from gristmill.filters.syntax_scope import (
    SyntaxSettings,
    check_syntax,
    choose,
    parse_scopes,
)

LANGUAGES = ["C", "Go", "Python", None]
ROWS = st.lists(
    st.tuples(
        st.sampled_from(LANGUAGES),
        st.sampled_from(["code", "text"]),
        st.sampled_from(["file", "page"]),
    ),
    min_size=1,
)
NAMES = st.lists(st.sampled_from(["C", "Go", "Python"]), max_size=2, unique=True).map(tuple)
RULES = st.builds(
    lambda only, exclude, components, kinds, enabled, languages: Rule(
        name="broken",
        signal="syntax_error_fraction",
        max=0.1,
        missing="drop",
        only=only,
        exclude=exclude,
        components=components,
        kinds=kinds,
        enabled=enabled,
        languages=languages,
    ),
    NAMES,
    NAMES,
    st.sampled_from([(), ("code",)]),
    st.sampled_from([(), ("file",), ("page",)]),
    st.booleans(),
    st.dictionaries(
        st.sampled_from(["C", "Go"]), st.builds(Override, enabled=st.sampled_from([True, None]))
    ),
)


def table(rows: list[tuple[str | None, str, str]]) -> pa.Table:
    size = len(rows)
    return pa.table(
        {
            "doc_id": pa.array([i.to_bytes(16, "big") for i in range(size)], pa.binary(16)),
            "language": pa.array([row[0] for row in rows], pa.string()),
            "component": pa.array([row[1] for row in rows], pa.string()),
            "kind": pa.array([row[2] for row in rows], pa.string()),
            "read_drop": pa.nulls(size, pa.string()),
            "syntax_error_fraction": pa.nulls(size, pa.float64()),
        }
    )


@given(rows=ROWS, rules=st.lists(RULES, max_size=3))
def test_every_row_that_a_rule_looks_at_is_parsed_and_no_other(
    rows: list[tuple[str | None, str, str]], rules: list[Rule]
) -> None:
    made = table(rows)
    chosen = choose(made, SyntaxSettings(), parse_scopes(rules), seed=0)
    looked_at = [bool(hits) for hits in decide(made, rules)["rule_hits"].to_pylist()]
    assert chosen.tolist() == looked_at  # a missing signal drops


def test_a_threshold_is_no_part_of_a_scope() -> None:
    rules = [Rule(name="a", signal="syntax_max_depth", max=limit) for limit in (10.0, 20.0)]
    assert parse_scopes(rules[:1]) == parse_scopes(rules[1:]) == parse_scopes(rules)


def test_rules_that_cannot_fire_and_rules_on_other_signals_ask_for_nothing() -> None:
    rules = [
        Rule(name="a", signal="syntax_max_depth", max=10.0, enabled=False),
        Rule(name="b", signal="num_lines", max=10.0),
    ]
    assert parse_scopes(rules) == ()


def test_a_sample_grows_with_its_share_and_differs_by_seed() -> None:
    made = table([("C", "code", "file")] * 2000)
    few, many = (
        choose(made, SyntaxSettings(sample=share), (), seed=1).tolist() for share in (0.1, 0.3)
    )
    assert 140 < sum(few) < 260
    assert 520 < sum(many) < 680
    assert all(b for a, b in zip(few, many, strict=True) if a)
    assert choose(made, SyntaxSettings(sample=0.1), (), seed=2).tolist() != few


def test_the_sample_is_of_the_named_languages() -> None:
    made = table([(language, "code", "file") for language in LANGUAGES])
    settings = SyntaxSettings(sample=1.0, languages=("C", "Python"))
    assert choose(made, settings, (), seed=0).tolist() == [True, False, True, False]
    assert np.all(choose(made, SyntaxSettings(sample=1.0), (), seed=0))


@pytest.mark.parametrize(
    "values",
    [{"sample": 1.5}, {"sample": -0.1}, {"max_bytes": 0}, {"timeout_seconds": 0.0}],
)
def test_impossible_settings_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        SyntaxSettings(**values)  # type: ignore[arg-type]


def test_a_sampled_language_needs_a_grammar() -> None:
    with pytest.raises(GristmillError, match="no grammar reads Brainfuck"):
        check_syntax(SyntaxSettings(languages=("Brainfuck",)), (), where="r")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Rule(name="a", signal="syntax_error_fraction", max=0.1, only=("SQL",)), "fails on"),
        (Rule(name="a", signal="syntax_error_fraction", max=0.1, only=("LSL",)), "no grammar"),
        (
            Rule(
                name="a",
                signal="syntax_error_fraction",
                max=0.1,
                languages={"F#": Override(max=0.9)},
            ),
            "F#",
        ),
    ],
)
def test_a_gate_that_never_closes_is_refused(rule: Rule, message: str) -> None:
    with pytest.raises(GristmillError, match=message):
        check_syntax(SyntaxSettings(), (rule,), where="r")


def test_gates_of_good_grammars_and_raw_shares_are_allowed() -> None:
    rules = (
        Rule(name="a", signal="syntax_error_fraction", max=0.1, only=("Python", "C")),
        Rule(name="b", signal="syntax_raw_error_fraction", max=0.9, only=("SQL",)),
        Rule(
            name="c",
            signal="syntax_error_fraction",
            max=0.1,
            languages={"SQL": Override(enabled=False)},
        ),
    )
    check_syntax(SyntaxSettings(languages=("SQL",)), rules, where="r")
