import re
from pathlib import Path

import pytest
import regex
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters import ruby_patterns
from gristmill.filters.linear import linear_pattern, utf8
from gristmill.filters.ruby_patterns import REWRITTEN, translate_pattern

SOURCES = Path(ruby_patterns.__file__).parent / "data" / "linguist"


def matches(ruby: str, text: str) -> bool:
    return linear_pattern(translate_pattern(ruby)).search(utf8(text)) is not None


def patterns_of(value: object, *, inside: bool = False) -> list[str]:
    """Return the patterns of a rule file, wherever in it they stand."""
    if isinstance(value, dict):
        kinds = ("pattern", "negative_pattern", "named_patterns")
        items = [(item, inside or key in kinds) for key, item in value.items()]
        return [p for item, within in items for p in patterns_of(item, inside=within)]
    if isinstance(value, list):
        return [p for item in value for p in patterns_of(item, inside=inside)]
    return [str(value)] if inside else []


RUBY = sorted(
    {
        pattern
        for name in ("heuristics.yml", "rules.yml")
        for pattern in patterns_of(yaml.safe_load((SOURCES / name).read_text(encoding="utf-8")))
    }
)
VIM, IP, BLOCKER, POD, SMARTY = (
    next(pattern for pattern in REWRITTEN if part in pattern)
    for part in ("syntax", "ipv4", "uard", "comment|", r"(?<!\{")
)


def oracle(ruby: str) -> "regex.Pattern[str]":
    """Compile a Ruby pattern with lookaround, possessive groups and calls, as Ruby reads it."""
    syntax = {"(?-m)": "", "(?m)": "(?s)", "(?im)": "(?is)", r"\z": r"\Z"}
    for theirs, spelling in syntax.items():
        ruby = ruby.replace(theirs, spelling)
    ruby = re.sub(r"\\g<(\w+)>", r"(?&\1)", ruby)
    return regex.compile(ruby, regex.VERSION1 | regex.MULTILINE | regex.ASCII)


@pytest.mark.parametrize(
    ("ruby", "ours"),
    [
        (r"(?im)^\s*btst\b", r"(?is)^[\s\v]*btst\b"),
        (r"(?-m)^[ \t]*using", r"^[ \t]*using"),
        (r"\A\z", r"\A\z"),
        (r"\S[^\s:]", r"[^\s\v][^\s\v:]"),
        (r"[\s\S]", r"[\s\S]"),
        (r"[\S]", r"[^\s\v]"),
        (r"[^\S\n]", r"[^\x00-\x08\x0e-\x1f!-\x{10FFFF}\n]"),
        (r"[]\]s][s]", r"[]\]s][s]"),
        (r"\\s[\\s\\\s]", r"\\s[\\s\\\s\v]"),
    ],
)
def test_what_ruby_writes_otherwise_is_translated(ruby: str, ours: str) -> None:
    assert translate_pattern(ruby) == ours


@pytest.mark.parametrize(
    "ruby",
    [
        *(r"a(?=b)", r"a(?!b)", r"(?<=a)b", r"(?<!a)b", r"(?>a)", r"(?<n>a)\g<n>", r"(?x)a"),
        *(r"(a)\1", r"a*+", r"a++", r"a?+", r"a{2}+", r"\h", r"\R", r"\Ga", r"a\Kb", r"\p{L}"),
        *(r"[a&&b]", r"[[a]b]", r"[x[:alpha:]]", r"a(?i)b|c", r"\Z"),
    ],
)
def test_what_re2_lacks_or_reads_otherwise_is_refused(ruby: str) -> None:
    with pytest.raises(ValueError, match="of Ruby in"):
        translate_pattern(ruby)


def test_every_rewritten_pattern_is_one_of_linguists() -> None:
    assert set(REWRITTEN) <= set(RUBY)
    assert len(RUBY) > 450


PIECES = [" ", "\t", "\n", "\n\n  ", "\r\n", "\v", "\f", "-", ".", "_", "x", "A", "7", "\u00e9"]


@given(st.sampled_from(RUBY), st.data())
@settings(max_examples=250, deadline=None)
def test_every_pattern_matches_where_rubys_does(ruby: str, data: st.DataObject) -> None:
    words = [*regex.findall(r"[A-Za-z]+|[^\w\s]", ruby), *PIECES]
    text = "".join(data.draw(st.lists(st.sampled_from(words), max_size=30)))
    assert matches(ruby, text) == bool(oracle(ruby).search(text))


def joined(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map("".join)


def any_of(*words: str, most: int = 12) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(words), max_size=most).map("".join)


SETTING = any_of(" ", "\t", ":", "=", "x", "\\", "set", "se", "s", "ft", "\r", "\v", "\n", "\\:")
MODELINE = joined(
    st.sampled_from(["", " ", "\t", "x", "\n"]),
    st.sampled_from(["vi", "vim", "Vi", "Vim", "vim7", "Vim<70", "vim=1", "ex", "vim>"]),
    st.sampled_from([":", ": ", ":set ", ": se ", ":set", "", " :", ":s ", ":setx ", ":set=", ":"]),
    SETTING,
    st.sampled_from([" ft=help", ":filetype =help", "syntax=help", " ft= help", "ft=help"]),
    st.sampled_from(["", ":", " ", " :", "\n", "\n:", "\r:", "x", " x:", "\t\v:", " \r:", ":x"]),
    SETTING,
)
HOSTS = joined(
    any_of("\n", " ", "x", ".", "1.", most=2),
    st.sampled_from(["1.2.3.4", "255.0.10.199", "1.2.3", "256.1.1.1", "1.2.3.4.5", "01.2.3.4"]),
    any_of(
        "/", "8", "/32", "/33", " ", "\t", "a", "b-", "-", ".", ".c", "_", "\n", "\v", "!", "\r"
    ),
)
BLOCK_LIST = joined(
    st.sampled_from(["[", " [", "\n[", ""]),
    any_of(
        *("Adblock", "adBlock", " Plus", "\tplus", "uBlock", " Origin", "AdGuard", "ublock", " 1"),
        *(".2", " ", ";", "; ", " ; ", ";  ", "]", ".", "[", " 10.20.3"),
        most=9,
    ),
    st.sampled_from(["]", "", "] x", " ]"]),
)
POD_LINE = joined(
    any_of("\n", "\r", "\t", "\v", "\f", " ", "x", "&"),
    any_of("=", "comment", "begin ", "pod", "para", "item", "3", " ", "&", "]"),
)
TEMPLATE = any_of("{", "{", "{", "*", " ", "\n", "\v", "$", "/", "a", "}", "\\", "\u00e9")
GRAMMARS = [
    (VIM, MODELINE),
    (IP, HOSTS),
    (BLOCKER, BLOCK_LIST),
    (POD, POD_LINE),
    (SMARTY, TEMPLATE),
]


@pytest.mark.parametrize(("ruby", "texts"), GRAMMARS, ids=["vim", "ip", "blocker", "pod", "smarty"])
@given(data=st.data())
@settings(max_examples=120, deadline=None)
def test_rewritten_pattern_matches_where_rubys_does(
    ruby: str, texts: st.SearchStrategy[str], data: st.DataObject
) -> None:
    text = data.draw(texts)
    assert matches(ruby, text) == bool(oracle(ruby).search(text))


@pytest.mark.parametrize(
    ("ruby", "text", "found"),
    [
        (VIM, "*a.txt*\n vim:tw=78:ts=8:ft=help:norl:\n", True),
        (VIM, " vim: set ft=help tw=78:\n", True),
        (VIM, " vim: set ft=help tw=78\n", False),  # `set` needs a colon at its end
        (VIM, " vim: se noet:ft=help", True),
        (VIM, " Vim7: ft=help", True),
        (VIM, " Vi: ft=help", False),
        (VIM, "\tex:syntax=help:", True),
        (VIM, "vim:ft=helpful", False),
        (IP, "127.0.0.1 localhost my-host.example.org\n", True),
        (IP, "10.0.0.0/8\n", True),
        (IP, "127.0.0.1 host- x\n", False),
        (IP, "127.0.0.1 host # comment\n", True),
        (IP, "127.0.0.1 host!\n", False),
        (IP, "1.2.3.4.5\n", False),
        (IP, ".1.2.3.4\n", False),
        (BLOCKER, "[Adblock Plus 2.0]\n! Title: a\n", True),
        (BLOCKER, "[uBlock Origin; AdGuard 1.2.3]", True),
        (BLOCKER, "[Adblock Pro]\n", False),
        (BLOCKER, "\n[Adblock]\n", False),
        (POD, "\t =begin pod\n", True),
        (POD, "x =begin pod\n", False),
        (SMARTY, "<a>{$x}</a>", True),
        (SMARTY, "{{if}}", False),
        (SMARTY, "{", False),
    ],
)
def test_rewritten_pattern_knows_its_files(ruby: str, text: str, *, found: bool) -> None:
    assert matches(ruby, text) == found
    assert bool(oracle(ruby).search(text)) == found
