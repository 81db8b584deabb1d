"""What a site's robots.txt allows, by RFC 9309 and from the answer to one request.

protego matches paths. It is generous where the RFC is not, so it is given only lines that both
read alike: groups of this crawler and of every crawler, under names that match nothing else.
"""

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from protego import Protego

MAX_BODY_BYTES: Final = 500 * 1024  # RFC 9309, section 2.5
MAX_REDIRECTS: Final = 5  # section 2.3.1.2
MAX_SITEMAPS: Final = 1000
CACHE_SECONDS: Final = 24 * 3600.0  # section 2.4
RETRY_SECONDS: Final = 3600.0
GIVE_UP_SECONDS: Final = 30 * 24 * 3600.0  # section 2.3.1.4
TOO_MANY_REQUESTS: Final = 429

RobotsState = Literal["read", "absent", "unreachable", "given_up"]

_EVERY_CRAWLER = "*"
_OTHER_CRAWLER = "0"  # a name that no product token has
_TOKEN = re.compile(r"[A-Za-z_-]+")  # section 2.2.1
_LINE_END = re.compile(rb"\r\n|\r|\n")
_BARE = re.compile("[^\x21-\x7e]")  # what stands in a path only when it is escaped
_DOLLAR = re.compile(r"\$|%24")
_STAND_IN = "%01"
_RULES = frozenset(("allow", "disallow"))
_AGENTS = frozenset(("user-agent",))
_DELAYS = frozenset(("crawl-delay",))


class RobotsAnswer(NamedTuple):
    """What may be asked of one host, and for how long that holds.

    Args:
        state: `read` from the file; `absent`: all is allowed; `unreachable`: nothing is, now;
            `given_up`: unreachable for so long that all is allowed.
        use_seconds: when to ask again, counted from the answer.
        crawl_delay_seconds: the pause between two requests that the site asks for.
        sitemaps: URLs as they were written.
        is_cut: whether the file was longer than the 500 KiB that are read.
    """

    state: RobotsState
    use_seconds: float
    rules: Protego | None = None
    agent: str = ""
    crawl_delay_seconds: float | None = None
    sitemaps: tuple[str, ...] = ()
    is_cut: bool = False

    def allows(self, url: str) -> bool:
        """Tell whether the URL may be fetched; robots.txt itself always may."""
        if self.rules is None:
            return self.state != "unreachable"
        return self.rules.can_fetch(_DOLLAR.sub(_STAND_IN, url), self.agent)


def read_robots(
    status: int | None, body: bytes, *, agent: str, unreachable_seconds: float = 0.0
) -> RobotsAnswer:
    """Return what the answer to a request for robots.txt means for a crawler.

    Args:
        status: of the last answer; a redirect if there were more than MAX_REDIRECTS; None if
            there was no answer. 429 says "later", and nothing of rules, so it counts as 5xx.
        agent: the crawler's product token, such as "gristmill".
        unreachable_seconds: for how long the host has already been so.
    """
    assert _TOKEN.fullmatch(agent), "a product token has letters, - and _ only"
    if status is None or status >= 500 or status == TOO_MANY_REQUESTS:
        if unreachable_seconds >= GIVE_UP_SECONDS:
            return RobotsAnswer("given_up", CACHE_SECONDS)
        return RobotsAnswer("unreachable", RETRY_SECONDS)
    if not 200 <= status < 300:
        return RobotsAnswer("absent", CACHE_SECONDS)
    lines = list(_directives(body, agent.lower()))
    extras = Protego.parse(_written(lines, _AGENTS | _RULES | _DELAYS))
    sitemaps = tuple(value for name, value in lines if name == "sitemap" and value)
    return RobotsAnswer(
        state="read",
        use_seconds=CACHE_SECONDS,
        # What is no rule neither ends a group nor begins one (section 2.2).
        rules=Protego.parse(_written(lines, _AGENTS | _RULES)),
        agent=agent.lower(),
        crawl_delay_seconds=extras.crawl_delay(agent.lower()),
        sitemaps=sitemaps[:MAX_SITEMAPS],
        is_cut=len(body) > MAX_BODY_BYTES,
    )


def robots_url(url: str) -> str:
    """Return where the robots.txt of an absolute http(s) URL lies."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{re.split(r'[/?#]', rest, maxsplit=1)[0]}/robots.txt"


def _directives(body: bytes, agent: str) -> Iterator[tuple[str, str]]:
    """Yield names in lower case and their values, in protego's terms."""
    head = body[:MAX_BODY_BYTES]
    lines = _LINE_END.split(head.removeprefix(b"\xef\xbb\xbf"))
    if len(body) > len(head):
        lines.pop()  # half a path would match more than the whole one
    for line in lines:
        text = line.partition(b"#")[0].decode("utf-8", "surrogateescape")
        name, colon, value = text.partition(":")
        name, value = name.strip(" \t").lower(), value.strip(" \t")
        if not colon:
            continue
        if name in _AGENTS:
            value = _agent(value, agent)
        elif name in _RULES:
            value = _pattern(value)
        yield name, value


def _agent(value: str, agent: str) -> str:
    """Return the name under which protego finds the group exactly, not by a part of a name."""
    if value.split(maxsplit=1)[:1] == [_EVERY_CRAWLER]:
        return _EVERY_CRAWLER
    token = _TOKEN.match(value)
    return agent if token and token[0].lower() == agent else _OTHER_CRAWLER


def _pattern(value: str) -> str:
    """Return a path as protego reads it, with "$" an anchor at its end and nothing elsewhere.

    protego lets "/p$" match "/p%24" as well; an escape that no URL holds takes the sign's place.
    """
    text = _BARE.sub(_percent, value)
    anchor = "$" if text.endswith("$") else ""
    return _DOLLAR.sub(_STAND_IN, text.removesuffix("$")) + anchor


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogateescape"))


def _written(lines: list[tuple[str, str]], names: frozenset[str]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in lines if name in names)
