"""What does a new edition of a list change, and is it to be trusted as it is?

An edition that is empty, has lost a large share of its entries, or denies hosts that are in use is no error, and yet
more often a mistake of its makers than what they meant: it is for a person to say.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from forward_proxy.access.lists.domains import DomainList
from forward_proxy.access.rules import AccessRules, Allowed, Denied
from forward_proxy.matching.subject import Subject

SHOWN = 10
_PIECE = 10_000


@dataclass(frozen=True, slots=True)
class Difference:
    """Entries that came and went, and the first of each."""

    added: int = 0
    removed: int = 0
    examples_added: tuple[str, ...] = ()
    examples_removed: tuple[str, ...] = ()


def difference(before: DomainList | None, after: DomainList) -> Difference:
    """Expressions are left out of account, unless they are all there is."""
    if before is None:
        return Difference(len(after), 0, tuple(islice(after.entries(), SHOWN)), ())
    came, went = _only_in(after, before), _only_in(before, after)
    return Difference(len(came), len(went), _first(after, came), _first(before, went))


def doubts(before: int, after: int, max_shrink: float) -> tuple[str, ...]:
    """Why a person should look at the new edition first, as far as the numbers of rules tell; 0 before for none."""
    if not after:
        return ("it holds no rule",)
    lost = (before - after) / before if before else 0
    return (f"it shrank by {lost:.0%}, from {before} to {after} rules",) if lost > max_shrink else ()


def newly_denied(before: AccessRules, after: AccessRules, in_use: Iterable[Subject]) -> tuple[str, ...]:
    """The hosts of these requests that would be refused from here on, by the whole of the rules."""
    return tuple(
        dict.fromkeys(
            subject.host
            for subject in in_use
            if isinstance(before.decide(subject), Allowed) and isinstance(after.decide(subject), Denied)
        )
    )


def _only_in(one: DomainList, other: DomainList) -> set[int]:
    """In pieces, between which other threads have their turn."""
    found: set[int] = set()
    for start in range(0, len(one.digests), _PIECE):
        found.update(one.digests[start : start + _PIECE])
    for start in range(0, len(other.digests), _PIECE):
        found.difference_update(other.digests[start : start + _PIECE])
    return found


def _first(compiled: DomainList, digests: set[int]) -> tuple[str, ...]:
    places = (place for place, digest in enumerate(compiled.digests) if digest in digests)
    return tuple(compiled.entry(place) for place in islice(places, SHOWN))
