"""May this proxy be used by this client, and be sent to this address and port?  The caps no rule can lift.

A proxy stands where its clients may not: these judgements keep it from lending them its place.  They look at the
address that is about to be dialled, after resolution, so a public name for a private address gains nothing.  A
refusal is a value and carries its RFC 9209 error type.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Literal

from forward_proxy.access.addresses import Special, special
from forward_proxy.access.options import Options
from forward_proxy.message.hosts import IPAddress, ip_literal, unmapped

type ProhibitionError = Literal["destination_ip_prohibited", "proxy_loop_detected", "http_request_denied"]

# What not even a local client has use for: a page in its browser could ask for these in its name.
_NEVER = ("metadata", "unspecified", "multicast")
_WORDS = {
    "metadata": "the cloud's metadata service",
    "unspecified": "an unspecified address",
    "multicast": "a multicast address",
    "loopback": "a loopback address",
    "link-local": "a link-local address",
    "private": "a private address",
    "shared": "a carrier's shared address",
    "reserved": "a reserved address",
}


@dataclass(frozen=True, slots=True)
class Prohibited:
    """A refusal: its RFC 9209 error type, and why, for the operator and the client alike."""

    error: ProhibitionError
    reason: str


@dataclass(frozen=True, slots=True)
class OwnListeners:
    """Where this program listens (proxy and console alike), and the addresses of this machine."""

    bound: frozenset[tuple[IPAddress, int]] = frozenset()
    local_addresses: frozenset[IPAddress] = frozenset()


def judge_client(client: IPAddress, options: Options) -> Prohibited | None:
    """Loopback may always use the proxy, others only from inside the allowed networks."""
    address = unmapped(client)
    if address.is_loopback or any(address in network for network in options.allow_clients):
        return None
    return Prohibited("http_request_denied", f"{address} is not among the clients this proxy serves")


def judge_purging(client: IPAddress, options: Options) -> Prohibited | None:
    """Loopback may always purge what is stored, others only from inside the networks named for it."""
    address = unmapped(client)
    if address.is_loopback or any(address in network for network in options.purge_clients):
        return None
    return Prohibited("http_request_denied", f"{address} is not among the clients that may purge (purge_clients)")


def judge_connect_port(port: int, options: Options, *, by_socks: bool = False) -> Prohibited | None:
    """A tunnel leads to 443 or a port that is listed; by SOCKS to 80 as well, where its clients ask for plain HTTP."""
    if port == 443 or port in options.connect_ports or (by_socks and port == 80):
        return None
    return Prohibited("http_request_denied", f"tunnels to port {port} are not allowed")


def judge_address(address: IPAddress, client: IPAddress, options: Options) -> Prohibited | None:
    """Targets that are not public are for local clients, some of them for nobody."""
    found = special(address)
    if found is None or options.allow_private_targets:
        return None
    if found.kind not in _NEVER and unmapped(client).is_loopback:
        return None
    return Prohibited("destination_ip_prohibited", f"{address} is {_described(found)}")


def address_named(host: str) -> IPAddress | None:
    """What a canonical host means whoever resolves it: an address itself, and loopback for localhost (RFC 6761 §6.3).

    Where a parent proxy resolves, this is all that can be judged here.
    """
    if host == "localhost" or host.endswith(".localhost"):
        return IPv4Address("127.0.0.1")
    return ip_literal(host)


def judge_loop(address: IPAddress, port: int, own: OwnListeners) -> Prohibited | None:
    """This program never dials itself, whoever asks.

    A listener bound to the wildcard is reached through every address of this machine, and a connection to the wildcard
    reaches a listener on any of them.
    """
    target = unmapped(address)
    at_port = {unmapped(bound) for bound, bound_port in own.bound if bound_port == port}
    if not at_port:
        return None
    here = target.is_loopback or target.is_unspecified or target in own.local_addresses
    any_bound_here = target.is_unspecified or any(bound.is_unspecified for bound in at_port)
    if target in at_port or (here and any_bound_here):
        return Prohibited("proxy_loop_detected", f"{address} port {port} is this proxy itself")
    return None


def _described(found: Special) -> str:
    words = _WORDS[found.kind]
    return words if found.carried is None else f"an IPv6 form of {found.carried}, {words}"
