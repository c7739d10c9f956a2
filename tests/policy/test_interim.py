"""RFC 9110 §15.2, RFC 8297: which interim responses go on, and in what form."""

from pathlib import Path

import pytest

from forward_proxy.policy import Forward, Policy
from tests.policy.building import LOCAL, NOW, policy, request, response

LEVELS = """
anonymity:
  - {level: "off", match: {host: off.example}}
  - {level: strict, match: {host: strict.example}}
"""


@pytest.fixture
def door(tmp_path: Path) -> Policy:
    return policy(tmp_path, LEVELS)


def passed(
    door: Policy,
    status: int,
    host: str = "a.example",
    version: str = "HTTP/1.1",
    expect: str = "",
    **fields: str,
) -> dict[bytes, bytes] | None:
    """The fields that the client gets, None when it gets nothing."""
    asked = request(f"http://{host}/", "POST", has_content=True, **({"expect": expect} if expect else {}))
    forward = door.on_request(asked, LOCAL, (), NOW)
    assert isinstance(forward, Forward)
    head = response(status, **fields)
    edits = door.on_interim(forward, head, version)
    return None if edits is None else dict(head.edited(edits).fields)


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2.0"])
@pytest.mark.parametrize("status", [102, 103, 104, 199])
def test_whatever_its_status_it_goes_on(door: Policy, status: int, version: str) -> None:
    assert passed(door, status, version=version, link="</a>; rel=preload") == {
        b"link": b"</a>; rel=preload",
        b"via": b"1.1 forward-proxy",
    }


def test_a_100_goes_to_who_expects_it_and_to_nobody_else_rfc9110_10_1_1(door: Policy) -> None:
    assert passed(door, 100, expect="100-Continue") == {b"via": b"1.1 forward-proxy"}
    assert passed(door, 100) is None
    assert passed(door, 100, expect="something-else") is None


@pytest.mark.parametrize("status", [100, 102, 103])
def test_a_client_of_http_1_0_gets_none_rfc9110_15_2(door: Policy, status: int) -> None:
    assert passed(door, status, version="HTTP/1.0", expect="100-continue") is None


def test_fields_of_the_origins_connection_stay_behind_rfc9110_7_6_1(door: Policy) -> None:
    fields = {"connection": "x-hop, keep-alive", "x_hop": "1", "keep_alive": "timeout=5", "x_end": "1"}
    assert passed(door, 103, **fields) == {b"x-end": b"1", b"via": b"1.1 forward-proxy"}


def test_nothing_announces_content_rfc9110_8_6(door: Policy) -> None:
    fields = {"content_length": "5", "transfer_encoding": "chunked", "trailer": "x"}
    assert passed(door, 103, **fields) == {b"via": b"1.1 forward-proxy"}


def test_via_comes_after_those_before_us_rfc9110_7_6_3(door: Policy) -> None:
    assert passed(door, 103, via="1.1 before") == {b"via": b"1.1 before, 1.1 forward-proxy"}


def test_the_level_edits_it_as_any_response(door: Policy) -> None:
    fields = {"link": "<//x.example>; rel=preconnect", "nel": "{}"}
    assert passed(door, 103, "off.example", **fields) == {
        b"link": b"<//x.example>; rel=preconnect",
        b"nel": b"{}",
        b"via": b"1.1 forward-proxy",
    }
    assert passed(door, 103, "strict.example", **fields) == {b"via": b"1.1 forward-proxy"}


def test_cache_status_and_date_are_left_to_the_final_one(door: Policy) -> None:
    assert passed(door, 103, cache_status="before; hit") == {
        b"cache-status": b"before; hit",
        b"via": b"1.1 forward-proxy",
    }
