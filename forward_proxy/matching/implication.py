"""Does one match fit whatever another fits?  Said only where it is certain; False means that nobody knows.

It is certain when each condition of the wider match follows from one of the narrower: from the same condition, or from
one on the same fact that leaves less open.  Paths, expressions, times, media types and `not` follow from themselves
alone.  A condition that holds is known to hold, so what is not known of a subject changes nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from forward_proxy.matching.clients import Clients, Network
from forward_proxy.matching.conditions import Condition
from forward_proxy.matching.facts import Methods, Party, Ports, Resources, Schemes
from forward_proxy.matching.hosts import HostPattern, Hosts, suffixes
from forward_proxy.matching.matcher import Matcher


def implies(narrow: Matcher, wide: Matcher) -> bool:
    """Whether it is certain that every subject that `narrow` fits is one that `wide` fits."""
    return all(any(_follows(wanted, given) for given in narrow.conditions) for wanted in wide.conditions)


def narrowed(matcher: Matcher, pattern: HostPattern) -> Matcher:
    """The match for this host of its hosts alone."""
    only = Hosts.of((pattern,))
    return replace(matcher, conditions=tuple(only if isinstance(each, Hosts) else each for each in matcher.conditions))


def _follows(wanted: Condition, given: Condition) -> bool:
    """Whether `wanted` holds wherever `given` does."""
    if isinstance(wanted, Hosts) and isinstance(given, Hosts):
        return _hosts(wanted, given)  # Those of services are hosts as others.
    if type(wanted) is not type(given):
        return False
    compare = _COMPARED.get(type(wanted))
    return wanted == given or (compare is not None and compare(wanted, given))


def _hosts(wide: Hosts, narrow: Hosts) -> bool:
    return all(covers(wide, host, False) for host in narrow.exact) and all(covers(wide, h, True) for h in narrow.below)


def covers(hosts: Hosts, host: str, below: bool) -> bool:
    """Whether the hosts have this one among them, and all below it when those are meant too."""
    return (not below and host in hosts.exact) or not hosts.below.isdisjoint(suffixes(host))


def _ports(wide: Ports, narrow: Ports) -> bool:
    return all(any(one.start >= all_.start and one.stop <= all_.stop for all_ in wide.ranges) for one in narrow.ranges)


def _clients(wide: Clients, narrow: Clients) -> bool:
    return all(any(_is_within(one, all_) for all_ in wide.networks) for one in narrow.networks)


def _is_within(narrow: Network, wide: Network) -> bool:
    return narrow.version == wide.version and narrow.subnet_of(cast(Any, wide))


_COMPARED: Mapping[type, Callable[[Any, Any], bool]] = {
    Hosts: _hosts,
    Ports: _ports,
    Clients: _clients,
    Schemes: lambda wide, narrow: narrow.schemes <= wide.schemes,
    Methods: lambda wide, narrow: narrow.methods <= wide.methods,
    Resources: lambda wide, narrow: narrow.resources <= wide.resources,
    Party: lambda wide, narrow: narrow.wanted <= wide.wanted,
}
