"""What did rules decide, as the log has it?  Counts are of exchanges, not of records.

The log names a rule by where it stood and by its id.  Bytes are content sent to clients.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from forward_proxy.traffic.conditions import Parameter, where
from forward_proxy.traffic.query import TrafficReader
from forward_proxy.traffic.search import Search, Term

_HITS = """
SELECT rule, rule_id, verdict, resource, sum(exchanges), max(started_at) FROM records
WHERE rule IS NOT NULL AND {} GROUP BY 1, 2, 3, 4
"""
_MEANS = """
SELECT resource, total(response_bytes) / sum(exchanges) FROM records
WHERE verdict = 'allowed' AND kind = 'http' AND status BETWEEN 200 AND 299 AND {} GROUP BY 1
"""
_SPAN = "SELECT min(started_at), max(started_at), sum(exchanges) FROM records WHERE {}"


@dataclass(frozen=True, slots=True)
class Hits:
    """How often a rule decided about one kind of resource, and when last, in POSIX seconds."""

    rule: str
    rule_id: str | None
    denied: bool
    resource: str | None
    exchanges: int
    last_at: float


@dataclass(frozen=True, slots=True)
class Decided:
    """All that rules decided between two moments; `mean_bytes` is what a whole answer of each kind came to.

    The moments are of the first and the last record, POSIX seconds, None when there is none.
    """

    first_at: float | None
    last_at: float | None
    exchanges: int
    hits: tuple[Hits, ...]
    mean_bytes: Mapping[str, float]


def decided(reader: TrafficReader, since: float | None = None) -> Decided:
    """Reads the counts; none when there is no log.  Raises TrafficError as the reader does."""
    condition, parameters = where(Search(() if since is None else (Term("since", since),)))

    def rows(sql: str) -> list[tuple[object, ...]]:
        found: tuple[Parameter, ...] = parameters
        return reader.rows(sql.format(condition), found)

    first, last, exchanges = next(iter(rows(_SPAN)), (None, None, 0))
    return Decided(
        first if isinstance(first, float) else None,
        last if isinstance(last, float) else None,
        exchanges if isinstance(exchanges, int) else 0,
        tuple(hits for row in rows(_HITS) if (hits := _hits(row)) is not None),
        {resource: mean for resource, mean in rows(_MEANS) if isinstance(resource, str) and isinstance(mean, float)},
    )


def _hits(row: tuple[object, ...]) -> Hits | None:
    """The counts of a row; None when it is not of the log's types: a file is as untrusted as any."""
    rule, rule_id, verdict, resource, exchanges, last_at = row
    if not isinstance(rule, str) or not isinstance(exchanges, int) or not isinstance(last_at, int | float):
        return None
    texts = (text if isinstance(text, str) else None for text in (rule_id, resource))
    known_id, known_resource = texts
    return Hits(rule, known_id, verdict == "denied", known_resource, exchanges, float(last_at))
