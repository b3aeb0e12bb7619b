"""Networks of a client's IP address, by which sign-in limits count; IPv6 clients have a block of addresses each."""

import ipaddress
from dataclasses import dataclass

from starlette.requests import Request

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""Well-known prefix of IPv4-embedded IPv6 addresses (RFC 6052, 2.1): the IPv4 address is the last 32 bits."""


@dataclass(frozen=True, slots=True)
class Networks:
    """Two networks of a client, one within the other, in CIDR notation.

    Args:
        narrow: network of a household or firm: an IPv4 address, or an IPv6 /56 (RFC 6177).
        wide: largest network of one customer of a provider: an IPv4 /24, or an IPv6 /48.
    """

    narrow: str
    wide: str


def networks_of(request: Request) -> Networks:
    """Return the networks of a request's client."""
    return networks(request.client.host if request.client else "")


def networks(host: str) -> Networks:
    """Return the networks of an IP address; all invalid addresses share one."""
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return Networks("unknown", "unknown")
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or (found.teredo or (None, None))[1]
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is None:  # 6to4 needs no special case: its IPv4 address is in the first 48 bits
            return Networks(_within(found, 56), _within(found, 48))
        found = inner
    return Networks(str(found), _within(found, 24))


def _within(address: ipaddress.IPv4Address | ipaddress.IPv6Address, bits: int) -> str:
    return str(ipaddress.ip_network((address, bits), strict=False))
