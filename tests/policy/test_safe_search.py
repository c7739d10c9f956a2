"""Safe search at the door: what is decided carries who is asked, and never meets the cache."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from forward_proxy.matching.client import KnownClient
from forward_proxy.policy import Deny, Forward, Lookup, Policy, Relay, Tunnel
from tests.policy.building import LOCAL, NOW, policy, request, response

CHILD = KnownClient(ip_address("127.0.0.5"))
RULES = """
groups: { kids: 127.0.0.5 }
rules: [{ id: no-maps, action: deny, match: { host: www.google.com, path: /maps/* } }]
safe_search: [{ action: always, match: { group: kids } }]
inspect: [{ action: never, match: { host: www.google.com } }]
"""
LOCKED = "safe search: asked as forcesafesearch.google.com"


@pytest.fixture
def door(tmp_path: Path) -> Policy:
    return policy(tmp_path, RULES)


def test_a_request_for_an_engine_is_forwarded_past_the_cache(door: Policy) -> None:
    sent = door.on_request(request("https://www.google.com/search?q=x"), CHILD, (), NOW)
    assert isinstance(sent, Forward)
    assert (sent.fwd, sent.detail, sent.key, str(sent.allowed.asked_as)) == ("bypass", LOCKED, None, LOCKED)
    relay = door.on_response(sent, response(200, cache_control="max-age=600"), NOW, NOW)
    assert isinstance(relay, Relay)
    assert relay.storing is None
    assert relay.detail.startswith(LOCKED)


def test_others_meet_the_cache_as_ever(door: Policy) -> None:
    asked = door.on_request(request("https://www.google.com/search?q=x"), LOCAL, (), NOW)
    assert isinstance(asked, Lookup)
    assert asked.allowed.asked_as is None
    assert isinstance(door.on_request(request("https://a.test/"), CHILD, (), NOW), Lookup)


def test_what_is_denied_is_denied(door: Policy) -> None:
    assert isinstance(door.on_request(request("https://www.google.com/maps/x"), CHILD, (), NOW), Deny)


@pytest.mark.parametrize(
    ("names", "locked"),
    [
        (("www.google.com",), LOCKED),
        (("192.0.2.1", "www.google.com"), LOCKED),
        (("www.google.com", "mail.google.com"), LOCKED),
        (("mail.google.com",), None),
    ],
)
def test_a_tunnel_leads_there_by_whichever_of_its_names(
    door: Policy, names: tuple[str, ...], locked: str | None
) -> None:
    tunnel = door.on_opaque(names, 443, CHILD, NOW)
    assert isinstance(tunnel, Tunnel)
    assert (tunnel.asked_as and str(tunnel.asked_as)) == locked
    for_others = door.on_opaque(names, 443, LOCAL, NOW)
    assert isinstance(for_others, Tunnel)
    assert for_others.asked_as is None


def test_even_with_the_cache_off_it_is_said(tmp_path: Path) -> None:
    sent = policy(tmp_path, RULES, cache_by_default=False).on_request(request("http://google.com/"), CHILD, (), NOW)
    assert isinstance(sent, Forward)
    assert sent.detail == LOCKED
