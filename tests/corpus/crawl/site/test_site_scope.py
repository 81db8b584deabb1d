"""A crawl keeps to what its seeds name, and out of traps."""

import pytest

from gristmill.corpus.crawl.site.scope import OutOfScope, Scope, ScopeSettings
from gristmill.corpus.errors import GristmillError

DOCS = "https://docs.example/docs/stable/"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (DOCS, None),
        (DOCS + "nn/module.html", None),
        ("http://docs.example/docs/stable/a", None),
        (DOCS + "a?b=1", None),
        ("https://docs.example/docs/", "outside"),
        ("https://docs.example/docs/stablest/", "outside"),
        ("https://docs.example:8443/docs/stable/", "outside"),
        ("https://www.docs.example/docs/stable/", "outside"),
        ("https://docs.example.evil/docs/stable/", "outside"),
        ("https://a@docs.example/docs/stable/", "user"),
        ("ftp://docs.example/docs/stable/", "no_url"),
        ("HTTPS://docs.example/docs/stable/", "no_url"),
        (DOCS + "logo.PNG", "file_type"),
        (DOCS + ".gz", None),
        (DOCS + "x" * 2000, "long_url"),
        (DOCS + "?" + "&".join("abcdefgh"), None),
        (DOCS + "?" + "&".join("abcdefghi"), "many_parameters"),
        (DOCS + "a/b/" * 3, None),
        (DOCS + "a/b/" * 4, "repeated_segments"),
        (DOCS + "/".join(map(str, range(29))), "deep_path"),
    ],
)
def test_a_url_belongs_below_the_folder_of_a_seed(url: str, expected: OutOfScope | None) -> None:
    assert Scope([DOCS]).refusal(url) == expected


@pytest.mark.parametrize(
    ("seed", "inside", "outside"),
    [
        ("http://a.example", "/x", None),
        ("http://a.example/d/index.html", "/d/x", "/e"),
        ("http://a.example/d", "/d/x", "/dx"),
        ("http://a.example/d?page=1", "/d?page=2", "/e"),
    ],
)
def test_the_last_segment_of_a_seed_is_a_folder_unless_it_has_a_dot(
    seed: str, inside: str, outside: str | None
) -> None:
    scope = Scope([seed])
    assert scope.refusal("http://a.example" + inside) is None
    assert outside is None or scope.refusal("http://a.example" + outside) == "outside"


def test_seeds_are_put_into_the_form_in_which_they_are_fetched() -> None:
    assert Scope(["HTTP://A.example:80/b/../c#d"]).seeds == ("http://a.example/c",)


def test_include_widens_what_belongs() -> None:
    scope = Scope([DOCS], ScopeSettings(include=(r"^https://api\.example/v\d/",)))
    assert scope.refusal("https://api.example/v2/x") is None
    assert scope.refusal(DOCS + "x") is None
    assert scope.refusal("https://api.example/x") == "outside"


def test_exclude_wins_over_seeds_and_include() -> None:
    scope = Scope([DOCS], ScopeSettings(include=("stable",), exclude=("/_modules/", "stable/$")))
    assert scope.refusal(DOCS + "x") is None
    assert scope.refusal(DOCS + "_modules/x") == "excluded"
    assert scope.refusal(DOCS) == "excluded"


def test_a_page_too_many_links_away_does_not_belong() -> None:
    scope = Scope([DOCS], ScopeSettings(max_depth=2))
    assert scope.refusal(DOCS + "x", depth=2) is None
    assert scope.refusal(DOCS + "x", depth=3) == "depth"


def test_every_bound_can_be_set() -> None:
    settings = ScopeSettings(
        max_url_characters=60,
        max_parameters=1,
        max_segments=4,
        max_repeated_segments=1,
        skipped_types=("md",),
    )
    scope = Scope([DOCS], settings)
    assert scope.refusal(DOCS + "x" * 30) == "long_url"
    assert scope.refusal(DOCS + "?a&b") == "many_parameters"
    assert scope.refusal(DOCS + "a/b/c") == "deep_path"
    assert scope.refusal(DOCS + "docs") == "repeated_segments"
    assert [scope.refusal(DOCS + name) for name in ("a.md", "a.png")] == ["file_type", None]


@pytest.mark.parametrize("seed", ["docs.example", "file:///etc/passwd", "https://a:b@c.example/"])
def test_a_seed_that_is_no_web_page_is_the_users_mistake(seed: str) -> None:
    with pytest.raises(GristmillError, match="no address"):
        Scope([seed], where="crawl.site docs")


def test_a_wrong_pattern_is_named_with_its_place() -> None:
    with pytest.raises(GristmillError, match=r"docs\.exclude: the pattern '\(' is wrong"):
        Scope([DOCS], ScopeSettings(exclude=("(",)), where="docs")
