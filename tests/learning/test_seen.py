from typing import Any

import pytest

from .seeing import record, seen, tunnel, used


def _named(found: object) -> list[str]:
    return sorted(map(str, found))  # type: ignore[call-overload]


def test_queries_and_spellings_make_no_difference() -> None:
    found = used("GET https://a.example/x?one", "GET https://A.example:443/x?two", "GET https://a.example/./x")
    assert [(str(asked), evidence.exchanges) for asked, evidence in found.items()] == [("GET https://a.example/x", 3)]


def test_methods_schemes_ports_and_paths_do() -> None:
    lines = ("GET https://a.example/x", "POST https://a.example/x", "GET http://a.example/x", "GET https://a.example/y")
    assert len(used(*lines, "GET https://a.example:8443/x", "GET https://b.example/x")) == 6


def test_a_record_of_many_counts_as_many_and_bytes_are_summed() -> None:
    flood = record("GET", "http://a.example/", exchanges=40, request_bytes=1, response_bytes=400)
    earlier = record("GET", "http://a.example/", request_bytes=2, response_bytes=10)
    earlier.started_at = 7.0
    (evidence,) = seen(flood, earlier).used.values()
    assert (evidence.exchanges, evidence.first_at, evidence.sent_bytes, evidence.received_bytes) == (41, 7.0, 3, 410)


@pytest.mark.parametrize(
    ("known", "group"),
    [
        ({}, "used"),
        ({"status": 404}, "used"),
        ({"outcome": "hit", "origin": None}, "used"),
        ({"outcome": "error", "error": "http_response_timeout"}, "used"),  # The request has gone out.
        ({"outcome": "error", "error": "dns_error", "origin": None}, "failed"),
        ({"outcome": "denied", "verdict": "denied", "status": 403, "origin": None}, "denied"),
    ],
)
def test_requests_by_what_came_of_them(known: dict[str, object], group: str) -> None:
    whole = seen(record("GET", "https://a.example/", **known))
    found = {name: len(getattr(whole, name)) for name in ("used", "denied", "failed", "distrusted")}
    assert found == dict.fromkeys(found, 0) | {group: 1}


@pytest.mark.parametrize(
    ("known", "group"),
    [
        ({"response_bytes": 9}, "used"),
        ({"outcome": "error", "error": "connection_terminated", "response_bytes": 9}, "used"),
        ({"outcome": "error", "error": "connection_refused"}, "failed"),
        ({"outcome": "error", "error": "tls_alert_received"}, "distrusted"),
        ({"outcome": "denied", "verdict": "denied"}, "denied"),
    ],
)
def test_tunnels_by_what_came_of_them(known: dict[str, object], group: str) -> None:
    assert _named(getattr(seen(tunnel("a.example:8443", **known)), group)) == ["CONNECT https://a.example:8443"]


@pytest.mark.parametrize(
    "known",
    [
        {"outcome": "background"},
        {"outcome": "page"},
        {"outcome": "purge"},
        {"outcome": "denied", "verdict": "denied", "cache_detail": "in the background; wanted since 12:00"},
        {"outcome": "error", "error": "dns_error", "cache_detail": "in the background; wanted since 12:00"},
    ],
)
def test_what_the_proxy_does_of_itself_is_not_the_program_s(known: dict[str, Any]) -> None:
    whole = seen(record("GET", "https://a.example/", **known))
    assert (whole.used, whole.denied, whole.failed, whole.unnamed) == ({}, {}, {}, 0)


@pytest.mark.parametrize("target", ["", "no-url", "ftp://a.example/", "http://a..example/", "http://a.example:99999/"])
def test_what_has_no_canonical_target_is_counted(target: str) -> None:
    whole = seen(record("GET", target, outcome="error", error="http_request_error", origin=None))
    assert (whole.unnamed, whole.failed) == (1, {})


def test_what_denied_is_told_by_id_and_place() -> None:
    denied = {"verdict": "denied", "rule": "rules/a.yaml:3", "rule_id": "no", "reason": "Because"}
    (evidence,) = seen(record("GET", "https://a.example/", **denied)).denied.values()
    assert (evidence.rule, evidence.why) == ("no at rules/a.yaml:3", "Because")
