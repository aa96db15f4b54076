"""Which network addresses feeds may be fetched from: only such as are reachable by everybody, and those set free.

A feed's address, and each address that a redirect leads to, is chosen by strangers. Without a guard they could have
this machine ask its own network: a router, a database, the metadata service of a cloud.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
AddrInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]

# Networks that the registries call global, yet that lead into a translator, a relay or nowhere.
_REFUSED: tuple[IPNetwork, ...] = tuple(
    ipaddress.ip_network(network)
    for network in ("192.88.99.0/24", "::/96", "64:ff9b:1::/48", "2001::/32", "3fff::/20", "5f00::/16")
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class RefusedAddress(OSError):
    """A connection that the guard does not allow; the message says why and which setting would allow it."""


class Guard:
    """Says no to every address that is not global unless it lies in one of `allowed` (CIDR)."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = tuple(ipaddress.ip_network(network, strict=False) for network in allowed)

    def refusal(self, address: str) -> str:
        """Why `address` (an IP address as text) may not be connected to, "" where it may."""
        try:
            ip = _innermost(ipaddress.ip_address(address.partition("%")[0]))
        except ValueError:
            return "is no IP address"
        if any(ip in network for network in self._allowed):
            return ""
        kind = _kind(ip)
        return f"{ip} is {kind}; fetch.allow_networks in settings.yaml would allow it" if kind else ""

    def check(self, address: str) -> None:
        """RefusedAddress unless `address` may be connected to."""
        reason = self.refusal(address)
        if reason:
            raise RefusedAddress(f"refused to connect: {reason}")

    def open_socket(self, info: AddrInfo) -> socket.socket:
        """A socket for `info`, checked: the last stop before the connection, on the very address connected to."""
        family, kind, protocol, _, address = info
        self.check(str(address[0]))
        return socket.socket(family=family, type=kind, proto=protocol)


class GuardedResolver(AbstractResolver):
    """Looks a name up once, by `inner`, and refuses it whole where any of its addresses is refused."""

    def __init__(self, guard: Guard, inner: AbstractResolver) -> None:
        self._guard = guard
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host`; RefusedAddress (an OSError) where one of them may not be connected to."""
        found = await self._inner.resolve(host, port, family)
        for item in found:
            self._guard.check(item["host"])
        return found

    async def close(self) -> None:
        """Close the inner resolver."""
        await self._inner.close()


def _innermost(ip: IPAddress) -> IPAddress:
    """The IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip


def _kind(ip: IPAddress) -> str:
    """What kind of not-global address `ip` is, "" where it is global."""
    kinds: Sequence[tuple[bool, str]] = (
        (ip.is_unspecified, "unspecified"),
        (ip.is_loopback, "loopback"),
        (ip.is_link_local, "link-local"),
        (ip.is_multicast, "multicast"),
        (isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local, "site-local"),
        (any(ip in network for network in _REFUSED), "a translator's or reserved"),
        (ip.is_private, "private"),
        (ip.is_reserved, "reserved"),
        (not ip.is_global, "not public"),
    )
    return next((kind for holds, kind in kinds if holds), "")
