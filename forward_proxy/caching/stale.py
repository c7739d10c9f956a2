"""May a stale response be reused?  RFC 9111 §4.2.4, RFC 5861.

Only with leave of the client (`max-stale`, `stale-if-error`), of the origin (`stale-while-revalidate`,
`stale-if-error`), or of the operator while the origin cannot be reached; and never against a directive that forbids it.
"""

from forward_proxy.caching.directives import Directives
from forward_proxy.caching.freshness import FreshnessSums
from forward_proxy.caching.options import Options

FAILURES = frozenset((500, 502, 503, 504))  # What stale-if-error calls an error, RFC 5861 §4.


def forbids_stale(said: Directives, options: Options) -> bool:
    """Whether the response may not be reused once stale, whoever else would allow it."""
    if "must-revalidate" in said or said.unqualified("no-cache"):
        return True
    return options.shared and ("proxy-revalidate" in said or "s-maxage" in said)


def client_accepts(wants: Directives, sums: FreshnessSums) -> bool:
    """`max-stale` with a number reaches that far past the lifetime, without one any distance (§5.2.1.2)."""
    if "max-stale" not in wants:
        return False
    return wants.arguments["max-stale"] is None or _staleness(sums) <= (wants.seconds("max-stale") or 0)


def within_revalidation_window(wants: Directives, said: Directives, sums: FreshnessSums, options: Options) -> bool:
    """RFC 5861 §3; a client that sets its own bounds has not asked for anything stale (RFC 9111 §5.2.1.1)."""
    if "max-age" in wants or "min-fresh" in wants:
        return False
    return _within(said, "stale-while-revalidate", sums, options.stale_while_revalidate_s)


def stands_in(wants: Directives, said: Directives, sums: FreshnessSums, options: Options, answered: bool) -> bool:
    """Whether a stale response may answer instead of an error, or, unless the origin `answered`, of nothing at all.

    While the origin cannot be reached, a client's `max-age`, which is what reloading sends, is a wish that nobody can
    meet (§5.2.1 calls it advisory); `no-cache` still insists.
    """
    if not answered and _staleness(sums) <= options.disconnected_stale_s:
        return True
    if "max-age" in wants and "max-stale" not in wants:
        return False
    return (
        _within(said, "stale-if-error", sums, options.stale_if_error_s)
        or _within(wants, "stale-if-error", sums)
        or client_accepts(wants, sums)
    )


def has_grace(said: Directives, options: Options) -> bool:
    """Whether RFC 5861 gives the response any time past its lifetime."""
    graces = said.seconds("stale-while-revalidate"), said.seconds("stale-if-error")
    return any((options.stale_while_revalidate_s, options.stale_if_error_s) if graces == (None, None) else graces)


def _within(directives: Directives, name: str, sums: FreshnessSums, otherwise_s: int = 0) -> bool:
    """Whether it has been stale for no longer than the directive says, or, where there is none, the operator."""
    window = directives.seconds(name)
    if window is None:
        return 0 < otherwise_s >= _staleness(sums)
    return _staleness(sums) <= window


def _staleness(sums: FreshnessSums) -> int:
    return -sums.ttl
