"""What each word of a search finds among a few records, whose targets are their names here."""

from pathlib import Path

import pytest

from forward_proxy.traffic.conditions import where
from forward_proxy.traffic.query import TrafficReader
from forward_proxy.traffic.search import Search, parse_search

from .examples import NOW, example, logged

RECORDS = (
    example(target="/www", host="www.example.com", started_at=NOW - 4000, cleaned=("utm_source", "fbclid")),
    example(target="/apex", host="example.com", client="2001:db8::7", method="POST", status=404, cache=None),
    example(target="/other", host="notexample.com", status=None, content_type=None, cache="fwd=uri-miss"),
    example(target="/number", host="192.0.2.9", response_bytes=3_000_000, cache="fwd=stale", cache_stored=True),
    example(
        target="/denied?q=50%_off",
        host="ads.example",
        verdict="denied",
        rule="rules/10-trackers.yaml:12",
        rule_id="Ads",
        status=403,
        content_type="text/html",
        started_at=NOW - 5,
    ),
    example(target="/error", host="ads.example", error="connection_refused", status=502, rule="lists/10-track.txt:1"),
)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> TrafficReader:
    folder = tmp_path_factory.mktemp("traffic")
    logged(folder, RECORDS)
    return TrafficReader(folder)


def found(reader: TrafficReader, line: str) -> str:
    search = parse_search(line, NOW)
    assert isinstance(search, Search), search
    return " ".join(record.target.partition("?")[0][1:] for record in reversed(reader.search(search)))


@pytest.mark.parametrize(
    ("line", "targets"),
    [
        ("", "www apex other number denied error"),
        ("host:example.com", "www apex"),
        ("host:www.example.com", "www"),
        ("host:com", "www apex other"),
        ("host:192.0.2.9", "number"),
        ("host:2.9", ""),
        ("client:2001:db8::7", "apex"),
        ("client:192.0.2", ""),
        ("method:post", "apex"),
        ("status:404", "apex"),
        ("status:4xx", "apex denied"),
        ("verdict:denied", "denied"),
        ("rule:10-trackers", "denied"),
        ("rule:10-track", "denied error"),
        ("rule:10-trackers.yaml:12", "denied"),
        ("rule:10-trackers.yaml:1", ""),
        ("rule:rules/10-trackers.yaml", "denied"),
        ("rule:trackers", ""),
        ("rule:ads", "denied"),
        ("rule:%", ""),
        ("cache:hit", "www denied error"),
        ("cache:uri-miss", "other"),
        ("cache:stored", "number"),
        ("type:image", "www apex number error"),
        ("type:image/png", "www apex number error"),
        ("type:imag", ""),
        ("larger:1M", "number"),
        ("larger:2047", "www apex other number denied error"),
        ("larger:2048", "number"),
        ("since:1h", "apex other number denied error"),
        ("until:1h", "www"),
        ("since:10s", "denied"),
        ("since:1s", ""),
        ("since:2h until:1h", "www"),
        ("error:connection_refused", "error"),
        ("error:any", "error"),
        ("cleaned:any", "www"),
        ("cleaned:utm_source", "www"),
        ("cleaned:FBCLID", "www"),
        ("cleaned:utm", ""),
        ("DENIED", "denied"),
        ("50%_off", "denied"),
        ("5_%", ""),
        ("%", "denied"),
        ("'; DROP TABLE records; --", ""),
        # Turned round: a record without a value is one without that value.
        ("-status:404", "www other number denied error"),
        ("-host:example.com", "other number denied error"),
        ("-rule:10-trackers", "www apex other number error"),
        ("-cache:hit", "apex other number"),
        ("-cache:stored", "www apex other denied error"),
        ("-type:image", "other denied"),
        ("-since:1h", "www"),
        ("-until:1h", "apex other number denied error"),
        ("-cleaned:any", "apex other number denied error"),
        ("-error:any", "www apex other number denied"),
        ("-larger:1M", "www apex other denied error"),
        ("-denied", "www apex other number error"),
        # All of them.
        ("host:ads.example -verdict:denied", "error"),
        ("host:example.com since:1h", "apex"),
        ("rule:10-track since:10s", "denied"),
        ("client:192.0.2.7 host:ads.example rule:10-track status:5xx", "error"),
    ],
)
def test_what_a_search_finds(reader: TrafficReader, line: str, targets: str) -> None:
    assert found(reader, line) == targets


@pytest.mark.parametrize("word", ["x';--", "x\\", "x%"])
@pytest.mark.parametrize("name", ["client", "method", "rule", "type", "error"])
def test_no_word_is_ever_part_of_the_statement(name: str, word: str) -> None:
    search = parse_search(f"{name}:{word}", NOW)
    assert isinstance(search, Search)
    sql, parameters = where(search)
    assert "x" not in sql.replace("INDEXED", "")
    assert sql.count("?") == len(parameters)


def test_larger_is_of_each_exchange_where_a_record_stands_for_several(tmp_path: Path) -> None:
    logged(tmp_path, [example(target="/many", exchanges=10, response_bytes=10 * 2048)])
    assert [found(TrafficReader(tmp_path), line) for line in ("larger:2047", "larger:2048")] == ["many", ""]
