"""Hosts, registered domains, their counts and intervals."""

import numpy as np
import pyarrow as pa
import pytest

from gristmill.filters.recall.domains import (
    DomainSettings,
    domain_table,
    in_topic,
    merge_domains,
    registered_domain,
    suffix_list_digest,
    url_parts,
)
from gristmill.filters.recall.intervals import wilson, wilson_interval


def parts(url: str | None) -> tuple[str | None, str | None, bool | None]:
    row = url_parts(pa.chunked_array([pa.array([url], pa.string())])).to_pylist()[0]
    return row["host"], row["path"], row["has_query"]


def table(*rows: tuple[str | None, bool, int]) -> pa.Table:
    hosts, collected, tokens = zip(*rows, strict=True)
    column = pa.chunked_array([pa.array(hosts, pa.string())])
    return domain_table(column, np.array(collected), np.array(tokens, dtype=np.int64))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.Example.co.uk:80/a/b?x=/c#d", ("example.co.uk", "/a/b", True)),
        ("http://user:word@site.org", ("site.org", "/", False)),
        ("http://site.org?x", ("site.org", "/", True)),
        ("http://site.org#/x", ("site.org", "/", False)),
        ("https://[2001:db8::1]:8443/x", ("[2001:db8::1]", "/x", False)),
        ("http://www.com/", ("www.com", "/", False)),
        ("https://www.www.site.org./x", ("site.org", "/x", False)),
        ("mailto:someone@site.org", (None, None, None)),
        ("http:///x", (None, None, None)),
        (None, (None, None, None)),
    ],
)
def test_a_url_has_a_host_and_a_path(
    url: str | None, expected: tuple[str | None, str | None, bool | None]
) -> None:
    assert parts(url) == expected


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("docs.python.org", "python.org"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("user.github.io", "user.github.io"),
        ("docs.sympy.test", "sympy.test"),
        ("192.168.0.1", "192.168.0.1"),
        ("[::1]", "[::1]"),
        ("localhost", "localhost"),
        ("owner/name.config.js", "owner"),
        ("co.uk", "co.uk"),
    ],
)
def test_a_registered_domain_lies_below_the_public_suffix(host: str, domain: str) -> None:
    assert registered_domain(host) == domain


def test_the_digest_names_the_release_of_the_list() -> None:
    assert suffix_list_digest().startswith("publicsuffixlist 1.")


def test_each_host_has_its_counts() -> None:
    found = table(("b.org", True, 5), ("a.org", False, 7), ("b.org", False, 1), (None, True, 9))
    assert found["host"].to_pylist() == ["a.org", "b.org"]
    assert found["num_pages"].to_pylist() == [1, 2]
    assert found["num_collected"].to_pylist() == [0, 1]
    assert found["num_tokens"].to_pylist() == [7, 6]
    assert found["num_collected_tokens"].to_pylist() == [0, 5]
    assert found["collected_fraction"].to_pylist() == [0, 0.5]


def test_tables_of_parts_merge_to_that_of_the_whole() -> None:
    rows = [("a.org", True, 1), ("b.org", False, 2), ("a.org", False, 3), ("c.org", True, 4)]
    merged = merge_domains([table(*rows[2:]), table(*rows[:2])])
    assert merged.equals(table(*rows))


def test_a_host_is_in_topic_by_the_lower_bound_of_its_share() -> None:
    rows = [("yes.org", i < 10, 1) for i in range(40)] + [("no.org", i < 5, 1) for i in range(40)]
    rows += [("tiny.org", True, 1)] * 7
    assert in_topic(table(*rows), DomainSettings()).to_pylist() == [False, False, True]


def test_small_hosts_of_a_domain_in_topic_are_in_topic() -> None:
    rows = [(f"{i}.maths.org", True, 1) for i in range(9)]
    rows += [("blog.maths.org", False, 1)] * 20
    hosts = table(*rows)
    chosen = in_topic(hosts, DomainSettings()).to_pylist()
    assert chosen == [host != "blog.maths.org" for host in hosts["host"].to_pylist()]


def test_the_interval_is_wilsons() -> None:
    lower, upper = wilson(92, 95)  # by R: prop.test(92, 95, correct = FALSE)
    assert lower == pytest.approx(0.9112290, abs=1e-6)
    assert upper == pytest.approx(0.9892029, abs=1e-6)


def test_intervals_end_where_shares_do() -> None:
    lower, upper = wilson_interval(np.array([0, 5, 0]), np.array([5, 5, 0]))
    assert lower.tolist()[::2] == [0, 0]
    assert upper.tolist()[1:] == [1, 1]
    assert lower[1] > 0.5 > upper[0]
