import sqlite3
from contextlib import closing
from pathlib import Path

from forward_proxy.traffic.hits import Decided, Hits, decided
from forward_proxy.traffic.query import TrafficReader
from forward_proxy.traffic.schema import FILE_NAME

from .examples import NOW, example, logged

RULE = {"rule": "rules/a.yaml:3", "rule_id": "ads", "verdict": "denied", "resource": "script", "status": 403}


def test_exchanges_are_counted_by_rule_and_resource(tmp_path: Path) -> None:
    records = [
        example(**RULE, started_at=NOW - 50),
        example(**RULE, started_at=NOW - 40, exchanges=9),
        example(resource="script", response_bytes=300),
        example(resource="script", response_bytes=900, exchanges=3),
        example(resource="script", response_bytes=7000, status=404),
    ]
    logged(tmp_path, records)
    found = decided(TrafficReader(tmp_path))
    assert (found.first_at, found.last_at, found.exchanges) == (NOW - 60, NOW - 40, 15)
    assert found.hits == (Hits("rules/a.yaml:3", "ads", True, "script", 10, NOW - 40, "www.example.com"),)
    assert found.host_bytes == {("www.example.com", "script"): 300.0}
    assert found.mean_bytes == {"script": 300.0}
    assert decided(TrafficReader(tmp_path), NOW - 45).hits[0].exchanges == 9


def test_no_log_has_decided_nothing(tmp_path: Path) -> None:
    assert decided(TrafficReader(tmp_path)) == Decided(None, None, 0, (), {})


def test_what_is_not_of_the_logs_types_is_left_out(tmp_path: Path) -> None:
    logged(tmp_path, [example(**RULE)])
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE records SET rule = x'00', resource = 3, started_at = 'x'")
    found = decided(TrafficReader(tmp_path))
    assert (found.hits, found.first_at) == ((), None)
