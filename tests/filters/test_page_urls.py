"""What addresses say: forms, lists and accounts of the software that many sites run."""

import pytest

from gristmill.filters.page_urls import is_spam_host, url_role


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("/wp-login.php?redirect_to=x", "login"),
        ("/ucp.php?mode=register", "login"),
        ("/account/sign-in", "login"),
        ("/users/12345/ada", "profile"),
        ("/memberlist.php?mode=viewprofile&u=3", "profile"),
        ("/wiki/User:Ada", "profile"),
        ("/profile/ada/", "profile"),
        ("/search?q=group+theory", "search"),
        ("/?s=limit", "search"),
        ("/en/latest/search.html?q=x", "search"),
        ("/questions/tagged/topology", "tag"),
        ("/category/algebra/page/3/", "tag"),
        ("/blog/tag/python", "tag"),
        ("/w/index.php?title=Group&action=edit", "edit"),
        ("/posting.php?mode=reply&t=9", "edit"),
        ("/genindex.html", "index"),
        ("/library/py-modindex.html", "index"),
        ("/sitemap", "index"),
        ("/wiki/Special:RecentChanges", "system"),
    ],
)
def test_an_address_that_many_sites_have_says_its_role(path: str, role: str) -> None:
    assert url_role(f"https://example.org{path}") == role


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/",
            "/questions/1234/what-is-a-group",
            "/topics/db/search.html",
            "/docs/users/guide.html",
        ),
        *("/nlab/show/category", "/docs/login.html", "/library/index.html", "/archives/1234"),
        *("/docs/category/functor.html", "/wiki/Group_(mathematics)", "/viewtopic.php?t=9"),
        *("/research/", "/posts/how-to-edit", "/category/", "/user-guide/profile.html"),
    ],
)
def test_documentation_of_such_things_is_none_of_them(path: str) -> None:
    assert url_role(f"https://example.org{path}") is None


def test_an_address_that_cannot_be_read_says_nothing() -> None:
    assert url_role("http://[broken/search?q=x") is None


@pytest.mark.parametrize(
    "host", ["best-casino24.com", "buy-cialis.example", "free.xxx", "x.slots.io"]
)
def test_a_seller_of_bets_is_known_by_the_name(host: str) -> None:
    assert is_spam_host(host)


@pytest.mark.parametrize(
    "host", ["specialist.org", "www.essex.ac.uk", "slotmap.dev", "docs.rs", ""]
)
def test_a_name_that_only_holds_such_letters_is_none(host: str) -> None:
    assert not is_spam_host(host)
