"""The links of an HTML page in their order, and what the page says about being kept."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal
from urllib.parse import quote

import msgspec

from ...extract.charset import decode_page
from ...urls import fetch_url, resolve_url
from .tags import Tag, start_tags

MAX_LINKS: Final = 10_000
MAX_PAGE_BYTES: Final = 16 << 20

LinkKind = Literal["anchor", "area", "frame", "next", "canonical", "refresh"]
SkippedLink = Literal["nofollow", "not_web", "no_url", "repeated", "too_many"]
Unread = Literal["binary", "undecodable", "too_large"]

_TAGS = frozenset(("a", "area", "base", "frame", "iframe", "link", "meta"))
_REFRESH = re.compile(
    r"\s*[0-9.]*\s*[;,]?\s*(?:url\s*=\s*)?(['\"]?)(.*)", re.IGNORECASE | re.DOTALL
)
# Values of X-Robots-Tag with a colon that do not name a crawler.
_VALUED_RULES = frozenset(
    ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
)
_RULE_SETS: Mapping[str, frozenset[str]] = {
    "noindex": frozenset(("noindex",)),
    "nofollow": frozenset(("nofollow",)),
    "none": frozenset(("noindex", "nofollow")),
}


class Link(msgspec.Struct, frozen=True):
    """A page that is pointed to, in the form in which it is fetched."""

    url: str
    kind: LinkKind


class PageLinks(msgspec.Struct, frozen=True, kw_only=True):
    """Where a page points to.

    Args:
        links: each page once, in the order of the page.
        canonical: the URL by which the page wants to be known.
        is_noindex: the page asks not to be kept.
        is_nofollow: the page asks not to be followed; there are no links then.
        skipped: how many links were left out, by reason.
        unread: why the page was not searched for links, if it was not.
    """

    links: tuple[Link, ...] = ()
    canonical: str | None = None
    is_noindex: bool = False
    is_nofollow: bool = False
    skipped: Mapping[SkippedLink, int] = {}
    unread: Unread | None = None


def read_links(
    payload: bytes,
    *,
    url: str,
    charset: str | None,
    agent: str,
    robots_tags: Iterable[str] = (),
    max_links: int = MAX_LINKS,
) -> PageLinks:
    """Return the links of an HTML page.

    Args:
        url: the page's own, after redirects.
        charset: what the HTTP header says.
        agent: the crawler's product token; rules for other crawlers do not count.
        robots_tags: the values of the X-Robots-Tag headers.
    """
    header_rules = robots_rules(robots_tags, agent=agent)
    decoded = decode_page(payload, charset, is_html=True) if payload else None
    if len(payload) > MAX_PAGE_BYTES or isinstance(decoded, str):
        unread: Unread = decoded if isinstance(decoded, str) else "too_large"
        return _page(header_rules, unread=unread)
    if decoded is None:
        return _page(header_rules)
    tags = list(start_tags(decoded.text, _TAGS))
    rules = header_rules | _meta_rules(tags, agent)
    collected = _Collector(_base(tags, url), decoded.encoding, max_links)
    for tag in tags:
        _collect(tag, collected, is_followed="nofollow" not in rules)
    return _page(rules, collected)


def robots_rules(values: Iterable[str], *, agent: str) -> frozenset[str]:
    """Return which of "noindex" and "nofollow" the X-Robots-Tag headers ask of this crawler."""
    rules: set[str] = set()
    for value in values:
        crawler = ""  # a name holds for the rest of its header
        for part in value.lower().split(","):
            name, colon, rule = part.partition(":")
            if colon and name.strip() not in _VALUED_RULES:
                crawler, part = name.strip(), rule
            if crawler in ("", agent.lower()):
                rules |= _RULE_SETS.get(part.strip(), frozenset())
    return frozenset(rules)


class _Collector:
    """Links found so far, each once, and how many were left out."""

    def __init__(self, base: str, encoding: str, max_links: int) -> None:
        self.links: dict[str, LinkKind] = {}
        self.skipped: Counter[SkippedLink] = Counter()
        self.canonical: str | None = None
        self._base = base
        self._encoding = encoding
        self._max_links = max_links

    def add(self, reference: str, kind: LinkKind) -> None:
        absolute = resolve_url(_as_browsers_read(reference, self._encoding), base=self._base)
        url = fetch_url(absolute)
        if url is None:
            is_web = absolute.startswith(("http:", "https:"))
            self.skipped["no_url" if is_web else "not_web"] += 1
            return
        if kind == "canonical" and self.canonical is None:
            self.canonical = url
        if url in self.links:
            self.skipped["repeated"] += 1
        elif len(self.links) >= self._max_links:
            self.skipped["too_many"] += 1
        else:
            self.links[url] = kind


def _page(
    rules: frozenset[str], collected: _Collector | None = None, *, unread: Unread | None = None
) -> PageLinks:
    return PageLinks(
        links=tuple(Link(*item) for item in collected.links.items()) if collected else (),
        canonical=collected.canonical if collected else None,
        is_noindex="noindex" in rules,
        is_nofollow="nofollow" in rules,
        skipped=dict(collected.skipped) if collected else {},
        unread=unread,
    )


def _collect(tag: Tag, collected: _Collector, *, is_followed: bool) -> None:
    """Add the link of one tag, if it has one."""
    found = _READERS[tag.name](tag) if tag.name in _READERS else None
    if found is None:
        return
    reference, kind = found
    relations = tag.attributes.get("rel", "").lower().split()
    if not is_followed or (kind in ("anchor", "area") and "nofollow" in relations):
        collected.skipped["nofollow"] += 1
    else:
        collected.add(reference, kind)


def _anchor(tag: Tag) -> tuple[str, LinkKind] | None:
    reference = tag.attributes.get("href")
    return None if reference is None else (reference, "area" if tag.name == "area" else "anchor")


def _frame(tag: Tag) -> tuple[str, LinkKind] | None:
    reference = tag.attributes.get("src")
    return (reference, "frame") if reference else None


def _relation(tag: Tag) -> tuple[str, LinkKind] | None:
    reference = tag.attributes.get("href")
    relations = tag.attributes.get("rel", "").lower().split()
    if not reference:
        return None
    if "canonical" in relations:
        return reference, "canonical"
    return (reference, "next") if "next" in relations else None


def _refresh(tag: Tag) -> tuple[str, LinkKind] | None:
    if tag.attributes.get("http-equiv", "").lower() != "refresh":
        return None
    found = _REFRESH.fullmatch(tag.attributes.get("content", ""))
    if found is None:
        return None
    quotation, reference = found.groups()
    reference = reference.partition(quotation)[0] if quotation else reference
    return (reference.strip(), "refresh") if reference.strip() else None


_READERS: Mapping[str, Callable[[Tag], tuple[str, LinkKind] | None]] = {
    "a": _anchor,
    "area": _anchor,
    "frame": _frame,
    "iframe": _frame,
    "link": _relation,
    "meta": _refresh,
}


def _base(tags: Iterable[Tag], url: str) -> str:
    """Return what links are relative to: the first <base href>, itself relative to the page."""
    for tag in tags:
        if tag.name == "base" and "href" in tag.attributes:
            return fetch_url(resolve_url(tag.attributes["href"], base=url)) or url
    return url


def _meta_rules(tags: Iterable[Tag], agent: str) -> frozenset[str]:
    names = ("robots", agent.lower())
    return frozenset().union(
        *(
            _RULE_SETS.get(part.strip(), frozenset())
            for tag in tags
            if tag.name == "meta" and tag.attributes.get("name", "").strip().lower() in names
            for part in tag.attributes.get("content", "").lower().split(",")
        )
    )


def _as_browsers_read(reference: str, encoding: str) -> str:
    r"""Return a link with "\" as "/" in its path, and its query in the page's charset.

    Both are what the URL standard of browsers has beyond RFC 3986.
    """
    head, hash_sign, fragment = reference.partition("#")
    path, question, query = head.partition("?")
    if not query.isascii() and not encoding.startswith("utf"):
        query = quote(
            query.encode(encoding, "xmlcharrefreplace"), safe="".join(map(chr, range(33, 127)))
        )
    scheme = path.lstrip().partition(":")[0].lower()
    if "\\" in path and (":" not in path or scheme in ("http", "https")):
        path = path.replace("\\", "/")
    return path + question + query + hash_sign + fragment
