"""The networks that a request comes from, as sign-in limits count them: IPv6 is handed out by the block."""

import ipaddress
from dataclasses import dataclass

from starlette.requests import Request

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""The IPv4 internet as an IPv6 network sees it (RFC 6052 clause 2.1): the address is in the last 32 bits."""


@dataclass(frozen=True, slots=True)
class Networks:
    """Two networks, one within the other.

    Args:
        narrow: what one household or firm has: an address, or 56 bits of IPv6 (RFC 6177).
        wide: what a provider hands out at most to one customer: 24 bits of IPv4, 48 of IPv6.
    """

    narrow: str
    wide: str


def networks_of(request: Request) -> Networks:
    """Return the networks of whoever sent a request."""
    return networks(request.client.host if request.client else "")


def networks(host: str) -> Networks:
    """Return the networks of an address; addresses that are none share one."""
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return Networks("unknown", "unknown")
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or (found.teredo or (None, None))[1]
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is None:  # 6to4 needs no care: its address stands in the first 48 bits
            return Networks(_within(found, 56), _within(found, 48))
        found = inner
    return Networks(str(found), _within(found, 24))


def _within(address: ipaddress.IPv4Address | ipaddress.IPv6Address, bits: int) -> str:
    return str(ipaddress.ip_network((address, bits), strict=False))
