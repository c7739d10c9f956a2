"""Does the request come from one of these clients?  Addresses and networks in CIDR notation.

IPv4-mapped IPv6 is IPv4, in rules as in requests.  A request without a known client comes from none of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network
from typing import ClassVar

from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.subject import Subject
from forward_proxy.message.hosts import IPAddress, unmapped

type Network = IPv4Network | IPv6Network

_MAPPED = IPv6Network("::ffff:0:0/96")


@dataclass(frozen=True, slots=True)
class Clients:
    """The key `client`."""

    networks: tuple[Network, ...]
    key: ClassVar[str] = "client"
    needs_response: ClassVar[bool] = False

    @classmethod
    def of(cls, networks: Sequence[Network]) -> "Clients":
        return cls(tuple(networks))

    def holds(self, subject: Subject) -> bool:
        if subject.client is None:
            return False
        client = unmapped(subject.client)
        return any(client in network for network in self.networks)


def network_of(address: IPAddress) -> Network:
    """The network of this address alone."""
    return IPv4Network(address) if isinstance(address, IPv4Address) else IPv6Network(address)


def read_network(text: str) -> Network | Unreadable:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return Unreadable(f"expected an IP address or a network such as 10.0.0.0/8, not {text}")
    if "%" in text:
        return Unreadable("an address with a zone means something on one machine only")
    if "/" in text and str(network) != text and _has_host_bits(text):
        return Unreadable(f"{text} has bits set beyond its prefix; did you mean {network}?")
    return _unmapped_network(network)


def _has_host_bits(text: str) -> bool:
    try:
        ip_network(text, strict=True)
    except ValueError:
        return True
    return False


def _unmapped_network(network: Network) -> Network:
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return network
