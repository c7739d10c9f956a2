"""What did the traffic come to since a moment?  How it ended, what the cache saved, who was asked most, and refused.

Bytes are content sent to clients.  They came from the cache when `cache` is `hit`, or when something stale stood in or
another request's answer was waited for; from an origin when one was asked, and from this proxy itself otherwise
(denials, errors).  A wait runs from the request to the answer's first byte; a record that stands for several exchanges
counts as so many, and has none.
"""

from dataclasses import dataclass
from typing import cast

from forward_proxy.traffic.conditions import where
from forward_proxy.traffic.query import TrafficReader
from forward_proxy.traffic.search import Search, Term

_TOTALS = """
SELECT total(exchanges), total(response_bytes) FILTER (WHERE cache = 'hit' OR outcome IN ('stale', 'collapsed')),
       total(response_bytes) FILTER
           (WHERE cache IS NOT 'hit' AND outcome NOT IN ('stale', 'collapsed') AND origin IS NOT NULL)
FROM records WHERE {}
"""
_OUTCOMES = "SELECT outcome, sum(exchanges) FROM records WHERE {} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?"
_HOSTS = """
SELECT host, sum(exchanges), total(response_bytes) FROM records WHERE {} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?
"""
_DENIED = """
SELECT host, rule, sum(exchanges) FROM records
WHERE {} AND verdict = 'denied' GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ?
"""
_SLOWEST = """
SELECT host, count(*), avg(first_byte_at - started_at), max(first_byte_at - started_at) FROM records
WHERE {} AND origin IS NOT NULL AND kind = 'http' AND first_byte_at >= started_at
GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT ?
"""
_OUTCOMES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    outcome: str
    requests: int


@dataclass(frozen=True, slots=True)
class HostCount:
    host: str
    requests: int
    bytes: int


@dataclass(frozen=True, slots=True)
class DeniedHost:
    """How often one rule, or the default if None, denied one host."""

    host: str
    rule: str | None
    requests: int


@dataclass(frozen=True, slots=True)
class SlowHost:
    """How long the origins of a host kept exchanges waiting, in seconds."""

    host: str
    requests: int
    mean_wait_s: float
    longest_wait_s: float


@dataclass(frozen=True, slots=True)
class Stats:
    """All since `since`, POSIX seconds; each list begins with the most."""

    since: float
    requests: int
    bytes_from_cache: int
    bytes_from_origin: int
    outcomes: tuple[OutcomeCount, ...]
    hosts: tuple[HostCount, ...]
    denied_hosts: tuple[DeniedHost, ...]
    slowest_hosts: tuple[SlowHost, ...]


def stats(reader: TrafficReader, since: float, top: int = 10) -> Stats:
    """Reads the figures; all zero when there is no log.  Raises TrafficError as the reader does."""
    condition, parameters = where(Search((Term("since", since),)))

    def rows(sql: str, *more: int) -> list[tuple[object, ...]]:
        return reader.rows(sql.format(condition), (*parameters, *more))

    requests, from_cache, from_origin = next(iter(rows(_TOTALS)), (0, 0, 0))
    return Stats(
        since,
        _count(requests),
        _count(from_cache),
        _count(from_origin),
        tuple(OutcomeCount(str(outcome), _count(n)) for outcome, n in rows(_OUTCOMES, _OUTCOMES_SHOWN)),
        tuple(HostCount(str(host), _count(n), _count(size)) for host, n, size in rows(_HOSTS, top)),
        tuple(DeniedHost(str(h), None if rule is None else str(rule), _count(n)) for h, rule, n in rows(_DENIED, top)),
        tuple(SlowHost(str(h), _count(n), _s(mean), _s(longest)) for h, n, mean, longest in rows(_SLOWEST, top)),
    )


def _count(value: object) -> int:
    return int(cast(float, value))


def _s(value: object) -> float:
    return float(cast(float, value))
