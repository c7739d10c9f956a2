"""Which stored responses does an operator mean?  Predicates for `Store.purge` and for filtering `Store.scan`."""

import re
from collections.abc import Callable
from fnmatch import translate

from forward_proxy.caching.stored import StoredResponse
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


def matching(glob: str) -> Selector:
    """Target URIs, in canonical form, that the whole pattern matches: `*`, `?` and `[…]`."""
    matches = re.compile(translate(glob)).match
    return lambda stored: matches(str(stored.key.target)) is not None
