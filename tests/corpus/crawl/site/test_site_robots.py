"""robots.txt means what RFC 9309 says, also where the library behind it is more generous."""

import pytest

from gristmill.corpus.crawl.site.robots import (
    CACHE_SECONDS,
    GIVE_UP_SECONDS,
    MAX_BODY_BYTES,
    RobotsAnswer,
    read_robots,
    robots_url,
)

SITE = "http://a.example"


def robots(text: str | bytes, agent: str = "gristmill") -> RobotsAnswer:
    return read_robots(200, text.encode() if isinstance(text, str) else text, agent=agent)


def allows(text: str | bytes, path: str, agent: str = "gristmill") -> bool:
    return robots(text, agent).allows(SITE + path)


RFC_GROUPS = """User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot
"""


@pytest.mark.parametrize(
    ("agent", "path", "is_allowed"),
    [  # RFC 9309, section 5.1
        ("gristmill", "/example/x", False),
        ("gristmill", "/pictures/x.gif", False),
        ("gristmill", "/pictures/x.gif?size=1", True),
        ("gristmill", "/publications/x", True),
        ("FooBot", "/example/page.html", True),
        ("FooBot", "/example/allowed.gif", True),
        ("FooBot", "/other", False),
        ("barbot", "/example/page.html", False),
        ("BAZBOT", "/example/page.html", False),
        ("bazbot", "/example/x.gif", True),
        ("quxbot", "/example/", True),
    ],
)
def test_the_example_of_the_rfc_is_obeyed(agent: str, path: str, is_allowed: bool) -> None:  # noqa: FBT001
    assert allows(RFC_GROUPS, path, agent) is is_allowed


@pytest.mark.parametrize(
    ("rules", "path", "is_allowed"),
    [
        # RFC 9309, section 5.2
        ("Allow: /example/page/\nDisallow: /example/page/disallowed.gif", "/example/page/x", True),
        (
            "Allow: /example/page/\nDisallow: /example/page/disallowed.gif",
            "/example/page/disallowed.gif",
            False,
        ),
        # Google's documented cases of path matching and precedence
        ("Disallow: /fish", "/fish.html", False),
        ("Disallow: /fish", "/fishheads/yummy.html", False),
        ("Disallow: /fish", "/Fish.asp", True),
        ("Disallow: /fish", "/catfish", True),
        ("Disallow: /fish*", "/fish.php?id=anything", False),
        ("Disallow: /fish/", "/fish", True),
        ("Disallow: /fish/", "/fish/?id=anything", False),
        ("Disallow: /*.php", "/folder/filename.php?parameters", False),
        ("Disallow: /*.php", "/windows.PHP", True),
        ("Disallow: /*.php$", "/filename.php", False),
        ("Disallow: /*.php$", "/filename.php/", True),
        ("Disallow: /*.php$", "/filename.php5", True),
        ("Disallow: /fish*.php", "/fishheads/catfish.php?parameters", False),
        ("Disallow: /fish*.php", "/Fish.PHP", True),
        ("Allow: /p\nDisallow: /", "/page", True),
        ("Allow: /folder\nDisallow: /folder", "/folder/page", True),
        ("Allow: /page\nDisallow: /*.htm", "/page.htm", False),
        ("Allow: /page\nDisallow: /*.ph", "/page.php5", True),
        ("Allow: /$\nDisallow: /", "/", True),
        ("Allow: /$\nDisallow: /", "/page.htm", False),
        ("Disallow: /", "/robots.txt", True),
        # RFC 9309, section 2.2.2: percent-encoding
        ("Disallow: /foo/bar?baz=quz", "/foo/bar?baz=quz", False),
        ("Disallow: /foo/bar?baz=http%3A%2F%2Ffoo.bar", "/foo/bar?baz=http%3A%2F%2Ffoo.bar", False),
        ("Disallow: /foo/bar/\u30c4", "/foo/bar/%E3%83%84", False),
        ("Disallow: /foo/bar/%E3%83%84", "/foo/bar/%E3%83%84", False),
        ("Disallow: /foo/bar/%62%61%7A", "/foo/bar/baz", False),
        ("Disallow: /a%2fb", "/a/b", True),
        ("Disallow: /path/file-with-a-%2A.html", "/path/file-with-a-*.html", False),
        ("Disallow: /path/file-with-a-%2A.html", "/path/file-with-a-b.html", True),
        ("Disallow: /path/foo-%24", "/path/foo-$", False),
        ("Disallow: /path/foo-%24", "/path/foo-", True),
        # "$" is an anchor and nothing else
        ("Allow: /p$\nDisallow: /", "/p$x", False),
        ("Disallow: /a$b", "/a$b", False),
        ("Disallow: /a$b", "/a", True),
        ("Disallow:", "/x", True),
        ("Disallow: /a # why\n", "/a", False),
        ("disallow : /a", "/a", False),
        ("Disallow: *", "/x", False),
    ],
)
def test_the_longest_pattern_decides(rules: str, path: str, is_allowed: bool) -> None:  # noqa: FBT001
    assert allows(f"User-agent: *\n{rules}", path) is is_allowed


@pytest.mark.parametrize(
    "text",
    [
        "User-agent: gristmill\nDisallow: /a\n\nUser-agent: *\nDisallow: /b\n"
        "User-agent: GristMill\nDisallow: /c",  # groups of one name are merged
        "User-agent: gristmill/1.0\nDisallow: /a\nDisallow: /c",
        "User-agent: gristmill\nCrawl-delay: 3\nUser-agent: other\nDisallow: /a\nDisallow: /c",
        "User-agent: gristmill\nNoindex: /z\nUser-agent: other\nDisallow: /a\nDisallow: /c",
        "Disallow: /b\nUser-agent: gristmill\nSitemap: http://a/s\nDisallow: /a\nDisallow: /c",
        "\ufeffUser-agent: gristmill\rDisallow: /a\r\nDisallow: /c",
    ],
)
def test_the_group_with_the_crawlers_name_is_the_one(text: str) -> None:
    assert [allows(text, path) for path in ("/a", "/b", "/c")] == [False, True, False]


@pytest.mark.parametrize("name", ["grist", "gristmillbot", "mill", "grist-mill", "bot gristmill"])
def test_a_group_of_another_name_is_not_obeyed(name: str) -> None:
    assert allows(f"User-agent: {name}\nDisallow: /", "/a")


def test_the_group_of_every_crawler_counts_only_where_none_has_the_name() -> None:
    text = "User-agent: *\nDisallow: /\nUser-agent: gristmill\nAllow: /a"
    assert allows(text, "/b")
    assert not allows(text, "/b", "other")


def test_only_line_feeds_and_carriage_returns_end_a_line() -> None:
    assert allows("User-agent: *\nDisallow: /a\x0cDisallow: /b\u2028Disallow: /c", "/b")


def test_bytes_that_are_no_utf8_match_their_escapes() -> None:
    assert not allows(b"User-agent: *\nDisallow: /caf\xe9", "/caf%E9")


def test_a_page_in_place_of_rules_allows_all() -> None:
    assert allows("<html><body>Not found: sorry</body></html>", "/a")


def test_what_stands_beyond_500_kib_is_not_read_and_its_last_line_is_left_out() -> None:
    head = b"User-agent: *\nDisallow: /x\n"
    rule = b"Disallow: /abc"
    padding = b"#" * (MAX_BODY_BYTES - len(head) - len(rule)) + b"\n"
    answer = robots(head + padding + rule + b"/d\nDisallow: /y\n")
    assert answer.is_cut
    assert [answer.allows(SITE + path) for path in ("/x", "/abc/d", "/y")] == [False, True, True]


def test_a_crawl_delay_is_read_from_the_crawlers_group() -> None:
    text = "User-agent: *\nCrawl-delay: 9\nUser-agent: gristmill\nCrawl-delay: 2.5"
    assert robots(text).crawl_delay_seconds == 2.5
    assert robots(text, "other").crawl_delay_seconds == 9
    assert robots("User-agent: *\nCrawl-delay: soon").crawl_delay_seconds is None


def test_sitemaps_are_listed_wherever_they_stand() -> None:
    text = "Sitemap: http://a/1#part\nUser-agent: x\nSITEMAP: http://a/2\nDisallow: /"
    assert robots(text).sitemaps == ("http://a/1", "http://a/2")


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410, 451])
def test_where_there_is_no_file_all_is_allowed(status: int) -> None:
    answer = read_robots(status, b"User-agent: *\nDisallow: /", agent="gristmill")
    assert (answer.state, answer.allows(SITE + "/a")) == ("absent", True)


@pytest.mark.parametrize("status", [None, 429, 500, 503])
def test_where_the_host_cannot_say_nothing_is_allowed_for_30_days(status: int | None) -> None:
    answer = read_robots(status, b"", agent="gristmill")
    assert (answer.state, answer.allows(SITE + "/a")) == ("unreachable", False)
    later = read_robots(status, b"", agent="gristmill", unreachable_seconds=GIVE_UP_SECONDS)
    assert (later.state, later.allows(SITE + "/a")) == ("given_up", True)


def test_an_answer_holds_for_a_day_and_a_failure_for_less() -> None:
    assert robots("").use_seconds == CACHE_SECONDS == 86400
    assert read_robots(None, b"", agent="gristmill").use_seconds < CACHE_SECONDS


@pytest.mark.parametrize("rest", ["", "/", "/p/q?r=/s", "?q", "#f"])
def test_the_file_lies_at_the_root_of_scheme_host_and_port(rest: str) -> None:
    assert robots_url(f"https://a.example:8443{rest}") == "https://a.example:8443/robots.txt"
