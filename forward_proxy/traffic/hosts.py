"""Which hosts are in use?  Those that the log shows clients were let past to, and the clients."""

from forward_proxy.traffic.query import TrafficReader

_IN_USE = """
SELECT host, client FROM records WHERE started_at >= ? AND verdict = 'allowed' AND error IS NULL
GROUP BY 1, 2 ORDER BY max(started_at) DESC LIMIT ?
"""
MOST = 20_000


def hosts_in_use(reader: TrafficReader, since: float) -> list[tuple[str, str]]:
    """Host and client, the latest first, of exchanges since then, POSIX seconds.  Raises TrafficError."""
    return [(str(host), str(client)) for host, client in reader.rows(_IN_USE, (since, MOST))]
