"""What the names of classes and ids say about an element: content, or the page's furniture."""

import re
from functools import lru_cache
from typing import Final, Literal

from .tree import Node

Role = Literal["content", "furniture", "comments", "unknown"]

FURNITURE_TAGS: Final = frozenset(("nav", "footer", "aside", "menu"))
_FURNITURE_ROLES: Final = frozenset(
    (
        *("navigation", "banner", "contentinfo", "complementary"),
        *("search", "menu", "menubar", "dialog"),
        *("alertdialog", "toolbar", "tablist", "alert", "form"),
    )
)
_CONTENT_ROLES: Final = frozenset(("main", "article"))
_NOTES = re.compile(r"note|admonition|callout|warning|tip|caution|important|example", re.IGNORECASE)
_COMMENTS = re.compile(
    r"(?:^|[\s_-])(?:comments?|disqus|respond|commentlist|replies|discussion|remark42)(?:$|[\s_-])"
    r"|comment-?(?:list|area|form|section|thread)|fb-comments|disqus",
)
_FURNITURE = re.compile(
    r"(?:^|[\s_-])(?:ads?|adv|advert\w*|aside|banner|breadcrumbs?|byline|caption|cookies?|consent"
    r"|copyright|cta|dropdown|feedback|foot|footer|gdpr|hidden|legal|login|logo|masthead|meta|menu"
    r"|metadata|modal|more|nav|navi|navbar|navigation|newsletter|outbrain|overlay|pager|pagination"
    r"|paging|paywall|pop-?up|popular|posted-?on|print|promo|promoted|promotion|prev|next|rating"
    r"|recirc|recommended|recommendations?|register|related|rss|search|share|sharing|shop|shoutbox"
    r"|sidebar|signup|sign-up|skip|social|sponsor\w*|subscribe|subscription|taboola|tags?|teasers?"
    r"|toc|tool|toolbar|tools|topbar|trending|tweet|twitter|utility|vcard|widgets?|you-may-like"
    r"|sphinxsidebar|navheader|navfooter|timestamp|credits?|most-read|read-next|read-more|trc"
    r"|bio|author-bio|about-author|authorbox|author-info|jp-relatedposts|sharedaddy|addtoany"
    r"|noprint|mw-editsection|mw-jump-link|catlinks|printfooter|siteSub|instagram|jumplinks)"
    r"(?:$|[\s_-])|sidebar|related-?(?:posts?|articles?|stories|content|links|news)|share-?(?:bar"
    r"|buttons?|tools|links)|social-?(?:media|share|links|bar|icons)|newsletter|breadcrumb"
    r"|cookie-|adsense|google_ads|-ads?-|promo-|recommend|most-popular|site-?(?:header|footer|nav)"
    r"|nav-?(?:bar|menu)|page-?(?:header|footer)|author-?(?:box|bio|card)|skip-?link|advertis",
)
_CONTENT = re.compile(
    r"(?:^|[\s_-])(?:article|articles?body|body|content|contents?-?area|entry|hentry|h-entry|main"
    r"|page|post|story|text|blog|prose|document|markdown)(?:$|[\s_-])|article-?(?:body|content|text)"
    r"|(?:post|entry|story|main|page|blog)-?(?:body|content|text)|storytext|rich-?text|bodytext"
    r"|articlebody|markdown-body|mw-parser-output|mw-content|bodycontent",
)


def role_of(node: Node) -> Role:
    """Return what an element's tag, role and names say it is."""
    raw = node.raw
    if not raw:
        return "furniture" if node.tag in FURNITURE_TAGS else "unknown"
    if "role" in raw:
        role = node.get("role").lower()
        if role in _CONTENT_ROLES:
            return "content"
        if role in _FURNITURE_ROLES:
            return "furniture"
    if node.tag in FURNITURE_TAGS:
        is_note = node.tag == "aside" and _NOTES.search(node.get("class"))
        return "unknown" if is_note else "furniture"
    if "class" in raw or "id" in raw:
        return _named_role(f"{node.get('class')} {node.get('id')}"[:300])
    return "unknown"


@lru_cache(maxsize=1 << 14)
def _named_role(names: str) -> Role:
    names = re.sub("(?<=[a-z])(?=[A-Z])", "-", names).lower()
    if _COMMENTS.search(names):
        return "comments"
    is_content = _CONTENT.search(names) is not None
    if _FURNITURE.search(names):
        return "unknown" if is_content else "furniture"
    return "content" if is_content else "unknown"
