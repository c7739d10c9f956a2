"""What did rules decide, as the log has it?  Counts are of exchanges, not of records.

The log names a rule by where it stood and by its id; of a list, where the line stood.  Bytes are content sent to
clients.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from forward_proxy.traffic.conditions import Parameter, where
from forward_proxy.traffic.query import TrafficReader
from forward_proxy.traffic.search import Search, Term

_HITS = """
SELECT rule, rule_id, verdict, resource, host, reason, sum(exchanges), max(started_at) FROM records
WHERE rule IS NOT NULL AND {} GROUP BY 1, 2, 3, 4, 5, 6
"""
_SIZES = """
SELECT host, resource, total(response_bytes), sum(exchanges) FROM records
WHERE verdict = 'allowed' AND kind = 'http' AND status BETWEEN 200 AND 299 AND {} GROUP BY 1, 2
"""
_SPAN = "SELECT min(started_at), max(started_at), sum(exchanges) FROM records WHERE {}"


@dataclass(frozen=True, slots=True)
class Hits:
    """How often a rule decided about one kind of resource of one host, and when last, in POSIX seconds.

    `reason` is what was told then.
    """

    rule: str
    rule_id: str | None
    denied: bool
    resource: str | None
    exchanges: int
    last_at: float
    host: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Decided:
    """All that rules decided between two moments; `mean_bytes` is what a whole answer of each kind of resource came to,
    `host_bytes` what those of one host did, by host and kind.

    The moments are of the first and the last record, POSIX seconds, None when there is none.
    """

    first_at: float | None
    last_at: float | None
    exchanges: int
    hits: tuple[Hits, ...]
    mean_bytes: Mapping[str, float]
    host_bytes: Mapping[tuple[str, str], float] = field(default_factory=dict)


def decided(reader: TrafficReader, since: float | None = None) -> Decided:
    """Reads the counts; none when there is no log.  Raises TrafficError as the reader does."""
    condition, parameters = where(Search(() if since is None else (Term("since", since),)))

    def rows(sql: str) -> list[tuple[object, ...]]:
        found: tuple[Parameter, ...] = parameters
        return reader.rows(sql.format(condition), found)

    first, last, exchanges = next(iter(rows(_SPAN)), (None, None, 0))
    hits = tuple(hits for row in rows(_HITS) if (hits := _hits(row)) is not None)
    totals: dict[str, tuple[float, int]] = {}
    of_hosts: dict[tuple[str, str], float] = {}
    denied = {each.host for each in hits if each.denied}
    for host, resource, octets, count in rows(_SIZES):
        if isinstance(resource, str) and isinstance(octets, float) and isinstance(count, int) and count > 0:
            before = totals.get(resource, (0.0, 0))
            totals[resource] = before[0] + octets, before[1] + count
            if isinstance(host, str) and host in denied:
                of_hosts[host, resource] = octets / count
    return Decided(
        first if isinstance(first, float) else None,
        last if isinstance(last, float) else None,
        exchanges if isinstance(exchanges, int) else 0,
        hits,
        {resource: octets / count for resource, (octets, count) in totals.items()},
        of_hosts,
    )


def _hits(row: tuple[object, ...]) -> Hits | None:
    """The counts of a row; None when it is not of the log's types: a file is as untrusted as any."""
    rule, rule_id, verdict, resource, host, reason, exchanges, last_at = row
    if not isinstance(rule, str) or not isinstance(exchanges, int) or not isinstance(last_at, int | float):
        return None
    known_id, known_resource = (text if isinstance(text, str) else None for text in (rule_id, resource))
    known_host, known_reason = (text if isinstance(text, str) else "" for text in (host, reason))
    return Hits(
        rule, known_id, verdict == "denied", known_resource, exchanges, float(last_at), known_host, known_reason
    )
