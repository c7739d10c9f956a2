import json
from datetime import datetime
from ipaddress import ip_address

import pytest

from forward_proxy.cli.queries import MAX_LINE_BYTES, Query, read_at, read_line
from forward_proxy.matching.client import KnownClient
from forward_proxy.matching.conditions import Unreadable

NOW = 1_795_000_000
URL = "https://a.example/"


def _read(**question: object) -> Query | Unreadable:
    return read_line(json.dumps(question).encode(), NOW)


def test_what_a_line_leaves_out_is_get_from_this_machine_now() -> None:
    query = _read(url=URL, method=None, page=None, at=None, headers=None)
    assert isinstance(query, Query)
    assert (query.request.method, str(query.client.address), query.at) == ("GET", "127.0.0.1", NOW)


def test_every_key_is_heeded() -> None:
    query = _read(url=URL, method="POST", page="b.example", resource="fetch", client="::1", at=5, headers={"X": "y"})
    assert isinstance(query, Query)
    assert (query.request.method, query.client, query.at) == ("POST", KnownClient(ip_address("::1")), 5)
    assert query.request.fields.names() == {b"host", b"x", b"referer", b"sec-fetch-dest"}


@pytest.mark.parametrize(
    "headers", [{"A": ["1", "2"], "B": "3"}, [["A", "1"], ["A", "2"], ["B", "3"]]]
)  # fmt: skip
def test_fields_are_an_object_or_a_list_of_pairs(headers: object) -> None:
    query = _read(url=URL, headers=headers)
    assert isinstance(query, Query)
    assert query.request.fields.lines[1:] == ((b"a", b"1"), (b"a", b"2"), (b"b", b"3"))


@pytest.mark.parametrize(
    ("value", "at"),
    [
        (0, 0), (7.9, 7), ("86400", 86400),
        ("2026-11-23T10:00Z", 1_795_428_000), ("2026-11-23T10:00+01:00", 1_795_424_400),
        ("2026-11-23T10:00", int(datetime(2026, 11, 23, 10).timestamp())),
    ],
)  # fmt: skip
def test_a_time_is_a_number_or_a_date(value: object, at: int) -> None:
    assert read_at(value) == at


@pytest.mark.parametrize(
    "value",
    [-1, 1e300, float("inf"), float("nan"), True, [], "soon", "", "0001-01-01", "9" * 400, "9999-12-31T23:59-12:00"],
)
def test_what_is_no_time_we_can_tell_is_said(value: object) -> None:
    assert isinstance(read_at(value), Unreadable)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "expected an object"),
        (b'{"url": "' + b"x" * MAX_LINE_BYTES + b'"}', "longer than"),
        (b'{"utl": "x"}', "did you mean url?"),
        (b"{}", "url is missing"),
        (b'{"url": 1}', "url: expected text"),
        (b'{"url": "\\ud800"}', "not an absolute URI"),
        (b'{"url": "http://\\ud800/"}', "host has no canonical form"),
        (b'{"url": "http://a/", "client": "here"}', "client: expected an IP address"),
        (b'{"url": "http://a/", "at": "noon"}', "at: expected a time"),
        (b'{"url": "http://a/", "headers": "x: y"}', "headers: expected"),
        (b'{"url": "http://a/", "headers": {"x": 1}}', "headers: expected"),
        (b'{"url": "http://a/", "headers": [["x"]]}', "headers: expected"),
        (b'{"url": "http://a/", "headers": {"x": "1\\r\\ny: 2"}}', "more than one line"),
        (b'{"url": "http://a/", "method": "G T"}', "expected a method name"),
    ],
)
def test_what_is_not_understood_says_what_was_expected(line: bytes, text: str) -> None:
    answer = read_line(line, NOW)
    assert isinstance(answer, Unreadable)
    assert text in answer.text
