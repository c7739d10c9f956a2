import sqlite3
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.traffic.record import Record
from forward_proxy.traffic.schema import COLUMNS, INSERT, SELECTED, TABLE, host_key, record_of, row_of

from .examples import EXAMPLE, NOW

FULL = Record(
    started_at=NOW,
    client="2001:db8::7",
    method="POST",
    target="https://api.example/v1",
    host="api.example",
    outcome="fwd=uri-miss",
    id=1,
    kind="websocket",
    first_byte_at=NOW + 0.25,
    ended_at=NOW + 0.5,
    status=101,
    content_type="application/json",
    request_bytes=7,
    response_bytes=2**40,
    verdict="denied",
    rule="rules/10-work.yaml:3",
    rule_id="work",
    reason="agreed",
    cache="fwd=uri-miss",
    cache_stored=True,
    cache_detail="nothing stored",
    anonymity="strict",
    changed_request_fields=("user-agent", "referer"),
    changed_response_fields=("set-cookie",),
    origin="203.0.113.5:443",
    client_http_version="HTTP/2.0",
    origin_http_version="HTTP/1.1",
    tls_version="TLSv1.3",
    intercepted=True,
    resource="fetch",
    page="www.example",
    error="connection_timeout",
    error_detail="after 10 s",
    exchanges=1234,
    cleaned=("utm_source", "fbclid"),
    cleaned_by="rules/20-tracking.yaml:7",
    user="alice",
    listener=8081,
    via="socks5://203.0.113.7:1080",
)


def written_and_read(record: Record) -> Record:
    connection = sqlite3.connect(":memory:")
    connection.execute(TABLE)
    connection.execute(INSERT, row_of(record))
    row = connection.execute(f"SELECT {SELECTED} FROM records").fetchone()
    connection.close()
    return record_of(row)


def test_every_field_survives_its_column() -> None:
    assert all(getattr(FULL, field.name) != field.default for field in fields(Record)), "an example of every field"
    assert written_and_read(FULL) == FULL


def test_what_is_absent_reads_as_absent() -> None:
    read = written_and_read(EXAMPLE)
    assert (read.rule, read.status, read.changed_request_fields, read.intercepted) == (None, 200, (), False)


VALUES = st.none() | st.integers() | st.floats() | st.text() | st.binary()


@given(st.lists(VALUES, min_size=len(COLUMNS) + 1, max_size=len(COLUMNS) + 1))
def test_a_row_of_any_types_reads_as_a_record(row: list[object]) -> None:
    record = record_of(row)
    assert isinstance(record.started_at, float)
    assert record.verdict in ("allowed", "denied")
    assert all(isinstance(text, str) for text in (record.client, record.method, record.target, record.host))


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("www.example.com", "com.example.www."),
        ("localhost", "localhost."),
        ("192.0.2.7", "192.0.2.7."),
        ("2001:db8::1", "2001:db8::1."),
        ("", "."),
    ],
)
def test_a_host_key_turns_names_round_but_no_address(host: str, key: str) -> None:
    assert host_key(host) == key
