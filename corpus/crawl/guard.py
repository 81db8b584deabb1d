"""Which URLs and addresses may be fetched: a page or a redirect never leads into a private network.

Names are resolved here, and the connection goes to the very addresses that were checked, so a name
that answers differently the second time gains nothing.
"""

import ipaddress
import re
import socket
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

Refusal = Literal["scheme", "host", "address", "credentials", "url"]
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
HostMap = Mapping[str, tuple[str, int]]  # a host's name to a loopback address and port

# A name as DNS can be asked for it (labels of up to 63 characters), or an IPv6 address.
_LABEL = "[a-z0-9_-]{1,63}"
_HOST = re.compile(rf"(?=.{{1,254}}$)(?:{_LABEL}\.)*{_LABEL}\.?|[0-9a-f]*:[0-9a-f:.]+")
# Prefixes that carry an IPv4 address, and where in the IPv6 address it lies.
_TUNNELS = (
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),
    (ipaddress.IPv6Network("64:ff9b:1::/48"), 0),
    (ipaddress.IPv6Network("2002::/16"), 80),
    (ipaddress.IPv6Network("::/96"), 0),
)
_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_TEREDO = ipaddress.IPv6Network("2001::/32")


class RefusedUrlError(ValueError):
    """A URL that must not be fetched."""

    def __init__(self, url: str, refusal: Refusal, detail: str) -> None:
        super().__init__(f"{url}: refused: {detail}")
        self.url = url
        self.refusal = refusal
        self.detail = detail


class Guard:
    """Decides over URLs before a request, and over addresses before a connection.

    Args:
        hosts: the only hosts allowed, lower-case; None allows any.
        allow_loopback: also this machine, for stand-ins; never other private ranges.
        host_map: stand-ins, by the name of the host in whose place they answer; no other host has
            an address then.
    """

    def __init__(
        self,
        *,
        hosts: frozenset[str] | None = None,
        allow_loopback: bool = False,
        host_map: HostMap | None = None,
    ) -> None:
        self.hosts = hosts
        self.allow_loopback = allow_loopback
        self.host_map = host_map

    def check_url(self, url: str) -> None:
        """Raise RefusedUrlError for a URL that must not be fetched."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise RefusedUrlError(url, "url", str(error)) from None
        if parts.scheme not in ("http", "https"):
            raise RefusedUrlError(url, "scheme", f"{parts.scheme or 'no scheme'} is not fetched")
        if parts.username is not None or parts.password is not None:
            raise RefusedUrlError(host or "", "credentials", "it carries a user name or password")
        is_bracketed = "[" in parts.netloc
        if host and (not _HOST.fullmatch(host) or is_bracketed != (":" in host)):
            raise RefusedUrlError(url, "url", "no host has such a name")
        if not host or _CONTROL.search(url):
            raise RefusedUrlError(url, "url", "it is malformed")
        if self.hosts is not None and host not in self.hosts:
            raise RefusedUrlError(url, "host", f"{host} is not among the allowed hosts")
        address = _literal(host)
        if address is not None and not self.may_connect(address):
            raise RefusedUrlError(url, "address", f"{host} is no public address")

    def may_connect(self, address: IPAddress) -> bool:
        """Tell whether an address is public, or this machine where that is allowed."""
        address = _innermost(address)
        if address.is_loopback:
            return self.allow_loopback
        return address.is_global and not address.is_multicast and not address.is_reserved


class GuardedResolver(AbstractResolver):
    """Resolves names, and refuses those with an address that is not allowed."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host.

        Raises:
            RefusedUrlError: if one of them is private: a name that mixes both is an attack.
        """
        if self._guard.host_map is not None:
            return [_stand_in(host, self._guard.host_map)]
        try:
            found = await self._resolver.resolve(host, port, family)
        except UnicodeError as error:  # DNS has no such name
            raise OSError(socket.EAI_NONAME, f"{host!r}: {error}") from error
        for each in found:
            address = _literal(each["host"])
            if address is None or not self._guard.may_connect(address):
                raise RefusedUrlError(host, "address", f"it resolves to {each['host']}")
        return found

    async def close(self) -> None:
        """Give the resolver up."""
        await self._resolver.close()


def _stand_in(host: str, host_map: HostMap) -> ResolveResult:
    if host not in host_map:
        raise OSError(socket.EAI_NONAME, f"{host} has no stand-in")
    address, port = host_map[host]
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET,
        proto=0,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


def _literal(host: str) -> IPAddress | None:
    """Return the address that a host is written as, in any form that a connection would accept."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:  # 127.1, 0x7f000001 and 2130706433 are this machine, too
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeEncodeError):
        return None


def _innermost(address: IPAddress) -> IPAddress:
    """Return the IPv4 address that an IPv6 address stands for, else the address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _TEREDO:
        return ipaddress.IPv4Address(~int(address) & 0xFFFFFFFF)
    for network, shift in _TUNNELS:
        if address in network and int(address) > 1:  # not :: and ::1
            return ipaddress.IPv4Address((int(address) >> shift) & 0xFFFFFFFF)
    return address
