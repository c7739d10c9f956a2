from pathlib import Path

from forward_proxy.traffic.query import TrafficReader
from forward_proxy.traffic.stats import DeniedHost, HostCount, OutcomeCount, SlowHost, stats

from .examples import NOW, example, logged

FORWARDED = {"outcome": "fwd=uri-miss", "cache": "fwd=uri-miss", "origin": "203.0.113.5:443"}
DENIED = {"outcome": "denied", "verdict": "denied", "cache": None, "host": "ads.example", "response_bytes": 500}


def test_what_stood_in_or_was_waited_for_came_from_the_cache(tmp_path: Path) -> None:
    logged(
        tmp_path,
        [example(**FORWARDED | {"outcome": word}, response_bytes=10) for word in ("stale", "collapsed", "fwd=stale")],
    )
    figures = stats(TrafficReader(tmp_path), NOW - 3600)
    assert (figures.bytes_from_cache, figures.bytes_from_origin) == (20, 10)


def test_what_the_traffic_came_to(tmp_path: Path) -> None:
    logged(
        tmp_path,
        [
            example(started_at=NOW - 7200, host="old.example", outcome="tunnel"),
            example(response_bytes=100),
            example(response_bytes=10, host="cdn.example"),
            example(**FORWARDED, response_bytes=2000),
            example(**FORWARDED, host="slow.example", first_byte_at=NOW - 57, response_bytes=1),
            example(**FORWARDED, host="slow.example", first_byte_at=NOW - 55, response_bytes=1),
            example(**FORWARDED, host="silent.example", first_byte_at=None, response_bytes=0),
            example(**DENIED, rule="rules/a.yaml:1"),
            example(**DENIED, rule="rules/a.yaml:1"),
            example(**DENIED, rule=None),
        ],
    )
    figures = stats(TrafficReader(tmp_path), NOW - 3600)
    assert (figures.requests, figures.bytes_from_cache, figures.bytes_from_origin) == (9, 110, 2002)
    assert figures.outcomes == (OutcomeCount("fwd=uri-miss", 4), OutcomeCount("denied", 3), OutcomeCount("hit", 2))
    assert figures.hosts[:3] == (
        HostCount("ads.example", 3, 1500),
        HostCount("slow.example", 2, 2),
        HostCount("www.example.com", 2, 2100),
    )
    assert figures.denied_hosts == (DeniedHost("ads.example", "rules/a.yaml:1", 2), DeniedHost("ads.example", None, 1))
    slowest, other = figures.slowest_hosts
    assert slowest == SlowHost("slow.example", 2, 4.0, 5.0)
    assert (other.host, round(other.mean_wait_s, 3)) == ("www.example.com", 0.1)


def test_a_record_of_several_exchanges_counts_as_many_and_has_no_wait(tmp_path: Path) -> None:
    many = {"first_byte_at": None, "started_at": NOW - 3000}
    logged(
        tmp_path,
        [
            example(response_bytes=1000, exchanges=100, **many),
            example(**DENIED, rule="rules/a.yaml:1", exchanges=7, **many),
            example(**FORWARDED, host="slow.example", exchanges=3, response_bytes=30, **many),
            example(**FORWARDED, host="slow.example", response_bytes=10),
        ],
    )
    figures = stats(TrafficReader(tmp_path), NOW - 3600)
    assert (figures.requests, figures.bytes_from_cache, figures.bytes_from_origin) == (111, 1000, 40)
    assert figures.outcomes == (OutcomeCount("hit", 100), OutcomeCount("denied", 7), OutcomeCount("fwd=uri-miss", 4))
    assert figures.hosts[0] == HostCount("www.example.com", 100, 1000)
    assert figures.denied_hosts == (DeniedHost("ads.example", "rules/a.yaml:1", 7),)
    assert [(host.requests, round(host.longest_wait_s, 3)) for host in figures.slowest_hosts] == [(1, 0.1)]


def test_lists_are_as_long_as_asked(tmp_path: Path) -> None:
    logged(tmp_path, [example(host=f"{number}.example") for number in range(30)])
    assert len(stats(TrafficReader(tmp_path), 0, top=7).hosts) == 7


def test_no_log_comes_to_nothing(tmp_path: Path) -> None:
    figures = stats(TrafficReader(tmp_path), NOW)
    assert (figures.requests, figures.outcomes, figures.hosts) == (0, (), ())
