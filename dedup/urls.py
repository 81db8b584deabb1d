"""URLs in one spelling, so that pages that differ in the spelling of their URL are one page.

`strict` is the syntax- and scheme-based normalisation of RFC 3986, section 6.2.2 and 6.2.3, which
loses nothing: case of scheme and host, IDNA host, default port, percent-encoding, dot segments,
empty path. `web` adds what crawls need and RFC 3986 does not promise; docs/recipes.md lists its
rules. Every function takes any text, never raises, and is idempotent.
"""

import re
import unicodedata
from typing import Final, Literal, NamedTuple
from urllib.parse import unquote_to_bytes

from ..corpus.ids import digest_parts

UrlRules = Literal["strict", "web"]

WEB_SCHEMES: Final = ("http", "https")
DEFAULT_PORTS: Final = {"http": "80", "https": "443", "ftp": "21", "ws": "80", "wss": "443"}
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

_PARTS = re.compile(  # RFC 3986, appendix B; it matches every text
    r"(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
_LITERAL = re.compile(r"\[[0-9A-Fa-f:.v]+\]")  # an address in brackets
_PORT = re.compile(r"(.*?)(?::([0-9]*))?", re.DOTALL)
_TRIPLET = re.compile(r"%[0-9A-Fa-f]{2}")
_SESSION_PATH = re.compile(r";(?:jsessionid|phpsessid)=[^/;]*", re.IGNORECASE)
_SESSION_ID = re.compile(r"sid=[0-9a-z]{32}", re.IGNORECASE)
_IGNORED = str.maketrans("", "", "\t\r\n")
_EDGES = "".join(map(chr, range(33)))  # controls and the space

_UNRESERVED = r"A-Za-z0-9\-._~"
_SUB_DELIMS = r"!$&'()*+,;="
_USER = re.compile(rf"%[0-9A-Fa-f]{{2}}|[^{_UNRESERVED}{_SUB_DELIMS}:]")
_PATH = re.compile(rf"%[0-9A-Fa-f]{{2}}|[^{_UNRESERVED}{_SUB_DELIMS}:@/]")
_QUERY = re.compile(rf"%[0-9A-Fa-f]{{2}}|[^{_UNRESERVED}{_SUB_DELIMS}:@/?]")
_NOT_HOST = re.compile(rf"[^{_UNRESERVED}{_SUB_DELIMS}]")
_IS_UNRESERVED = re.compile(rf"[{_UNRESERVED}]")


class _Url(NamedTuple):
    scheme: str | None
    user: str | None
    host: str | None  # None where there is no authority
    port: str | None
    path: str
    query: str | None
    fragment: str | None


def normalize_url(url: str, *, rules: UrlRules = "web") -> str:
    """Return the one spelling of a URL; of a text that is no URL, of its characters.

    The rules of `web` apply to http and https URLs with a host, and lose differences that some
    server may make; other URLs get `strict`.
    """
    parts = _parse(url)
    if rules == "web" and parts.scheme in WEB_SCHEMES and parts.host:
        parts = _as_web_page(parts)
    return _join(parts._replace(path=_without_dots(parts)))


def url_key(url: str, *, rules: UrlRules = "web") -> bytes | None:
    """Return 16 bytes that name a page by its URL, or None where that is no http(s) URL.

    A record without a target URI has no page to share, so it is never the same as another.
    """
    parts = _parse(url)
    if parts.scheme not in WEB_SCHEMES or not parts.host:
        return None
    return digest_parts("url", (normalize_url(url, rules=rules),))


def _parse(url: str) -> _Url:
    """Split a text at the delimiters of RFC 3986 and normalise its parts one by one."""
    text = url.strip(_EDGES).translate(_IGNORED)
    found = _PARTS.fullmatch(text)
    assert found is not None, "the pattern matches every text"
    scheme, authority, path, query, fragment = found.groups()
    if scheme is not None and not _SCHEME.fullmatch(scheme):
        scheme, path = None, text[: found.end(3)]
        authority = None
    scheme = scheme and scheme.lower()
    user, host, port = _authority(authority, scheme)
    path = _escaped(path, _PATH)
    if scheme is None and host is None:  # a colon would make a scheme of what is before it
        head, slash, tail = path.partition("/")
        path = f"{head.replace(':', '%3A')}{slash}{tail}"
    query, fragment = (part and _escaped(part, _QUERY) for part in (query, fragment))
    return _Url(scheme, user, host, port, path, query, fragment)


def _authority(
    authority: str | None, scheme: str | None
) -> tuple[str | None, str | None, str | None]:
    """Return user, host and port; a port that the scheme has by default is None."""
    if authority is None:
        return None, None, None
    user, at, place = authority.rpartition("@")
    literal = _LITERAL.match(place)
    end = literal.end() if literal else 0
    found = _PORT.fullmatch(place[end:])
    assert found is not None, "the pattern matches every text"
    name, port = found.groups()
    host = literal[0].lower() if literal and not name else _host(place[:end] + name)
    port = port and (port.lstrip("0") or "0")
    if port == DEFAULT_PORTS.get(scheme or ""):
        port = None
    return (_escaped(user, _USER) if at else None), host, port or None


def _host(name: str) -> str:
    """Return a name in lower case, its labels in ASCII as IDNA has them (UTS 46, ss and sz differ).

    Names that DNS does not know are escaped, not refused.
    """
    if name.isascii() and not _NOT_HOST.search(name):
        return name.lower()
    try:
        decoded = unquote_to_bytes(name.encode("utf-8", "surrogatepass")).decode()
    except UnicodeDecodeError:
        lower = _escaped(name, _USER).replace(":", "%3A").lower()
        return _TRIPLET.sub(lambda triplet: triplet[0].upper(), lower)
    labels = _folded(decoded).split(".")
    ascii_labels = (
        label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}"
        for label in labels
    )
    return _NOT_HOST.sub(_percent, ".".join(ascii_labels))


def _folded(name: str) -> str:
    """Return a name as IDNA maps it: lower case and NFKC, until nothing changes."""
    for _ in range(4):
        before = name
        name = unicodedata.normalize("NFKC", name).replace("\u3002", ".")
        name = unicodedata.normalize("NFKC", "".join(map(str.lower, name)))
        if name == before:
            break
    return name


def _escaped(text: str, pattern: re.Pattern[str]) -> str:
    """Decode what needs no escape, write the rest in upper case, escape what may not stand bare."""
    return pattern.sub(_normal_escape, text)


def _normal_escape(found: re.Match[str]) -> str:
    text = found[0]
    if len(text) == 3:
        character = chr(int(text[1:], 16))
        return character if _IS_UNRESERVED.fullmatch(character) else text.upper()
    return _percent(found)


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))


def _without_dots(parts: _Url) -> str:
    """Return the path without dot segments (RFC 3986, 5.2.4), "/" where it is empty."""
    path = parts.path
    if not path.startswith("/"):
        return "/" if parts.host is not None else path
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == ".." and kept:
            kept.pop()
        elif segment not in (".", ".."):
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _as_web_page(parts: _Url) -> _Url:
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
        path=_without_index(_without_dots(bare)),
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


def _join(parts: _Url) -> str:
    """Write the parts as one text (RFC 3986, 5.3)."""
    scheme = "" if parts.scheme is None else f"{parts.scheme}:"
    path, authority = parts.path, ""
    if parts.host is not None:
        user = "" if parts.user is None else f"{parts.user}@"
        port = "" if parts.port is None else f":{parts.port}"
        authority = f"//{user}{parts.host}{port}"
    elif path.startswith("//"):
        path = f"/.{path}"  # or its first segment would be read as a host
    query = "" if parts.query is None else f"?{parts.query}"
    fragment = "" if parts.fragment is None else f"#{parts.fragment}"
    return f"{scheme}{authority}{path}{query}{fragment}"
