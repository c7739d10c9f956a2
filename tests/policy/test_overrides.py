"""Entries of `cache:` at the door: which one holds, what it changes, and how the answer names it."""

from dataclasses import replace
from pathlib import Path

import pytest

from forward_proxy.caching import StoredResponse
from forward_proxy.matching.subject import RuleRef
from forward_proxy.policy import Forward, Lookup, Policy, Relay, Serve, Validate
from tests.policy.building import LOCAL, NOW, policy, request, response

RULES = """
cache:
  - { match: { host: fonts.test, content_type: font/* }, min_fresh_s: 1000 }
  - { match: { host: fonts.test }, key: { drop_query: [sig] }, min_fresh_s: 10 }
  - { match: { host: live.test }, bypass: true }
  - { match: { host: shard.test }, key: { same_as: "https://one.test" }, ignore: [no-store], pin: true }
  - { match: { host: gone.test, method: GET }, negative_s: 30, key: { drop_query: all } }
  - { match: { host: both.test }, max_fresh_s: 5 }
  - { match: { host: both.test }, min_fresh_s: 100, max_fresh_s: 200 }
"""

NEW = "nothing stored for this address"


@pytest.fixture
def door(tmp_path: Path) -> Policy:
    return policy(tmp_path, RULES)


def asked(door: Policy, url: str, held: tuple[StoredResponse, ...] = (), at: int = NOW, **fields: str) -> object:
    """The decision on a request with these responses stored under its key."""
    decision = door.on_request(request(url, **fields), LOCAL, (), at)
    return door.on_stored(decision, held, at) if isinstance(decision, Lookup) else decision


def answered(door: Policy, url: str, status: int = 200, **fields: str) -> Relay:
    sent = asked(door, url)
    assert isinstance(sent, Forward)
    relay = door.on_response(sent, response(status, **fields), NOW, NOW)
    assert isinstance(relay, Relay)
    return relay


def kept(relay: Relay) -> StoredResponse:
    assert relay.storing is not None, relay.detail
    return replace(relay.storing, id="1", content_bytes=4)


def status_of(decision: object) -> str:
    """What Cache-Status says of a reuse."""
    assert isinstance(decision, Serve), decision
    return decision.delivery.head.fields.text(b"cache-status")


def where(door: Policy, entry: int) -> RuleRef:
    return door.state.cache[entry].where


def test_a_lifetime_is_named_when_it_is_made_and_when_it_is_used(door: Policy) -> None:
    relay = answered(door, "https://fonts.test/a.css", content_type="text/css")
    assert relay.detail == f"{NEW}; min_fresh_s by {where(door, 1)}"
    assert dict(relay.edits.set)[b"cache-status"].endswith(f'stored; detail="{relay.detail}"'.encode())
    hit = asked(door, "https://fonts.test/a.css", (kept(relay),), NOW + 9)
    assert status_of(hit) == f'forward-proxy; hit; ttl=1; detail="min_fresh_s by {where(door, 1)}"'
    assert isinstance(hit, Serve)
    assert hit.detail == f"min_fresh_s by {where(door, 1)}"
    assert isinstance(asked(door, "https://fonts.test/a.css", (kept(relay),), NOW + 10), Forward)


def test_an_entry_for_a_type_holds_for_received_and_stored_responses_of_it_and_leaves_the_key(door: Policy) -> None:
    relay = answered(door, "https://fonts.test/a?sig=1", content_type="font/woff2")
    assert relay.detail == f"{NEW}; key by {where(door, 1)}; min_fresh_s by {where(door, 0)}"
    assert str(kept(relay).key) == "GET https://fonts.test/a"
    hit = asked(door, "https://fonts.test/a?sig=2", (kept(relay),), NOW + 999)
    assert status_of(hit) == f'forward-proxy; hit; ttl=1; detail="{relay.detail.removeprefix(NEW + "; ")}"'
    assert isinstance(asked(door, "https://fonts.test/a?sig=2", (kept(relay),), NOW + 1000), Forward)


def test_the_first_entry_that_matches_is_the_only_one(door: Policy) -> None:
    relay = answered(door, "https://both.test/", cache_control="max-age=60")
    assert relay.detail == f"{NEW}; max_fresh_s by {where(door, 5)}"


def test_bypass(door: Policy) -> None:
    assert asked(door, "https://live.test/") == replace(
        sent := asked(door, "https://live.test/"), fwd="bypass", detail=f"bypass by {where(door, 2)}"
    )
    assert isinstance(sent, Forward)
    assert answered(door, "https://live.test/", cache_control="max-age=60").storing is None


def test_urls_of_one_object_share_what_is_stored_and_are_asked_about_at_their_own_address(door: Policy) -> None:
    relay = answered(door, "https://a.shard.test/x", cache_control="no-store, max-age=5", etag='"1"')
    assert relay.detail == f"{NEW}; key, ignore no-store, pin by {where(door, 3)}"
    one = kept(relay)
    assert (str(one.key), one.pinned) == ("GET https://one.test/x", True)
    assert isinstance(asked(door, "https://b.shard.test/x", (one,)), Serve)
    sent = asked(door, "https://b.shard.test/x", (one,), NOW + 5)
    assert isinstance(sent, Validate)
    assert str(sent.allowed.outbound.target) == "https://b.shard.test/x"
    served = door.on_response(sent, response(304, etag='"1"'), NOW + 5, NOW + 5)
    assert isinstance(served, Serve)
    assert str(served.changes.freshened[0].key) == "GET https://one.test/x"
    assert served.detail.endswith(f"key, ignore no-store, pin by {where(door, 3)}")
    assert not isinstance(asked(door, "https://one.test/x", (one,)), Serve)  # No entry ignores its no-store there.


def test_an_error_may_be_remembered(door: Policy) -> None:
    relay = answered(door, "https://gone.test/x?a", 503)
    assert relay.detail == f"{NEW}; key, negative_s by {where(door, 4)}"
    assert isinstance(asked(door, "https://gone.test/x?b", (kept(relay),), NOW + 29), Serve)
    assert isinstance(asked(door, "https://gone.test/x?b", (kept(relay),), NOW + 30), Forward)


def test_what_is_invalidated_is_found_under_the_key_that_a_get_would_have(door: Policy) -> None:
    """RFC 9111 §4.4, although the entry is for GET only."""
    sent = door.on_request(request("https://gone.test/x?a", "POST"), LOCAL, (), NOW)
    assert isinstance(sent, Forward)
    relay = door.on_response(sent, response(200, location="/y?b"), NOW, NOW)
    assert isinstance(relay, Relay)
    assert {str(target) for target in relay.changes.invalidated} == {
        "https://gone.test/x?a",
        "https://gone.test/x",
        "https://gone.test/y?b",
        "https://gone.test/y",
    }
