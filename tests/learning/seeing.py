"""Records as the traffic log has them, and what is made of a few of them."""

from typing import Any

from forward_proxy.learning.seen import Found, Seen, seen_in
from forward_proxy.traffic.record import Record


def record(method: str, target: str, **known: Any) -> Record:
    """An exchange that an origin answered, unless more is said."""
    values: dict[str, Any] = {"client": "127.0.0.1", "host": "", "outcome": "fwd=uri-miss", "status": 200}
    return Record(1_795_000_000.0, method=method, target=target, **{**values, "origin": "192.0.2.1:443", **known})


def tunnel(target: str, **known: Any) -> Record:
    return record("CONNECT", target, **{"kind": "tunnel", "outcome": "tunnel", "origin": None, **known})


def seen(*records: Record) -> Seen:
    return seen_in(records)


def used(*lines: str) -> Found:
    """What was asked and answered: `GET https://a.example/b`, or `CONNECT a.example:443`."""
    words = (line.split() for line in lines)
    made = (tunnel(target) if method == "CONNECT" else record(method, target) for method, target in words)
    return seen(*made).used
