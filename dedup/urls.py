"""URLs in one spelling, so that pages that differ in the spelling of their URL are one page.

`strict` is the normal form of RFC 3986, which loses nothing (corpus/urls.py). `web` adds what
crawls need and RFC 3986 does not promise; docs/recipes.md lists its rules. Every function takes
any text, never raises, and is idempotent.
"""

import re
from typing import Final, Literal

from ..corpus.ids import digest_parts
from ..corpus.urls import WEB_SCHEMES, Url, join_url, parse_url, path_without_dots

UrlRules = Literal["strict", "web"]

TRACKING_PREFIXES: Final = ("utm_", "mtm_", "matomo_", "piwik_", "pk_", "aspsessionid")
TRACKING: Final = frozenset(
    (
        *("gclid", "gclsrc", "dclid", "gbraid", "wbraid", "_ga", "_gl", "s_cid"),
        *("fbclid", "fb_action_ids", "fb_action_types", "fb_source", "igshid", "twclid", "ttclid"),
        *("msclkid", "yclid", "ysclid", "_openstat", "li_fat_id", "mc_cid", "mc_eid", "mkt_tok"),
        *("_hsenc", "_hsmi", "__hstc", "__hssc", "__hsfp", "hsctatracking", "vero_id"),
        *("oly_anon_id", "oly_enc_id", "wickedid", "rb_clickid"),
        *("phpsessid", "jsessionid", "cfid", "cftoken"),
    )
)
INDEX_PAGES: Final = frozenset(
    (
        *("index.html", "index.htm", "index.shtml", "index.xhtml", "index.php", "index.jsp"),
        *("index.asp", "index.aspx", "default.html", "default.htm", "default.asp", "default.aspx"),
    )
)

_SESSION_PATH = re.compile(r";(?:jsessionid|phpsessid)=[^/;]*", re.IGNORECASE)
_SESSION_ID = re.compile(r"sid=[0-9a-z]{32}", re.IGNORECASE)


def normalize_url(url: str, *, rules: UrlRules = "web") -> str:
    """Return the one spelling of a URL; of a text that is no URL, of its characters.

    The rules of `web` apply to http and https URLs with a host, and lose differences that some
    server may make; other URLs get `strict`.
    """
    parts = parse_url(url)
    if rules == "web" and parts.scheme in WEB_SCHEMES and parts.host:
        parts = _as_web_page(parts)
    return join_url(parts._replace(path=path_without_dots(parts)))


def url_key(url: str, *, rules: UrlRules = "web") -> bytes | None:
    """Return 16 bytes that name a page by its URL, or None where that is no http(s) URL.

    A record without a target URI has no page to share, so it is never the same as another.
    """
    parts = parse_url(url)
    if parts.scheme not in WEB_SCHEMES or not parts.host:
        return None
    return digest_parts("url", (normalize_url(url, rules=rules),))


def _as_web_page(parts: Url) -> Url:
    """Apply the lossy rules; the path is without dot segments afterwards."""
    assert parts.host is not None, "the caller looked"
    host = parts.host.rstrip(".") or parts.host
    while host.startswith("www.") and "." in host[4:]:
        host = host[4:]
    bare = parts._replace(path=_SESSION_PATH.sub("", parts.path))
    fragment = parts.fragment if (parts.fragment or "").startswith("!") else None
    return parts._replace(
        scheme="https",
        host=host,
        port=None if parts.port in ("80", "443") else parts.port,
        path=_without_index(path_without_dots(bare)),
        query=_without_tracking(parts.query),
        fragment=fragment,
    )


def _without_index(path: str) -> str:
    """Remove trailing slashes and names of index pages."""
    while True:
        path = path.rstrip("/")
        head, _, name = path.rpartition("/")
        if name.lower() not in INDEX_PAGES:
            return path or "/"
        path = head


def _without_tracking(query: str | None) -> str | None:
    """Drop parameters that name a visit and not a page; sort the rest by name."""
    kept = [part for part in (query or "").split("&") if part and not _is_tracking(part)]
    kept.sort(key=lambda part: part.partition("=")[0])
    return "&".join(kept) or None


def _is_tracking(parameter: str) -> bool:
    name = parameter.partition("=")[0].lower()
    return (
        name in TRACKING
        or name.startswith(TRACKING_PREFIXES)
        or _SESSION_ID.fullmatch(parameter) is not None
    )
