"""Validators as identifiers: an entity tag comes back word for word, like a cookie.  RFC 9110 §8.8, §13.1.

Only parts of another site's page lose them, and only at `strict`; then a part that has gone stale comes anew.
What protects from lost updates or joins ranges stays: If-Match, If-Unmodified-Since, If-Range, and the conditions of
any method but GET and HEAD.
"""

from forward_proxy.anonymity.exchange import Exchange, is_third_party_part
from forward_proxy.anonymity.treatment import Lines

# A range is joined by its validator (§15.3.7.3), and a 304 names what somebody has already (§15.4.5).
_NEEDS_VALIDATOR = frozenset((206, 304))


def no_condition_in_parts(exchange: Exchange, lines: Lines) -> Lines:
    reads = exchange.request.method in ("GET", "HEAD")
    return () if reads and is_third_party_part(exchange) else lines


def no_validator_in_parts(exchange: Exchange, lines: Lines) -> Lines:
    return () if exchange.status not in _NEEDS_VALIDATOR and is_third_party_part(exchange) else lines
