"""Which rules can never decide, because earlier ones match first whatever they match?

A rule that names several hosts is shadowed when each of them is, be it by one rule or by several.  It is only said
where it is certain (matching.implication); a rule that is not named here may still be out of reach.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from forward_proxy.matching.choice import Choice
from forward_proxy.matching.hosts import HostPattern, suffixes
from forward_proxy.matching.implication import implies, narrowed
from forward_proxy.matching.matcher import Matcher
from forward_proxy.matching.subject import RuleRef

_WITHOUT_HOSTS_LOOKED_AT = 1000  # Of those that name no host, which stand in the way of all others.


def shadowed[T](rules: Sequence[Choice[T]]) -> Mapping[int, tuple[RuleRef, ...]]:
    """By its place each rule that can never decide, and the earlier rules that decide instead, in their order."""
    found: dict[int, tuple[RuleRef, ...]] = {}
    earlier = _Earlier()
    for place, rule in enumerate(rules):
        instead = earlier.instead_of(rule.matcher)
        if instead:
            found[place] = tuple(rules[each].where for each in sorted(instead))
        else:  # What a shadowed rule could shadow, the others do.
            earlier.add(place, rule.matcher)
    return found


@dataclass(slots=True)
class _Earlier:
    """Rules by place, filed as in the index: under each host they name, or under none."""

    below: dict[str, list[int]] = field(default_factory=dict)
    exact: dict[str, list[int]] = field(default_factory=dict)
    anywhere: list[int] = field(default_factory=list)
    matchers: dict[int, Matcher] = field(default_factory=dict)

    def add(self, place: int, matcher: Matcher) -> None:
        self.matchers[place] = matcher
        if matcher.hosts is None:
            if len(self.anywhere) < _WITHOUT_HOSTS_LOOKED_AT:
                self.anywhere.append(place)
            return
        for filed, names in ((self.below, matcher.hosts.below), (self.exact, matcher.hosts.exact)):
            for name in names:
                filed.setdefault(name, []).append(place)

    def instead_of(self, matcher: Matcher) -> set[int]:
        """Places of the rules that decide whatever this one could; none when it may decide something."""
        hosts = matcher.hosts
        if hosts is None:
            place = self._wider(matcher, self.anywhere)
            return set() if place is None else {place}
        instead = set()
        for name, below in (*((name, True) for name in hosts.below), *((name, False) for name in hosts.exact)):
            pattern = HostPattern(name, below)
            place = self._wider(narrowed(matcher, pattern), sorted((*self.anywhere, *self._filed(pattern))))
            if place is None:
                return set()
            instead.add(place)
        return instead

    def _wider(self, matcher: Matcher, places: Iterable[int]) -> int | None:
        return next((place for place in places if implies(matcher, self.matchers[place])), None)

    def _filed(self, pattern: HostPattern) -> list[int]:
        places = [] if pattern.below else list(self.exact.get(pattern.host, ()))
        for name in suffixes(pattern.host):
            places += self.below.get(name, ())
        return places
