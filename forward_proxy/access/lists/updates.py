"""What does a new edition of a list change, and is it to be trusted as it is?

An edition that is empty, has lost a large share of its entries, or denies what is in use is no error, and yet more
often a mistake of its makers than what they meant: it is for a person to say.

It is what lists of trackers are for that they deny more and more of what pages have other sites asked for, so one such
host is no reason to wait: only a large share of all such requests is.  Of what a person went to, of what is of the
page's own site, and of what no page asked for, a single host is.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from forward_proxy.access.filters import Filters
from forward_proxy.access.lists.domains import DomainList
from forward_proxy.access.lists.found import Searched
from forward_proxy.access.rules import AccessRules, Allowed, Denied
from forward_proxy.matching.subject import Subject

SHOWN = 10
MAX_THIRD_PARTY = 0.05
LEAST_ASKED = 100  # Fewer requests than this have no shares that would tell anything.
_PIECE = 10_000


@dataclass(frozen=True, slots=True)
class Entries:
    """Those of the entries of `searched` that stand in these lines of it."""

    searched: Searched
    lines: range

    def __iter__(self) -> Iterator[str]:
        match self.searched:
            case DomainList() as names:
                yield from names.entries()
            case Filters() as filters:
                yield from self._filters(filters)

    def _filters(self, filters: Filters) -> Iterator[str]:
        texts = filters.texts
        yield from (text for line, text in texts.items() if line in self.lines)
        yield from (text for line, text in filters.host_texts() if line in self.lines and line not in texts)


@dataclass(frozen=True, slots=True)
class Difference:
    """Entries that came and went, and the first of each."""

    added: int = 0
    removed: int = 0
    examples_added: tuple[str, ...] = ()
    examples_removed: tuple[str, ...] = ()


def difference(before: Entries, after: Entries) -> Difference:
    """What came and went, wherever in the list it stands."""
    match before.searched, after.searched:
        case DomainList() as names, DomainList() as new:
            return _of_names(names, new)
    was, now = set(before), set(after)
    came = [entry for entry in after if entry not in was]
    went = [entry for entry in before if entry not in now]
    return Difference(len(came), len(went), tuple(came[:SHOWN]), tuple(went[:SHOWN]))


def _of_names(before: DomainList, after: DomainList) -> Difference:
    """By their digests, since there may be millions."""
    came, went = _only_in(after, before), _only_in(before, after)
    was, now = ({text for _, text, _ in each.expressions} for each in (before, after))
    new = [text for _, text, _ in after.expressions if text not in was]
    gone = [text for _, text, _ in before.expressions if text not in now]
    return Difference(
        len(came) + len(new),
        len(went) + len(gone),
        tuple(islice((*_first(after, came), *new), SHOWN)),
        tuple(islice((*_first(before, went), *gone), SHOWN)),
    )


def doubts(before: int, after: int, max_shrink: float) -> tuple[str, ...]:
    """Why a person should look at the new edition first, as far as the numbers of rules tell; 0 before for none."""
    if not after:
        return ("it holds no rule",)
    lost = (before - after) / before if before else 0
    return (f"it shrank by {lost:.0%}, from {before} to {after} rules",) if lost > max_shrink else ()


@dataclass(frozen=True, slots=True)
class Use:
    """Requests that were let past lately: one of them, and how many there were like it."""

    subject: Subject
    exchanges: int = 1

    @property
    def is_third_party(self) -> bool:
        """Whether a page had it asked for, from another site than its own."""
        return self.subject.third_party is True and self.subject.resource != "document"


@dataclass(frozen=True, slots=True)
class Denials:
    """Hosts that would be refused from here on: those that alone are a reason to wait, and those of third parties, the
    most asked first, with their share of all that was asked of third parties."""

    hosts: tuple[str, ...] = ()
    third_parties: tuple[str, ...] = ()
    third_party_share: float = 0.0

    @property
    def doubts(self) -> tuple[str, ...]:
        found = []
        if self.hosts:
            count = "1 host" if len(self.hosts) == 1 else f"{len(self.hosts)} hosts"
            found.append(f"it would deny {count} in use, such as {', '.join(self.hosts[:3])}")
        if self.third_party_share > MAX_THIRD_PARTY:
            share, such = f"{self.third_party_share:.0%}", ", ".join(self.third_parties[:3])
            found.append(f"it would deny {share} of what pages ask of other sites, such as {such}")
        return tuple(found)


def newly_denied(before: AccessRules, after: AccessRules, in_use: Iterable[Use]) -> Denials:
    """What of these requests would be refused from here on, by the whole of the rules."""
    hosts: dict[str, None] = {}
    third_parties: Counter[str] = Counter()
    asked = 0
    for use in in_use:
        subject = use.subject
        asked += use.exchanges * use.is_third_party
        if isinstance(after.decide(subject), Allowed) or isinstance(before.decide(subject), Denied):
            continue
        if use.is_third_party:
            third_parties[subject.host] += use.exchanges
        else:
            hosts[subject.host] = None
    share = third_parties.total() / asked if asked >= LEAST_ASKED else 0.0
    return Denials(tuple(hosts), tuple(host for host, _ in third_parties.most_common()), share)


def _only_in(one: DomainList, other: DomainList) -> set[int]:
    """In pieces, between which other threads have their turn."""
    found: set[int] = set()
    for start in range(0, len(one.digests), _PIECE):
        found.update(one.digests[start : start + _PIECE])
    for start in range(0, len(other.digests), _PIECE):
        found.difference_update(other.digests[start : start + _PIECE])
    return found


def _first(compiled: DomainList, digests: set[int]) -> Iterator[str]:
    places = (place for place, digest in enumerate(compiled.digests) if digest in digests)
    return (compiled.entry(place) for place in islice(places, SHOWN))
