"""Which hosts are in use?  Those that the log shows clients were let past to, and how: by whom, from which page."""

from collections.abc import Sequence

from forward_proxy.traffic.query import TrafficReader

_IN_USE = """
SELECT {}, sum(exchanges), max(id) FROM records WHERE started_at >= ? AND verdict = 'allowed' AND error IS NULL
GROUP BY host, client, user, listener, resource, page ORDER BY max(id) DESC LIMIT ?
"""
MOST = 20_000


def in_use(reader: TrafficReader, columns: Sequence[str], since: float) -> list[tuple[object, ...]]:
    """The latest exchange of each kind since then, POSIX seconds, and how many of it there were; the latest first.

    A kind is of one host, client, user, resource and page.  Raises TrafficError.
    """
    return [row[:-1] for row in reader.rows(_IN_USE.format(", ".join(columns)), (since, MOST))]
