"""A ClearURLs list, compiled: which of its providers is this URL of, and what do they have removed?

Nearly all providers are of one name in the host, so they are filed by it, and only those of a name that the URL's host
has are tried.  What a name of a parameter comes to is remembered: most of them come again and again.

In ClearURLs a provider with `completeProvider` is blocked.  Blocking is for rules: a rule that denies by this list
denies those (`find`), and cleaning passes them over.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from forward_proxy.access.lists.found import Found
from forward_proxy.access.lists.reading import Report
from forward_proxy.cleaning.patterns import Pattern, Url
from forward_proxy.cleaning.spans import Capture, Raw
from forward_proxy.matching.automata import Automaton
from forward_proxy.matching.subject import Resource, Subject

_REMEMBERED = 4096
_LONGEST_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Scope:
    """Where in the list something stands, what it says, and when it is not about a request.

    `resources` None is all of them.
    """

    line: int
    text: str
    resources: frozenset[Resource] | None = None
    exceptions: tuple[Pattern, ...] = ()

    def holds(self, url: Url, resource: Resource) -> bool:
        if self.resources is not None and resource not in self.resources:
            return False
        return not any(exception.holds(url) for exception in self.exceptions)


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider; `fields` are automata over whole names of parameters, `unions` the same taken together."""

    name: str
    line: int
    url: Pattern
    blocks: bool = False
    exceptions: tuple[Pattern, ...] = ()
    unions: tuple[Automaton, ...] = ()
    fields: tuple[tuple[Scope, Automaton], ...] = ()
    raws: tuple[tuple[Scope, Raw], ...] = ()
    captures: tuple[tuple[Scope, Capture], ...] = ()
    _seen: dict[str, tuple[Scope, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def has(self, url: Url) -> bool:
        """Whether the URL is this provider's, and not excepted."""
        return self.url.holds(url) and not any(exception.holds(url) for exception in self.exceptions)

    def named(self, name: str) -> tuple[Scope, ...]:
        """The fields that mean this name."""
        found = self._seen.get(name)
        if found is None:
            found = self._looked_up(name)
            remember(self._seen, name, found)
        return found

    def _looked_up(self, name: str) -> tuple[Scope, ...]:
        if not any(union.found_in(name) for union in self.unions):
            return ()
        return tuple(scope for scope, automaton in self.fields if automaton.found_in(name))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The providers in their order, and what became of the list."""

    providers: tuple[Provider, ...]
    report: Report
    looks_at_paths: bool = field(init=False)
    _by_label: Mapping[str, tuple[int, ...]] = field(init=False, repr=False, compare=False)
    _of_any: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _whole: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _known: dict[str, tuple[int, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_label: dict[str, tuple[int, ...]] = {}
        for place, provider in enumerate(self.providers):
            for label in provider.url.labels or ():
                by_label[label] = (*by_label.get(label, ()), place)
        of_any = tuple(place for place, each in enumerate(self.providers) if each.url.labels is None)
        whole = tuple(place for place in of_any if self.providers[place].raws or self.providers[place].captures)
        object.__setattr__(self, "_by_label", by_label)
        object.__setattr__(self, "_of_any", of_any)
        object.__setattr__(self, "_whole", whole)
        object.__setattr__(self, "looks_at_paths", any(each.raws or each.captures for each in self.providers))

    def asked(self, labels: frozenset[str], names: Iterable[str]) -> Iterator[Provider]:
        """The providers that may have something to say about these parameters at such a host, in their order."""
        places = [*self._whole, *self._labelled(labels)]
        for name in names:
            places += self._knowing(name)
        return map(self.providers.__getitem__, sorted(set(places)))

    def find(self, subject: Subject) -> Found | None:
        """The provider that is blocked whole; of a tunnel that cannot be told."""
        if subject.is_tunnel:
            return None
        url = Url.of(subject)
        for place in sorted({*self._labelled(url.labels), *self._of_any}):
            provider = self.providers[place]
            if provider.blocks and provider.has(url):
                return Found(provider.line, provider.name)
        return None

    def _labelled(self, labels: frozenset[str]) -> Iterator[int]:
        return (place for label in labels if label in self._by_label for place in self._by_label[label])

    def _knowing(self, name: str) -> tuple[int, ...]:
        """Places of the providers of any host that know the name."""
        found = self._known.get(name)
        if found is None:
            found = tuple(place for place in self._of_any if self.providers[place].named(name))
            remember(self._known, name, found)
        return found


def remember[T](seen: dict[str, T], name: str, found: T) -> None:
    """Keeps what a name came to; of long ones there are too many, and each comes once."""
    if len(seen) >= _REMEMBERED:
        seen.clear()
    if len(name) <= _LONGEST_REMEMBERED:
        seen[name] = found
