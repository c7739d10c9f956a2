"""Which stored responses does an operator mean?  Predicates for `Store.purge` and for filtering `Store.scan`."""

import re
from collections.abc import Callable, Collection
from fnmatch import translate

from forward_proxy.caching.stored import StoredResponse
from forward_proxy.caching.tags import tags_of
from forward_proxy.matching.automata import Automaton
from forward_proxy.message.targets import TargetUri

type Selector = Callable[[StoredResponse], bool]


def everything(_: StoredResponse) -> bool:
    return True


def of_target(target: TargetUri) -> Selector:
    """Whatever the request method."""
    return lambda stored: stored.key.target == target


def of_host(host: str) -> Selector:
    """This canonical host and all names below it."""
    below = f".{host}"
    return lambda stored: stored.key.target.host == host or stored.key.target.host.endswith(below)


def at_host(host: str) -> Selector:
    """This canonical host and no other."""
    return lambda stored: stored.key.target.host == host


def matching(glob: str) -> Selector:
    """Target URIs, in canonical form, that the whole pattern matches: `*`, `?` and `[…]`."""
    matches = re.compile(translate(glob)).match
    return lambda stored: matches(str(stored.key.target)) is not None


def finding(expression: Automaton) -> Selector:
    """Target URIs, in canonical form, in which the expression is found."""
    return lambda stored: expression.found_in(str(stored.key.target))


def tagged(tags: Collection[bytes]) -> Selector:
    """What the origin gave any of these tags, which are in lower case."""
    wanted = frozenset(tags)
    return lambda stored: not wanted.isdisjoint(tags_of(stored.fields))


def received_before(at: int) -> Selector:
    """What came from the origin, or was last confirmed by it, before this moment, POSIX seconds."""
    return lambda stored: stored.response_at < at


def all_of(*selectors: Selector) -> Selector:
    """What each of them selects."""
    return lambda stored: all(selects(stored) for selects in selectors)
