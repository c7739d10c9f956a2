"""Is this address one that only means something on this machine or this network?  RFC 6890 and the IANA registries.

The tables are our own, because `ipaddress.is_private` changes with the Python version.  An IPv6 address that carries
an IPv4 address (mapped, compatible, translated, NAT64, 6to4, Teredo) is judged by what it carries: a router or the
kernel may turn it back.  IPv6 outside global unicast (2000::/3) is reserved unless the table says more.
"""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal

from forward_proxy.message.hosts import IPAddress

type Kind = Literal["metadata", "unspecified", "multicast", "loopback", "link-local", "private", "shared", "reserved"]

# Where clouds tell a machine its own credentials: AWS and Azure, GCP, Oracle, AWS containers, Alibaba, Azure.
METADATA = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",
        "fd00:ec2::254",
        "fd20:ce::254",
        "192.0.0.192",
        "169.254.170.2",
        "169.254.170.23",
        "fd00:ec2::23",
        "100.100.100.200",
        "168.63.129.16",
    )
)

_V4: tuple[tuple[IPv4Network, Kind], ...] = (
    (IPv4Network("0.0.0.0/8"), "unspecified"),
    (IPv4Network("10.0.0.0/8"), "private"),
    (IPv4Network("100.64.0.0/10"), "shared"),
    (IPv4Network("127.0.0.0/8"), "loopback"),
    (IPv4Network("169.254.0.0/16"), "link-local"),
    (IPv4Network("172.16.0.0/12"), "private"),
    (IPv4Network("192.0.0.0/24"), "reserved"),
    (IPv4Network("192.0.2.0/24"), "reserved"),
    (IPv4Network("192.88.99.0/24"), "reserved"),
    (IPv4Network("192.168.0.0/16"), "private"),
    (IPv4Network("198.18.0.0/15"), "private"),
    (IPv4Network("198.51.100.0/24"), "reserved"),
    (IPv4Network("203.0.113.0/24"), "reserved"),
    (IPv4Network("224.0.0.0/4"), "multicast"),
    (IPv4Network("240.0.0.0/4"), "reserved"),
)
_V6: tuple[tuple[IPv6Network, Kind], ...] = (
    (IPv6Network("::/128"), "unspecified"),
    (IPv6Network("::1/128"), "loopback"),
    (IPv6Network("64:ff9b:1::/48"), "private"),
    (IPv6Network("2001::/23"), "reserved"),
    (IPv6Network("2001:db8::/32"), "reserved"),
    (IPv6Network("3fff::/20"), "reserved"),
    (IPv6Network("fc00::/7"), "private"),
    (IPv6Network("fe80::/10"), "link-local"),
    (IPv6Network("fec0::/10"), "private"),
    (IPv6Network("ff00::/8"), "multicast"),
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_IN_LAST_BITS = (IPv6Network("::/96"), IPv6Network("::ffff:0:0:0/96"), _NAT64)
_TEREDO = IPv6Network("2001::/32")


@dataclass(frozen=True, slots=True)
class Special:
    """The kind of an address that is not simply public; `carried` when it is the kind of an IPv4 address inside."""

    kind: Kind
    carried: IPv4Address | None = None


@lru_cache(maxsize=4096)
def special(address: IPAddress) -> Special | None:
    """The kind of the address, None for a public one.  Never raises."""
    if address in METADATA:
        return Special("metadata")
    if isinstance(address, IPv4Address):
        return next((Special(kind) for network, kind in _V4 if address in network), None)
    return _special_v6(IPv6Address(int(address)))  # Without its zone, which would make it unequal to the tables.


def _special_v6(address: IPv6Address) -> Special | None:
    if address in METADATA:
        return Special("metadata")
    if int(address) > 1:  # `::` and `::1` would be read as carrying 0.0.0.0 and 0.0.0.1.
        for inner in carried(address):
            if (found := special(inner)) is not None:
                return Special(found.kind, inner)
    if address.ipv4_mapped or address in _NAT64 or address in _TEREDO:
        return None
    kind = next((kind for network, kind in _V6 if address in network), None)
    if kind is None and address not in _GLOBAL_UNICAST:
        kind = "reserved"
    return Special(kind) if kind else None


def carried(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses inside an IPv6 address; Teredo has two, of its server and its client."""
    if address.ipv4_mapped:
        return (address.ipv4_mapped,)
    if address.sixtofour:
        return (address.sixtofour,)
    if address.teredo:
        return address.teredo
    if any(address in network for network in _IN_LAST_BITS):
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return ()
