"""What does an entry of `pac:` say beside its match?  From plain values to a Pac, or what is wrong.

A network is of IPv4: not every engine that reads a PAC file can tell whether an IPv6 address is in one.
"""

from collections.abc import Mapping
from ipaddress import IPv4Network

from forward_proxy.matching.clients import read_network
from forward_proxy.matching.conditions import Problem, Unreadable
from forward_proxy.matching.hosts import HostPattern, read_host
from forward_proxy.policy.onboarding import Pac

KEYS = ("direct", "fallback")

_FALLBACKS = {"none": False, "direct": True}


def read_pac(given: Mapping[str, object], where: str) -> Pac | tuple[Problem, ...]:
    """The entry at this place; `given` are its keys, other ones left aside."""
    problems: list[Problem] = []
    fallback = given.get("fallback", "none")
    if not isinstance(fallback, str) or fallback not in _FALLBACKS:
        problems.append(Problem(("fallback",), "expected none or direct"))
    if "direct" not in given and "fallback" not in given:
        problems.append(Problem((), "expected direct, fallback or both"))
    hosts: list[HostPattern] = []
    networks: list[IPv4Network] = []
    raw = given.get("direct", [])
    for place, member in enumerate(raw if isinstance(raw, list) else [raw]):
        read = _read(member)
        if isinstance(read, HostPattern):
            hosts.append(read)
        elif isinstance(read, IPv4Network):
            networks.append(read)
        else:
            path: tuple[str | int, ...] = ("direct", place) if isinstance(raw, list) else ("direct",)
            problems.append(Problem(path, read.text))
    return tuple(problems) or Pac(tuple(hosts), tuple(networks), fallback == "direct")


def _read(member: object) -> HostPattern | IPv4Network | Unreadable:
    if not isinstance(member, str):
        return Unreadable("expected a host, an address, or a network such as 10.0.0.0/8")
    if "/" not in member:
        return read_host(member)
    network = read_network(member)
    if isinstance(network, IPv4Network | Unreadable):
        return network
    return Unreadable(f"{member}: expected a network of IPv4; a PAC file cannot tell networks of IPv6")
