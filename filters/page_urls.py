"""What a page's address says of it: an account, a search, a list under a tag, a spammer's host.

Such pages repeat what other pages say, or hold nothing but forms and lists of links. The patterns
are those of software that many sites run: phpBB, vBulletin, Discourse, Stack Exchange, MediaWiki,
WordPress, Sphinx, Javadoc. They match whole segments of a path, so that documentation of a search
or of users is none of them.
"""

import re
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

UrlRole = Literal["login", "profile", "search", "tag", "edit", "index", "system"]
URL_ROLES: Final[tuple[str, ...]] = get_args(UrlRole)

_PHP: Final = r"\.(?:php|aspx?|jsp|cgi|pl)"
# Before the pages of a manual; below another directory, `search.html` is about searching.
_VERSION: Final = r"(?:[a-z]{2}(?:[-_][a-z]{2})?/)?(?:(?:v?\d[^/]*|latest|stable|main|dev)/)?"
_WIKI: Final = r"/(?:wiki/|w/|index\.php[/?](?:title=)?)"
# Regular expressions over a path with its query, in lower case; the first role that fits counts.
_ROLES: Final[dict[UrlRole, tuple[str, ...]]] = {
    "login": (
        rf"/(?:log|sign)[-_]?(?:in|out|up|on|off)(?:{_PHP})?/?(?:\?|$)",
        rf"/(?:register|lostpassword|password[-_]reset)(?:{_PHP})?/?(?:\?|$)",
        rf"/(?:wp-login|ucp){_PHP}",
        "[?&](?:do|action|mode)=(?:login|register|lostpw)",
    ),
    "edit": (
        rf"/(?:newreply|newthread|posting|editpost|sendmessage|report|printthread){_PHP}",
        r"[?&]action=(?:edit|history|raw|info|delete|watch|submit|post|reply)\b",
        r"/[^/?]+/(?:edit|reply)/?(?:\?|$)",
    ),
    "profile": (
        r"/(?:u|users?|members?|people)/-?\d+(?:[/?.]|$)",
        r"/(?:profiles?|memberlist)/[^/?]+/?(?:\?|$)",
        rf"/(?:member|profile|memberlist|userinfo|viewprofile){_PHP}",
        "[?&](?:action|mode|do)=(?:view_?)?profile",
        r"[?&](?:showuser|user_?id|uid)=\d",
        f"{_WIKI}user(?:_talk)?(?::|%3a)",
    ),
    "search": (
        rf"/search(?:{_PHP})?/?(?:\?|$)",
        r"/search/[^/?]*/?(?:\?|$)",
        rf"^/{_VERSION}search\.html?(?:\?|$)",
        r"^/(?:index\.php)?\?(?:.*&)?s=",
    ),
    "tag": (
        r"/(?:tags?|categor(?:y|ies)|labels?)/[^/?.]+(?:/page/\d+)?/?(?:\?|$)",
        "/tagged/",
        "[?&](?:tag|cat|category_name)=",
    ),
    "index": (
        r"/(?:gen|py-mod|mod)index(?:-[^/]*)?\.html?$",
        r"/(?:index-all|allclasses(?:-[a-z]+)?)\.html$",
        r"/site-?map(?:\.html?|\.php)?/?$",
    ),
    "system": (f"{_WIKI}(?:special|category_talk|template)(?::|%3a)",),
}
_PATTERNS: Final = {role: re.compile("|".join(_ROLES[role])) for role in _ROLES}
# Words that no host of another kind has in its name; chosen by us, measured on nothing.
_SPAM_PARTS: Final = re.compile(
    r"casino|viagra|gambling|jackpot|sportsbook|payday-?loan|pornhub|camgirl|escort-?service"
)
_SPAM_WORDS: Final = frozenset(
    (
        *("cialis", "poker", "porn", "porno", "xxx", "sex", "hentai", "escorts", "escort", "togel"),
        *("slot", "slots", "betting", "levitra", "replica", "judi", "bokep"),
    )
)


def url_role(url: str) -> UrlRole | None:
    """Return what an address says that the page is, or None where it says nothing."""
    try:
        parts = urlsplit(url)
    except ValueError:  # such as a broken IPv6 address
        return None
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}".lower()
    for role, pattern in _PATTERNS.items():
        if pattern.search(target):
            return role
    return None


def is_spam_host(host: str) -> bool:
    """Tell whether a host has a name that only sellers of bets, drugs and pornography choose."""
    name = host.lower()
    return bool(_SPAM_PARTS.search(name)) or not _SPAM_WORDS.isdisjoint(re.split(r"[.-]", name))
