"""The one parser of feed addresses: of configured ones and of each hop of a redirect alike.

It refuses what different parsers read differently (backslashes, control characters, hosts written as a number), so
that what was checked is what is connected to. Whether the host's address may be connected to is not decided here.
"""

from __future__ import annotations

import functools
import ipaddress
import re

from yarl import URL

MAX_LENGTH = 4_000
_CONFUSING = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ufeff\\]")
_NUMERIC = re.compile(r"(?:\d+|0x[0-9a-f]*)", re.IGNORECASE)
# Ports of services that would take an HTTP request for commands of their own, or that no feed was ever served on.
_PORTS_REFUSED = frozenset({1433, 1521, 2049, 2375, 3306, 3389, 5432, 5060, 5061, 5900, 6379, 9200, 11211, 27017})
_PORTS_IRC = range(6660, 6670)


@functools.lru_cache(maxsize=4_096)
def parse_address(text: str) -> URL:
    """`text` as an http(s) address in normal form; ValueError (`what is wrong; what is allowed`) else.

    The message never repeats the address, which may hold a secret.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"is too long an address; at most {MAX_LENGTH} characters")
    if _CONFUSING.search(text):
        raise ValueError("has spaces, control characters or backslashes in the address; write it plainly")
    scheme, colon, _ = text.partition(":")
    if not colon or scheme.lower() not in ("http", "https"):
        found = f"has the scheme {scheme.lower()[:20]}" if colon and scheme.isalnum() else "has no scheme"
        raise ValueError(f"{found}; allowed: http, https")
    try:
        url = URL(text)
        host, port = url.host or "", url.port or 0
    except ValueError:
        raise ValueError("is not a valid address; allowed: http://host/path, https://host/path") from None
    _check_host(host)
    if port in _PORTS_REFUSED or port in _PORTS_IRC or (port < 1024 and port not in (80, 443)):
        raise ValueError(f"has port {port}, where no feeds are served; allowed: 80, 443, most above 1023")
    return url.with_fragment(None)


def _check_host(host: str) -> None:
    if not host:
        raise ValueError("has no host; allowed: http://host/path, https://host/path")
    if ":" in host or not _NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2]):
        return
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        raise ValueError("has a host written as a number; write an IP address as four decimal numbers") from None
