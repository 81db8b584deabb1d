"""One spelling of a URL that changes nothing about what it names, and links made absolute.

It is the syntax- and scheme-based normalisation of RFC 3986, section 6.2.2 and 6.2.3: case of
scheme and host, IDNA host, default port, percent-encoding, dot segments, empty path. Every
function takes any text, never raises, and is idempotent.
"""

import re
import unicodedata
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

WEB_SCHEMES: Final = ("http", "https")
DEFAULT_PORTS: Final = {"http": "80", "https": "443", "ftp": "21", "ws": "80", "wss": "443"}

_PARTS = re.compile(  # RFC 3986, appendix B; it matches every text
    r"(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
_LITERAL = re.compile(r"\[[0-9A-Fa-f:.v]+\]")  # an address in brackets
_PORT = re.compile(r"(.*?)(?::([0-9]*))?", re.DOTALL)
_TRIPLET = re.compile(r"%[0-9A-Fa-f]{2}")
_IGNORED = str.maketrans("", "", "\t\r\n")
_EDGES = "".join(map(chr, range(33)))  # controls and the space

_UNRESERVED = r"A-Za-z0-9\-._~"
_SUB_DELIMS = r"!$&'()*+,;="
_USER = re.compile(rf"%[0-9A-Fa-f]{{2}}|[^{_UNRESERVED}{_SUB_DELIMS}:]")
_PATH = re.compile(rf"%[0-9A-Fa-f]{{2}}|[^{_UNRESERVED}{_SUB_DELIMS}:@/]")
_QUERY = re.compile(rf"%[0-9A-Fa-f]{{2}}|[^{_UNRESERVED}{_SUB_DELIMS}:@/?]")
_NOT_HOST = re.compile(rf"[^{_UNRESERVED}{_SUB_DELIMS}]")
_IS_UNRESERVED = re.compile(rf"[{_UNRESERVED}]")


class Url(NamedTuple):
    """The parts of a URL, each in normal form; None is absent, and "" is there but empty."""

    scheme: str | None
    user: str | None
    host: str | None  # None where there is no authority
    port: str | None
    path: str
    query: str | None
    fragment: str | None


def strict_url(url: str) -> str:
    """Return the RFC 3986 normal form of a URL; of a text that is no URL, of its characters."""
    parts = parse_url(url)
    return join_url(parts._replace(path=path_without_dots(parts)))


def fetch_url(url: str) -> str | None:
    """Return the form in which a page is asked for: normal, without fragment.

    None where that is no http(s) URL with a host.
    """
    parts = parse_url(url)
    if parts.scheme not in WEB_SCHEMES or not parts.host:
        return None
    return join_url(parts._replace(path=path_without_dots(parts), fragment=None))


def resolve_url(reference: str, *, base: str) -> str:
    """Return what a link means on a page at `base`, in normal form (RFC 3986, section 5.2).

    As browsers do, a link such as "http:page" is relative to a base with the same scheme.
    """
    link, page = parse_url(reference), parse_url(base)
    if link.scheme is not None and (link.host is not None or link.scheme != page.scheme):
        return strict_url(reference)
    if link.host is not None:
        return strict_url(join_url(link._replace(scheme=page.scheme)))
    path, query = link.path, link.query
    if not path:
        path, query = page.path, link.query if link.query is not None else page.query
    elif not path.startswith("/"):
        path = page.path[: page.path.rfind("/") + 1] + path
        path = path if path.startswith("/") or page.host is None else f"/{path}"
    return strict_url(join_url(page._replace(path=path, query=query, fragment=link.fragment)))


def parse_url(url: str) -> Url:
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
    return Url(scheme, user, host, port, path, query, fragment)


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


def path_without_dots(parts: Url) -> str:
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


def join_url(parts: Url) -> str:
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
