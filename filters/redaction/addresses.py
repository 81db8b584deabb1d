"""E-mail and IP addresses: what looks like one, and what only looks like one.

An e-mail address ends in a country's code or a generic top-level domain in wide use, so that
`object@slot.name` of R and `icon@2x.png` are none. Names that are kept for documentation (RFC 2606,
RFC 6761) and the `git@host:` of a clone URL are no one's. An IPv4 address is public: the special
ranges of RFC 6890 and the well-known resolvers are not, and neither is what reads as a version.
An IPv6 address is one of 2000::/3, where all public ones lie, outside 2001::/23 and 2001:db8::/32.
"""

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network

from ..linear import linear_pattern
from .kinds import Finding

_EMAIL = r"[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}_*\b"
_IPV4 = r"\b[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\b"
_IPV6 = r"\b[23][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}"

_GENERIC = frozenset(
    b"com org net edu gov mil int info biz name pro mobi aero coop museum arpa app dev tech cloud"
    b" email online site store blog xyz club live life world space agency digital systems solutions"
    b" software network studio design media group company consulting services support technology"
    b" security academy science foundation university school health finance bank law tools works"
    b" team today top wiki zone page codes computer engineering expert global guru international"
    b" institute berlin london paris tokyo".split()
)
_NOT_DOMAINS = frozenset(b"cc cs js md mm pm py rs sh so ts".split())  # also endings of files
_RESERVED = (b"example", b"test", b"invalid", b"localhost", b"local")
_RESERVED_NAMES = (b"example.com", b"example.org", b"example.net", b"example.edu")
_IN_URL = re.compile(rb"://[^\s/@?#]*\Z")
_CLONE_USERS = (b"git", b"hg", b"svn")

_NOT_PUBLIC = tuple(
    IPv4Network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
    )
)
_NOT_PUBLIC_V6 = (IPv6Network("2001::/23"), IPv6Network("2001:db8::/32"))  # protocols, examples
_NO_ONES = frozenset(  # resolvers that everyone uses, and what people type for an example
    b"123.45.67.89 12.34.56.78 123.123.123.123 111.111.111.111 1.2.3.4"
    b" 8.8.8.8 8.8.4.4 1.1.1.1 1.0.0.1 9.9.9.9 149.112.112.112 208.67.222.222"
    b" 208.67.220.220 114.114.114.114 4.2.2.1 4.2.2.2".split()
)
_VERSION_BEFORE = re.compile(
    rb"(?:version|\bver\b|release|revision|build|\boid|section|chapter|\bv|>=|<=|==|~>|\^|@)"
    rb"[\w\"'.:=,;()<>\[\] \t-]{0,16}$",
    re.IGNORECASE,
)
_ADDRESS_WORD = re.compile(
    rb"\b(?:ip|ips|ipv4|host|hosts|hostname|addr|address|server|servers|dns|nameserver|gateway|"
    rb"proxy|ping|ssh|bind|listen|inet)\b[^0-9A-Za-z]{0,12}$|(?:://|@)$",
    re.IGNORECASE,
)
_SMALL = 32  # three numbers below it read as a version unless something says address
_CONTEXT = 60
_JOINED = (b".", b"-", b"_", b"/")


def find_emails(data: bytes) -> Iterator[Finding]:
    """Yield the e-mail addresses of a text's UTF-8, in bytes."""
    if b"@" not in data:
        return
    for match in linear_pattern(_EMAIL).finditer(data):
        start, stop = match.span()
        stop = start + len(data[start:stop].rstrip(b"_"))  # of emphasis
        if _IN_URL.search(data, max(start - _CONTEXT, 0), start):
            continue  # a user of a host
        if _is_email(data[start:stop], data[stop : stop + 1]):
            start += len(data[start:stop]) - len(data[start:stop].lstrip(b".-+%"))
            yield Finding("email", start, stop)


def find_ip_addresses(data: bytes) -> Iterator[Finding]:
    """Yield the public IP addresses of a text's UTF-8, in bytes."""
    for match in linear_pattern(_IPV4).finditer(data):
        if _is_ipv4(data, *match.span()):
            yield Finding("ipv4", *match.span())
    for match in linear_pattern(_IPV6).finditer(data):
        start, stop = match.span()
        if data[stop - 2 : stop] != b"::":
            stop -= data[stop - 1 : stop] == b":"
        if _is_ipv6(data, start, stop):
            yield Finding("ipv6", start, stop)


def _is_email(address: bytes, after: bytes) -> bool:
    user, _, domain = address.lower().partition(b"@")
    labels = domain.split(b".")
    top = labels[-1]
    if not user.strip(b".-+%_") or any(not part or part.startswith(b"-") for part in labels):
        return False
    if top in _RESERVED or domain.endswith(_RESERVED_NAMES):
        return False
    if user in _CLONE_USERS and after in (b":", b"/"):
        return False
    if len(top) == 2:
        return not (top in _NOT_DOMAINS and len(labels) == 2 and len(labels[0]) < 3)
    return top in _GENERIC


def _is_ipv4(data: bytes, start: int, stop: int) -> bool:
    text = data[start:stop]
    before = data[max(start - 2, 0) : start]
    if text in _NO_ONES or (before[-1:] in _JOINED and before != b"//"):
        return False
    if re.match(rb"[.-]\w|\.\*|[A-Za-z_]", data[stop : stop + 2]):  # an OID, a longer number
        return False
    try:
        address = IPv4Address(text.decode("ascii"))
    except AddressValueError:
        return False
    if any(address in network for network in _NOT_PUBLIC):
        return False
    if address.packed[3] == 0 and re.match(rb"/[0-9]", data[stop : stop + 2]):
        return False  # a network
    line_start = max(data.rfind(b"\n", 0, start) + 1, start - _CONTEXT)
    before = data[line_start:start]
    if _VERSION_BEFORE.search(before):
        return False
    numbers = address.packed
    is_small = sum(number < _SMALL for number in numbers) >= 3 or numbers[-2:] == b"\0\0"
    is_object_id = numbers[0] <= 2 and numbers[1] < 40
    return not (is_small or is_object_id) or _ADDRESS_WORD.search(before) is not None


def _is_ipv6(data: bytes, start: int, stop: int) -> bool:
    text = data[start:stop]
    if re.match(rb"[:.\w]", data[stop : stop + 1]) or data[start - 1 : start] in (b":", b"."):
        return False
    if sum(1 for part in text.split(b":") if part) < 3:
        return False
    try:
        address = IPv6Address(text.decode("ascii"))
    except AddressValueError:
        return False
    return not any(address in network for network in _NOT_PUBLIC_V6)
