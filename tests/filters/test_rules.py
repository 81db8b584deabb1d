import sys
from collections.abc import Sequence
from datetime import date, datetime, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.record import LANGUAGE, READ
from gristmill.filters.languages import language_table
from gristmill.filters.rules import PRESETS, Override, Rule, decide, decide_slow, parse_rules
from gristmill.filters.signals import SIGNALS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PAPER = "deepseek-coder-v2"
KNOWN = frozenset(
    [
        "C",
        "C++",
        "HTML",
        "HTML ERB",
        "JSON",
        "Java",
        "Markdown",
        "Python",
        "XSLT",
        "YAML",
        "Augeas",
        "Bluespec",
        "CMake",
        "MATLAB",
        "R",
        "RMarkdown",
        "SAS",
        "SQL",
        "Scheme",
        "Stata",
        "SystemVerilog",
        "TeX",
        "VHDL",
        "Visual Basic",
        "Yacc",
        "reStructuredText",
        "Assembly",
        "Graphviz DOT",
        "Groff",
        "JavaScript",
        "SMT",
        "Text",
        "Web Ontology Language",
        "WebAssembly",
        "XML",
    ]
)
TYPES = {field.name: field.type for schema in (READ, SIGNALS, LANGUAGE) for field in schema}
GOOD: dict[str, Any] = {
    "read_drop": None,
    "component": "code",
    "kind": "file",
    "language": "Python",
    "repository_created": datetime(2020, 1, 1, tzinfo=timezone.utc),
    "num_chars": 2000,
    "mean_line_length": 30.0,
    "max_line_length": 80,
    "alphabetic_fraction": 0.6,
    "alphanumeric_fraction": 0.7,
    "xml_declaration": False,
    "visible_text_chars": None,
    "visible_text_fraction": None,
    "num_lines": 60,
    "lock_file": False,
    "minified": False,
    "generated": False,
    "vendored": False,
    "encoded_data_fraction": 0.0,
    "longest_encoded_run": 0,
    "data_fraction": 0.0,
    "stars": 3,
    "encoding": "utf-8",
    "language_confidence": 1.0,
}


def parse(toml: str, *, preset: str | Sequence[str] | None = PAPER) -> tuple[Rule, ...]:
    raw = tomllib.loads(toml)
    return parse_rules(raw, where="recipe.toml", preset=preset, known_languages=KNOWN)


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.table({name: pa.array([row[name] for row in rows], TYPES[name]) for name in GOOD})


def dropped_by(rules: tuple[Rule, ...], **changes: Any) -> str | None:
    row = decide(table_of([{**GOOD, **changes}]), rules).to_pylist()[0]
    dropped: str | None = row["dropped_by"]
    return dropped


@pytest.mark.parametrize(
    ("signal", "kept", "dropped", "rule", "language"),
    [
        ("mean_line_length", 100.0, 100.01, "mean_line_length", "Python"),
        ("max_line_length", 1000, 1001, "max_line_length", "Markdown"),
        ("alphabetic_fraction", 0.25, 0.2499, "alphabetic_fraction", "Python"),
        ("num_chars", 50, 49, "json_yaml_chars", "JSON"),
        ("num_chars", 5000, 5001, "json_yaml_chars", "JSON"),
        ("num_chars", 50, 49, "json_yaml_chars", "YAML"),
        ("visible_text_fraction", 0.2, 0.1999, "html_visible_fraction", "HTML"),
        ("visible_text_chars", 100, 99, "html_visible_chars", "HTML"),
        ("xml_declaration", False, True, "xml_declaration", "HTML"),
        (
            "repository_created",
            datetime(2023, 10, 31, 23, 59, 59, tzinfo=timezone.utc),
            datetime(2023, 11, 1, tzinfo=timezone.utc),
            "created_before",
            "Python",
        ),
    ],
)
def test_paper_rules_at_their_borders(
    signal: str, kept: object, dropped: object, rule: str, language: str
) -> None:
    rules = parse("language = { one_of = ['@paper-338', 'Markdown', 'YAML'] }")
    assert dropped_by(rules, language=language, **{signal: kept}) is None
    assert dropped_by(rules, language=language, **{signal: dropped}) == rule


def test_paper_keeps_xslt_with_its_declaration() -> None:
    assert dropped_by(parse(""), language="XSLT", xml_declaration=True) is None


def test_paper_measures_templates_of_html_as_other_code() -> None:
    assert dropped_by(parse(""), language="HTML ERB", visible_text_chars=1) is None


@pytest.mark.parametrize("language", ["YAML", "English", None])
def test_paper_drops_languages_outside_the_list(language: str | None) -> None:
    assert dropped_by(parse(""), language=language) == "language"


def test_paper_rules_leave_pages_and_other_components_alone() -> None:
    bad = {"mean_line_length": 500.0, "language": None}
    assert dropped_by(parse(""), kind="page", **bad) is None
    assert dropped_by(parse(""), component="text", **bad) is None


def test_unknown_signals_pass() -> None:
    unknown = dict.fromkeys(["repository_created", "mean_line_length", "xml_declaration"])
    assert dropped_by(parse(""), **unknown) is None


def test_bigcode_compares_visible_text_strictly() -> None:
    rules = parse("", preset="bigcode")
    html = {"language": "HTML", "visible_text_fraction": 0.2, "visible_text_chars": 101}
    assert dropped_by(rules, **html) == "html_visible_fraction"
    assert dropped_by(rules, **{**html, "visible_text_fraction": 0.2001}) is None
    assert dropped_by(rules, language="JSON", alphabetic_fraction=0.4) == "alphabetic_fraction"


def test_every_hit_is_listed_and_the_first_one_drops() -> None:
    rows = [
        {**GOOD, "max_line_length": 2000, "alphabetic_fraction": 0.1},
        GOOD,
        {**GOOD, "read_drop": "binary", "max_line_length": 2000},
    ]
    assert decide(table_of(rows), parse("")).to_pylist() == [
        {"rule_hits": ["max_line_length", "alphabetic_fraction"], "dropped_by": "max_line_length"},
        {"rule_hits": [], "dropped_by": None},
        {"rule_hits": [], "dropped_by": "binary"},
    ]


def test_no_rules_and_no_rows_are_decided() -> None:
    assert decide(table_of([GOOD]), ()).to_pylist() == [{"rule_hits": [], "dropped_by": None}]
    assert decide(table_of([]), parse("")).num_rows == 0


def test_recipe_changes_one_key_of_a_preset_rule() -> None:
    rules = parse("[max_line_length]\nmax = 1500\n[alphabetic_fraction]\nenabled = false")
    assert dropped_by(rules, max_line_length=1500, alphabetic_fraction=0.0) is None
    assert dropped_by(rules, max_line_length=1501) == "max_line_length"
    assert [rule.name for rule in rules] == [rule.name for rule in parse("")]


def test_recipe_rules_come_after_the_preset() -> None:
    assert parse("[few_stars]\nsignal = 'stars'\nmin = 2")[-1].name == "few_stars"


def test_one_language_can_have_its_own_threshold_or_none() -> None:
    rules = parse(
        "[max_line_length.languages]\nHTML = { max = 9000 }\nJava = { enabled = false }\n"
    )
    assert dropped_by(rules, language="HTML", max_line_length=9000) is None
    assert dropped_by(rules, language="HTML", max_line_length=9001) == "max_line_length"
    assert dropped_by(rules, language="Java", max_line_length=9001) is None
    assert dropped_by(rules, max_line_length=1001) == "max_line_length"


def test_confidence_equal_to_its_threshold_passes() -> None:
    rules = parse("[sure]\nsignal = 'language_confidence'\nmin = 0.9")
    assert dropped_by(rules, language_confidence=0.9) is None


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_parse(preset: str) -> None:
    assert len({rule.name for rule in parse("", preset=preset)}) == len(parse("", preset=preset))


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_name_languages_as_the_detector_does(preset: str) -> None:
    for rule in parse("", preset=preset):
        for name in (*rule.only, *rule.exclude, *rule.languages):
            assert language_table().family(name) == name


def test_hygiene_adds_rules_to_another_preset_and_changes_none() -> None:
    both = parse("", preset=[PAPER, "hygiene"])
    assert both == (*parse(""), *parse("", preset="hygiene"))


def test_of_two_presets_the_later_one_changes_the_rules_of_the_same_name() -> None:
    rules = parse("", preset=[PAPER, "stack-v2"])
    assert [rule.name for rule in rules[: len(parse(""))]] == [rule.name for rule in parse("")]
    assert dropped_by(rules, language="Markdown", max_line_length=100_000) is None
    assert dropped_by(rules, language="Markdown", max_line_length=100_001) == "max_line_length"


@pytest.mark.parametrize(
    ("signal", "value", "rule"),
    [
        ("lock_file", True, "lock_file"),
        ("minified", True, "minified"),
        ("generated", True, "generated"),
        ("vendored", True, "vendored"),
        ("encoded_data_fraction", 0.51, "encoded_data_fraction"),
        ("data_fraction", 0.76, "data_fraction"),
    ],
)
def test_hygiene_rules_and_their_exceptions_for_a_language(
    signal: str, value: object, rule: str
) -> None:
    off = parse(f"[{rule}.languages]\nJavaScript = {{ enabled = false }}", preset="hygiene")
    assert dropped_by(off, language="JavaScript", **{signal: value}) is None
    assert dropped_by(off, language="Python", **{signal: value}) == rule
    assert dropped_by(off, language=None, **{signal: value}) == rule
    assert dropped_by(off, kind="page", **{signal: value}) is None


@pytest.mark.parametrize("signal", ["generated", "vendored", "encoded_data_fraction"])
def test_a_hygiene_signal_that_is_unknown_drops_nothing(signal: str) -> None:
    assert dropped_by(parse("", preset="hygiene"), **{signal: None}) is None


@pytest.mark.parametrize(
    ("language", "signals", "rule"),
    [
        ("Python", {"mean_line_length": 100.1}, "mean_line_length"),
        ("Python", {"max_line_length": 1001}, "max_line_length"),
        ("XML", {"mean_line_length": 900.0, "max_line_length": 100_000}, None),
        ("XML", {"max_line_length": 100_001}, "max_line_length"),
        ("Python", {"alphabetic_fraction": 0.2}, "alphabetic_fraction"),
        ("WebAssembly", {"alphabetic_fraction": 0.2}, None),
        ("WebAssembly", {"alphanumeric_fraction": 0.2}, "alphanumeric_fraction"),
        ("Python", {"longest_encoded_run": 1025}, "longest_encoded_run"),
        ("JSON", {"num_lines": 513}, "data_language_lines"),
        ("Python", {"num_lines": 100_001}, "num_lines"),
        ("Python", {"generated": True}, "generated"),
        ("Python", {"vendored": True}, "vendored"),
    ],
)  # fmt: skip
def test_rules_of_starcoder_2(language: str, signals: dict[str, Any], rule: str | None) -> None:
    rules = parse("", preset="stack-v2")
    assert dropped_by(rules, language=language, **signals) == rule


def test_paper_list_has_338_languages() -> None:
    languages = next(rule for rule in parse("") if rule.name == "language").one_of
    assert languages is not None
    assert len(languages) == 338 + 1
    assert languages[-1] == "Markdown"


@pytest.mark.parametrize(
    ("toml", "where", "todo"),
    [
        ("x = 1", "rules.x", "Write [rules.x]."),
        ("[max_line_length]\nmx = 1", "rules.max_line_length.mx", "Did you mean 'max'?"),
        ("[q]\nsignal = 'starz'\nmin = 1", "rules.q.signal", "Did you mean 'stars'?"),
        ("[max_line_lengt]\nenabled = false", "rules.max_line_lengt", "mean 'max_line_length'?"),
        ("[q]\nsignal = 'stars'", "rules.q", "Set min or max."),
        ("[q]\nsignal = 'stars'\nequals = true", "rules.q.equals", "Set min or max."),
        ("[q]\nsignal = 'stars'\nmin = -1", "rules.q.min", "stars is 0.0 or more."),
        ("[alphabetic_fraction]\nmin = 25", "rules.alphabetic_fraction.min", "0.0 and 1.0"),
        ("[alphabetic_fraction]\nmin = nan", "rules.alphabetic_fraction.min", "0.0 and 1.0"),
        ("[max_line_length]\nmax = inf", "rules.max_line_length.max", "0.0 or more"),
        ("[q]\nsignal = 'stars'\nmin = 2\nmax = 1", "rules.q.min", "lower it"),
        ("[q]\nsignal = 'stars'\nmin = true", "rules.q.min", "of that type"),
        ("[q]\nsignal = 'stars'\nmin = 2020-01-01", "rules.q.min", "with a number"),
        ("[created_before]\nbefore = 1.5", "rules.created_before.before", "of that type"),
        ("[created_before]\nmin = 5", "rules.created_before.min", "2023-11-01"),
        ("[q]\nsignal = 'stars'\nmin = 1\nonly = ['Jave']", "rules.q.only", "'Java'?"),
        ("[q]\nsignal = 'language'\none_of = ['@paper']", "rules.q.one_of", "'paper-338'?"),
        ("[q]\nsignal = 'language'\nnone_of = ['html']", "rules.q.none_of", "'HTML'?"),
        ("[q]\nsignal = 'kind'\none_of = ['files']", "rules.q.one_of", "'file'?"),
        ("[language]\ncomponents = ['cod']", "rules.language.components", "'code'?"),
        ("[max_line_length.languages.Jav]\nmax = 1", "max_line_length.languages", "'Java'?"),
        ("[max_line_length.languages.Java]\nmx = 1", "languages.Java.mx", "'max'?"),
        ("[max_line_length.languages.Java]\nmax = -2", "languages.Java.max", "0.0 or more"),
        ("[max_line_length.languages.Java]\nequals = true", "languages.Java.equals", "min or max"),
        ("[xml_declaration.languages.XSLT]\nequals = true", "languages.XSLT", "`exclude`"),
    ],
)
def test_mistakes_name_the_key_and_the_nearest_name(toml: str, where: str, todo: str) -> None:
    with pytest.raises(GristmillError) as caught:
        parse(toml)
    assert caught.value.where.startswith("recipe.toml: ")
    assert caught.value.where.endswith(where)
    assert todo in caught.value.todo


def test_unknown_preset_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(GristmillError, match="Did you mean 'deepseek-coder-v2'"):
        parse("", preset="deepseek-coder-v3")


FRACTIONS = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])
LANGUAGES = st.sampled_from(["C", "HTML", "Python"])
CONFIDENCE = FRACTIONS.map(lambda value: float(np.float32(value)))
DATES = st.dates(date(2023, 10, 30), date(2023, 11, 3))
TIMES = st.datetimes(datetime(2023, 10, 30), datetime(2023, 11, 3), timezones=st.just(timezone.utc))
ROWS = st.fixed_dictionaries(
    {
        **{name: st.just(value) for name, value in GOOD.items()},
        "read_drop": st.none() | st.just("empty"),
        "component": st.sampled_from(["code", "text"]),
        "kind": st.sampled_from(["file", "page"]),
        "language": st.none() | LANGUAGES,
        "repository_created": st.none() | TIMES.map(lambda time: time.replace(microsecond=0)),
        "alphabetic_fraction": st.none() | FRACTIONS,
        "language_confidence": st.none() | CONFIDENCE.map(np.float32),
        "stars": st.none() | st.integers(0, 4),
        "xml_declaration": st.none() | st.booleans(),
        "encoding": st.none() | st.sampled_from(["utf-8", "gbk"]),
    }
)
CONDITIONS = st.one_of(
    st.fixed_dictionaries(
        {"signal": st.sampled_from(["alphabetic_fraction", "language_confidence"])},
        optional={"min": FRACTIONS, "max": FRACTIONS},
    ),
    st.fixed_dictionaries(
        {"signal": st.just("stars")},
        optional={"min": st.integers(0, 4).map(float), "max": st.integers(0, 4).map(float)},
    ),
    st.fixed_dictionaries(
        {"signal": st.just("repository_created")}, optional={"min": DATES, "before": DATES}
    ),
    st.fixed_dictionaries({"signal": st.just("xml_declaration"), "equals": st.booleans()}),
    st.fixed_dictionaries(
        {"signal": st.just("encoding")},
        optional={"one_of": st.just(("utf-8",)), "none_of": st.just(("gbk",))},
    ),
)
SCOPES = st.fixed_dictionaries(
    {},
    optional={
        "only": st.lists(LANGUAGES, max_size=2).map(tuple),
        "exclude": st.lists(LANGUAGES, max_size=2).map(tuple),
        "components": st.just(("code",)),
        "kinds": st.just(("file",)),
        "missing": st.just("drop"),
        "enabled": st.booleans(),
        "languages": st.dictionaries(
            LANGUAGES, st.builds(Override, enabled=st.none() | st.booleans()), max_size=2
        ),
    },
)


@settings(max_examples=250, deadline=None)
@given(st.lists(ROWS, max_size=5), st.lists(st.tuples(CONDITIONS, SCOPES), max_size=4))
def test_columns_decide_as_the_slow_twin(
    rows: list[dict[str, Any]], parts: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    rules = [Rule(name=f"r{i}", **what, **scope) for i, (what, scope) in enumerate(parts)]
    decided = decide(table_of(rows), rules).to_pylist()
    assert [(row["rule_hits"], row["dropped_by"]) for row in decided] == [
        decide_slow(row, rules) for row in rows
    ]
