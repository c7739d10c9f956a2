"""Which rule matches first, without trying them all?

A rule that names hosts can only match those, so it is filed under each of them; a request is compared with the rules
filed under its host and the names above it, and with the rules that name no host.  The order of rules is kept exactly:
the first of the filed ones that matches bounds how far the others need to be tried.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from forward_proxy.matching.hosts import suffixes
from forward_proxy.matching.matcher import Matcher
from forward_proxy.matching.subject import Subject


@dataclass(frozen=True, slots=True)
class HostIndex:
    """Matchers in order; places of those that name a host, by host; places of all others."""

    matchers: tuple[Matcher, ...]
    below: Mapping[str, tuple[int, ...]]
    exact: Mapping[str, tuple[int, ...]]
    anywhere: tuple[int, ...]

    @classmethod
    def of(cls, matchers: Sequence[Matcher]) -> "HostIndex":
        below: dict[str, list[int]] = {}
        exact: dict[str, list[int]] = {}
        anywhere: list[int] = []
        for place, matcher in enumerate(matchers):
            hosts = matcher.hosts
            if hosts is None:
                anywhere.append(place)
                continue
            for filed, names in ((below, hosts.below), (exact, hosts.exact)):
                for name in names:
                    filed.setdefault(name, []).append(place)
        return cls(tuple(matchers), _frozen(below), _frozen(exact), tuple(anywhere))

    def first(self, subject: Subject, start: int = 0) -> int:
        """Place of the first matcher from `start` on that fits; the number of matchers when none does."""
        matchers = self.matchers
        first = len(matchers)
        for place in self.filed(subject.host):
            if place >= start and matchers[place].matches(subject):
                first = place
                break
        for place in self.anywhere:
            if place > first:
                break
            if place >= start and matchers[place].matches(subject):
                return place
        return first

    def filed(self, host: str) -> list[int]:
        """Places of the matchers that name this host or one above it, in order."""
        places = list(self.exact.get(host, ()))
        for name in suffixes(host):
            if name in self.below:
                places += self.below[name]
        places.sort()
        return places


def _frozen(filed: dict[str, list[int]]) -> Mapping[str, tuple[int, ...]]:
    return {name: tuple(places) for name, places in filed.items()}
