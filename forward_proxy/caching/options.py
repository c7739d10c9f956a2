"""What an operator may choose about caching; every other decision is the RFC's."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """`shared` is whether more than one person is served (RFC 9111 §1): it forbids `private` and Set-Cookie.

    `heuristic_fraction` of the time since Last-Modified, at most `heuristic_max_s`, is the lifetime of a response that
    names none (§4.2.2).  `stale_while_revalidate` obeys RFC 5861 §3, and wants a driver that validates after it has
    answered.  `disconnected_stale_s` is how long past its lifetime a response may stand in for an origin that cannot
    be reached (§4.2.4), when nothing in it forbids that.
    """

    shared: bool = True
    max_content_bytes: int = 1 << 30
    heuristic_fraction: float = 0.1
    heuristic_max_s: int = 7 * 24 * 3600
    heuristics_with_query: bool = False
    stale_while_revalidate: bool = False
    disconnected_stale_s: int = 0
