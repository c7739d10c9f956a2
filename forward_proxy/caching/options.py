"""What an operator may choose about caching; every other decision is the RFC's."""

from dataclasses import dataclass

from forward_proxy.caching.directives import INFINITE
from forward_proxy.caching.overrides import Override


@dataclass(frozen=True, slots=True)
class Options:
    """`shared` is whether more than one person is served (RFC 9111 §1): it forbids `private` and Set-Cookie.

    `heuristic_fraction` of the time since Last-Modified, at most `heuristic_max_s`, is the lifetime of a response that
    names none (§4.2.2).  `stale_while_revalidate_s` and `stale_if_error_s` are the graces of RFC 5861 §3 and §4 for a
    response that names none.  `disconnected_stale_s` is how long past its lifetime a response may stand in for an
    origin that cannot be reached (§4.2.4).  None of the three counts where the response forbids it.
    `targets` are the lower-case names of the fields whose directives are for this cache, first choice first (RFC 9213);
    `override` is what a rule file says of the exchange at hand.
    """

    shared: bool = True
    max_content_bytes: int = 1 << 30
    heuristic_fraction: float = 0.1
    heuristic_max_s: int = 7 * 24 * 3600
    heuristics_with_query: bool = False
    stale_while_revalidate_s: int = 0
    stale_if_error_s: int = 0
    disconnected_stale_s: int = INFINITE
    targets: tuple[bytes, ...] = ()
    override: Override | None = None

    def ignores(self, word: str) -> bool:
        """Whether this is to be taken as if it were not there."""
        return self.override is not None and word in self.override.ignore
