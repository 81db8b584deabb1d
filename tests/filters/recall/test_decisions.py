"""The decisions file: written sorted, read strictly, merged by git, and checked for oddities."""

import subprocess
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.filters.recall.decisions import (
    AUTO,
    HEADER,
    Decision,
    combine,
    format_decisions,
    parse_decisions,
)
from gristmill.filters.recall.lint import lint_decisions
from gristmill.filters.recall.prefix_lookup import NONE, PrefixLookup, find_column
from gristmill.filters.recall.prefixes import PrefixSettings
from gristmill.filters.recall.proposals import automatic_decisions, propose_prefixes

BASE = Decision(
    target="math",
    host="site.org",
    prefix="/",
    scope="prefix",
    verdict="accept",
    who="ann",
    date="2026-11-23",
    iteration=1,
    pages=10,
    collected=9,
    lower=0.6,
    upper=0.98,
    note="all of it",
)


def changed(**fields: str | int | float) -> Decision:
    return msgspec.structs.replace(BASE, **fields)


def messages(*decisions: Decision) -> list[str]:
    return [one.message for one in lint_decisions(decisions, ["site.org"])]


def test_a_file_is_sorted_and_survives_reading() -> None:
    rows = [changed(host="b.org", lower=0.25), changed(prefix="/x/", scope="page"), BASE]
    text = format_decisions(rows)
    assert text.splitlines()[0] == HEADER
    assert parse_decisions(text, "decisions.tsv") == sorted(rows)
    assert format_decisions(reversed(rows)) == text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("accept", "maybe", "line 2: verdict is 'maybe', not one of accept, reject, hold"),
        ("prefix\taccept", "host\taccept", "scope is 'host'"),
        ("\t/\t", "\tx/\t", "does not begin with /"),
        ("\t/\t", "\t/x\t", "end in / or ?"),
        ("2026-11-23", "2026-13-23", "is not a day"),
        ("2026-11-23", "20261123", "is not a day"),
        ("\t10\t", "\tten\t", "Expected `int`"),
        ("\t10\t", "\t8\t", "more pages are collected"),
        ("0.9800", "nan", "does not lie in 0 to 1"),
        ("\tall of it", "", "there are 12 columns, not 13"),
        ("ann", "", "target, host or who is empty"),
        ("math", "<<<<<<< HEAD", "a merge was left unresolved"),
    ],
)
def test_a_bad_line_is_named(old: str, new: str, message: str) -> None:
    head, line = format_decisions([BASE]).splitlines()
    assert old in line
    with pytest.raises(GristmillError) as caught:
        parse_decisions(f"{head}\n{line.replace(old, new, 1)}\n", "decisions.tsv")
    assert message in str(caught.value)
    assert str(caught.value).startswith("decisions.tsv: line 2")


@pytest.mark.parametrize("text", ["", "host\tprefix\n", "\n"])
def test_a_file_without_its_columns_is_refused(text: str) -> None:
    with pytest.raises(GristmillError, match="does not name the columns"):
        parse_decisions(text, "decisions.tsv")


def test_a_prefix_that_is_decided_twice_is_refused() -> None:
    text = format_decisions([BASE])
    again = text + format_decisions([changed(verdict="reject")]).splitlines()[1]
    with pytest.raises(GristmillError, match=r"line 3 decides site.org / prefix of math again"):
        parse_decisions(again, "decisions.tsv")
    with pytest.raises(GristmillError, match="again"):
        format_decisions([BASE, changed(verdict="hold")])


def test_many_problems_are_shown_in_part() -> None:
    with pytest.raises(GristmillError, match="and 4 more"):
        parse_decisions(f"{HEADER}\n" + "x\n" * 9, "decisions.tsv")


def test_a_field_with_a_tab_cannot_be_written() -> None:
    with pytest.raises(GristmillError, match="note holds a tab"):
        format_decisions([changed(note="a\tb")])


def test_windows_line_ends_and_blank_lines_are_read() -> None:
    text = "\ufeff" + format_decisions([BASE]).replace("\n", "\r\n") + "\r\n"
    assert parse_decisions(text, "decisions.tsv") == [BASE]


def test_decisions_of_people_outlast_automatic_ones() -> None:
    written = [BASE, changed(prefix="/old/", who=AUTO)]
    proposed = [changed(who=AUTO, verdict="reject"), changed(prefix="/new/", who=AUTO)]
    assert combine(written, proposed) == [BASE, changed(prefix="/new/", who=AUTO)]


def test_git_merges_what_two_people_decided(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=ann", "-c", "user.email=ann@site.org"]
        subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True
        )

    def commit(*rows: Decision) -> None:
        (tmp_path / "decisions.tsv").write_text(format_decisions(rows))
        git("add", ".")
        git("commit", "-m", "Decide")

    common = [changed(prefix=f"/{name}/") for name in "adgkp"]
    mine, theirs = changed(prefix="/b/", who="bob"), changed(prefix="/m/", who="eve")
    git("init", "-b", "main")
    commit(*common)
    git("checkout", "-b", "other")
    commit(*common, theirs)
    git("checkout", "main")
    commit(*common, mine)
    git("merge", "other")
    merged = (tmp_path / "decisions.tsv").read_text()
    assert merged == format_decisions([*common, mine, theirs])


def test_odd_decisions_are_found() -> None:
    assert messages(BASE, changed(prefix="/x/", verdict="reject")) == []
    assert messages(changed(host="gone.org")) == ["no page of the pool has this host"]
    assert "/ has the same verdict" in messages(BASE, changed(prefix="/x/y/"))[0]
    assert (
        "/x/ has the same"
        in messages(changed(prefix="/x/"), changed(prefix="/x/", scope="page"))[0]
    )
    assert "at most 5%" in messages(changed(upper=0.05))[0]
    assert "at least 95%" in messages(changed(verdict="reject", lower=0.95))[0]


def test_a_verdict_that_differs_in_between_shadows_nothing() -> None:
    assert not messages(BASE, changed(prefix="/x/", verdict="hold"), changed(prefix="/x/y/"))
    assert not messages(BASE, changed(prefix="/x/", target="code"))


@pytest.mark.parametrize(
    ("path", "has_query", "expected"),
    [
        ("/x/y/page", False, "deep"),
        ("/x/page", False, "page"),
        ("/x/z/page", False, "shallow"),
        ("/x/y.php", True, "script"),
        ("/x/y.php", False, "page"),
        ("/other", False, None),
    ],
)
def test_the_deepest_prefix_decides(path: str, *, has_query: bool, expected: str | None) -> None:
    lookup = PrefixLookup(
        [
            ("site.org", "/x/", "prefix", "shallow"),
            ("site.org", "/x/", "page", "page"),
            ("site.org", "/x/y/", "prefix", "deep"),
            ("site.org", "/x/y.php?", "prefix", "script"),
        ]
    )
    assert lookup.find("site.org", path, has_query=has_query) == expected
    assert lookup.find("else.org", path, has_query=has_query) is None


def pages(*rows: tuple[str, str, bool]) -> pa.Table:
    hosts, paths, collected = zip(*rows, strict=True)
    return pa.table(
        {
            "id": pa.array([i.to_bytes(16, "big") for i in range(len(rows))], pa.binary(16)),
            "url": [f"https://{host}{path}" for host, path, _ in rows],
            "host": pa.array(hosts, pa.string()),
            "path": paths,
            "has_query": [False] * len(rows),
            "collected": collected,
            "num_tokens": pa.array([7] * len(rows), pa.int64()),
            "formulas": pa.array([2, None] * (len(rows) // 2), pa.int32()),
            "code_lines": pa.array([3] * len(rows), pa.int32()),
        }
    )


POOL = pages(
    *[("a.org", f"/yes/{i}", i > 1) for i in range(40)],
    *[("a.org", f"/no/{i}", i == 0) for i in range(40)],
    *[("b.org", f"/{i}", i % 2 == 0) for i in range(10)],
    *[("c.org", f"/{i}", True) for i in range(10)],
)


def test_pages_find_their_values_in_a_column() -> None:
    lookup = PrefixLookup([("a.org", "/yes/", "prefix", 3), ("b.org", "/", "prefix", 0)])
    found = find_column(lookup, POOL).tolist()
    assert found == [3] * 40 + [NONE] * 40 + [0] * 10 + [NONE] * 10


def test_proposals_carry_their_evidence() -> None:
    found = propose_prefixes(POOL, ["b.org", "a.org"], PrefixSettings())
    assert [(row["host"], row["prefix"], row["proposal"]) for row in found.to_pylist()] == [
        ("a.org", "/no/", "reject"),
        ("a.org", "/yes/", "accept"),
        ("b.org", "/", "review"),
    ]
    assert found["new_tokens"].to_pylist() == [39 * 7, 2 * 7, 5 * 7]
    assert found["formulas"].to_pylist() == [40, 40, 10]
    assert found["code_lines"].to_pylist() == [40 * 3, 40 * 3, 10 * 3]
    samples = found["samples"].to_pylist()[1]
    assert set(samples[:2]) == {"https://a.org/yes/0", "https://a.org/yes/1"}
    assert len(set(samples)) == 5


def test_proposals_do_not_depend_on_the_order_of_pages() -> None:
    backwards = POOL.take(list(range(len(POOL)))[::-1])
    hosts = ["a.org", "b.org"]
    expected = propose_prefixes(POOL, hosts, PrefixSettings())
    assert propose_prefixes(backwards, hosts, PrefixSettings()).equals(expected)


def test_no_host_in_topic_gives_no_proposal() -> None:
    assert len(propose_prefixes(POOL, [], PrefixSettings())) == 0


def test_what_is_for_review_is_not_decided() -> None:
    proposals = propose_prefixes(POOL, ["a.org", "b.org"], PrefixSettings())
    rows = automatic_decisions(proposals, target="math", iteration=2)
    assert [(row.prefix, row.verdict, row.who) for row in rows] == [
        ("/no/", "reject", AUTO),
        ("/yes/", "accept", AUTO),
    ]
    text = format_decisions(rows)
    assert [row.key for row in parse_decisions(text, "x")] == [row.key for row in rows]
