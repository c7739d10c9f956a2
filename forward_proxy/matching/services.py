"""Is the host one of a service that people know by its name?  `tiktok`, or all of a category, `games`.

A service has hosts of its own and hosts that it shares with others, which cannot do without them: the pictures of
several networks come from one.  To deny Instagram must not break Facebook, so a match that denies covers a shared host
only when it names every service that shares it.  Everywhere else, to let Instagram through or to leave it out of a
denial (`not`), it covers what Instagram needs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import ClassVar

from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.hosts import HostPattern, Hosts, suffixes


@dataclass(frozen=True, slots=True)
class Service:
    """One service: what rules call it, what people do, and its hosts; `where` is FILE:LINE."""

    id: str
    name: str
    category: str
    hosts: tuple[HostPattern, ...]
    shared: tuple[HostPattern, ...] = ()
    where: str = ""


@dataclass(frozen=True, slots=True)
class Services(Hosts):
    """The key `service`; `names` are those of the services by host."""

    names: Mapping[str, str] = field(compare=False)
    key: ClassVar[str] = "service"

    def name_of(self, host: str) -> str | None:
        """Whose host this is, for people; None when it is none of them."""
        for name in suffixes(host):
            if name in self.below or (name == host and name in self.exact):
                return self.names[name]
        return None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All services by their ids."""

    services: Mapping[str, Service] = field(default_factory=dict)
    _sharers: Mapping[HostPattern, frozenset[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        sharers: dict[HostPattern, frozenset[str]] = {}
        for service in self.services.values():
            for pattern in service.shared:
                sharers[pattern] = sharers.get(pattern, frozenset()) | {service.id}
        object.__setattr__(self, "_sharers", sharers)

    @property
    def categories(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(service.category for service in self.services.values() if service.category))

    def named(self, word: str) -> tuple[Service, ...] | Unreadable:
        """The service of this id, or those of this category."""
        if word in self.services:
            return (self.services[word],)
        members = tuple(service for service in self.services.values() if service.category == word)
        return members if word and members else Unreadable(self._unknown(word))

    def condition(self, services: Iterable[Service], *, denies: bool) -> Services:
        """Whether a host is one of these services'; `denies` when what fits is to be denied."""
        named = {service.id: service for service in services}
        names: dict[HostPattern, list[str]] = {}
        for service in named.values():
            shared = [host for host in service.shared if not denies or self._sharers[host] <= named.keys()]
            for pattern in (*service.hosts, *shared):
                names.setdefault(pattern, []).append(service.name)
        patterns = Hosts.of(tuple(names))
        return Services(patterns.below, patterns.exact, {each.host: ", ".join(names[each]) for each in names})

    def _unknown(self, word: str) -> str:
        near = get_close_matches(word, (*self.services, *self.categories))
        hint = f"did you mean {' or '.join(near)}?" if near else "`forward-proxy services` lists them"
        return f"no service or category is called {word}; {hint}"
