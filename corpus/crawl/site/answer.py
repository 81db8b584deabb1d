"""What an answer is to the crawl: a page to keep, another place to look, or nothing, and why."""

from collections import Counter
from typing import Final, Literal

import msgspec

from ...extract.page import HTML_TYPES
from ...urls import fetch_url, resolve_url
from ..fetcher import REDIRECTS, Answer
from ..transport import Reply
from .exchange import plain_body
from .links import PageLinks, read_links, robots_rules
from .robots import MAX_REDIRECTS

BLOCKED: Final = 403  # a firewall's word more often than the site's
_TEXT_TYPES = frozenset(("application/json", "application/xml"))
_TEXT_SUFFIXES = ("+json", "+xml")


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a page that was asked for.

    Args:
        state: `failed` if it may come another time.
        links: of a page that was read.
        target: where a redirect leads.
    """

    state: Literal["done", "refused", "failed"]
    reason: str | None = None
    links: PageLinks = PageLinks()
    target: str | None = None


def mime_of(headers: dict[str, str]) -> str:
    """Return the type that a Content-Type header names, without parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def is_text_like(mime: str) -> bool:
    """Tell whether an answer of this type is worth its bytes."""
    is_known = mime in HTML_TYPES or mime in _TEXT_TYPES
    return is_known or mime.startswith("text/") or mime.endswith(_TEXT_SUFFIXES)


def wanted_bytes(reply: Reply, *, max_bytes: int) -> int:
    """Return how much to read of an answer: nothing of a picture."""
    is_wanted = reply.status != 200 or is_text_like(mime_of(reply.headers))
    return max_bytes if is_wanted else 0


def judge_page(answer: Answer, *, agent: str, via: tuple[str, ...], max_bytes: int) -> Judged:
    """Say what to do with the answer to a page's URL.

    Args:
        via: the URLs that redirected to it.
        max_bytes: that a packed body may have unpacked.
    """
    if answer.status != 200:
        return judge_status(answer, via=via)
    if not is_text_like(mime_of(answer.headers)):
        return Judged(state="refused", reason="type")
    body = plain_body(answer, max_bytes=max_bytes)
    if body is None:
        return Judged(state="refused", reason="coding")
    values = [value for name, value in answer.raw_headers if name.lower() == "x-robots-tag"]
    if mime_of(answer.headers) in HTML_TYPES:
        links = read_links(
            body, url=answer.url, charset=_charset(answer), agent=agent, robots_tags=values
        )
    else:
        links = PageLinks(is_noindex="noindex" in robots_rules(values, agent=agent))
    if links.is_noindex:
        return Judged(state="refused", reason="noindex", links=links)
    return Judged(state="done", reason="truncated" if answer.is_truncated else None, links=links)


def judge_status(answer: Answer, *, via: tuple[str, ...]) -> Judged:
    """Say what an answer without a page means."""
    if answer.status == BLOCKED:
        return Judged(state="failed", reason=f"http_{answer.status}")
    if answer.status not in REDIRECTS or "location" not in answer.headers:
        return Judged(state="refused", reason=f"http_{answer.status}")
    target = redirect_target(answer)
    if target is None:
        return Judged(state="refused", reason="redirect_no_url")
    if target in (*via, answer.url) or len(via) >= MAX_REDIRECTS:
        return Judged(state="failed", reason="redirect_loop")
    return Judged(state="refused", reason="redirect", target=target)


def redirect_target(answer: Answer) -> str | None:
    """Return where a redirect leads, in the form in which it is fetched."""
    first = (value for name, value in answer.raw_headers if name.lower() == "location")
    # Bytes beyond ASCII are UTF-8 where they are valid in it.
    location = next(first).encode("latin-1").decode("utf-8", "replace")
    return fetch_url(resolve_url(location, base=answer.url))


def skipped_links(links: PageLinks) -> Counter[str]:
    """Return the links of a page that are none to follow, by reason."""
    skipped: Counter[str] = Counter()
    for reason, count in links.skipped.items():
        if reason != "repeated":
            skipped[reason] += count
    return skipped


def same_page(url: str, canonical: str | None) -> bool:
    """Tell whether a canonical URL differs in the query only, as with session ids."""
    return (
        canonical is not None
        and canonical != url
        and canonical.partition("?")[0] == url.partition("?")[0]
    )


def _charset(answer: Answer) -> str | None:
    label = answer.headers.get("content-type", "").lower().partition("charset=")[2]
    return label.partition(";")[0].strip(" \"'") or None
