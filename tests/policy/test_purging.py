import json
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from forward_proxy.access.options import Options
from forward_proxy.matching.client import KnownClient
from forward_proxy.policy import Deny, Policy, Purge, purged
from tests.policy.building import LOCAL, NOW, policy, request

URL = "http://site.example/a?b"
REMOTE, OFFICE = KnownClient(ip_address("203.0.113.9")), ip_network("203.0.113.0/24")


@pytest.fixture
def door(tmp_path: Path) -> Policy:
    return policy(tmp_path, "rules: [{id: no, action: deny, match: {host: denied.example}, reason: No}]")


def decided(door: Policy, url: str = URL, **fields: str) -> Purge:
    decision = door.on_request(request(url, "PURGE", **fields), LOCAL, (), NOW)
    assert isinstance(decision, Purge)
    return decision


def test_a_purge_is_about_what_is_stored_for_a_get_of_its_target(door: Policy) -> None:
    purge = decided(door)
    assert (str(purge.key), purge.tags, purge.soft) == (f"GET {URL}", frozenset(), False)


def test_it_is_found_under_the_key_that_a_rule_gives_it(tmp_path: Path) -> None:
    door = policy(tmp_path, "cache: [{match: {host: site.example}, key: {drop_query: [b]}}]")
    assert str(decided(door).key) == "GET http://site.example/a"


def test_tags_are_read_as_they_are_in_responses(door: Policy) -> None:
    assert decided(door, surrogate_key="News shop", cache_tag="a, b").tags == {b"news", b"shop", b"a", b"b"}


@pytest.mark.parametrize(("value", "soft"), [("1", True), ("true", True), ("0", False)])
def test_soft_is_said_in_a_field(door: Policy, value: str, soft: bool) -> None:
    assert decided(door, fastly_soft_purge=value).soft is soft


def test_what_rules_deny_by_now_can_still_be_purged(door: Policy) -> None:
    assert decided(door, "http://denied.example/").key.target.host == "denied.example"


@pytest.mark.parametrize("field", ["origin", "sec_fetch_site", "sec_fetch_mode"])
def test_a_page_in_a_browser_may_not_purge(door: Policy, field: str) -> None:
    decision = door.on_request(request(URL, "PURGE", **{field: "null"}), LOCAL, (), NOW)
    assert isinstance(decision, Deny)
    assert (decision.status, decision.error) == (403, "http_request_denied")


def test_other_machines_purge_when_they_are_named_for_it(tmp_path: Path) -> None:
    for purge_clients, allowed in (((), False), ((OFFICE,), True)):
        options = Options(allow_clients=(OFFICE,), purge_clients=purge_clients)
        decision = policy(tmp_path, access_options=options).on_request(request(URL, "PURGE"), REMOTE, (), NOW)
        assert isinstance(decision, Purge) is allowed
        assert allowed or (isinstance(decision, Deny) and "purge_clients" in decision.reason)


def test_who_may_purge_but_not_use_the_proxy_does_neither(tmp_path: Path) -> None:
    door = policy(tmp_path, access_options=Options(purge_clients=(OFFICE,)))
    decision = door.on_request(request(URL, "PURGE"), REMOTE, (), NOW)
    assert isinstance(decision, Deny)
    assert "not among the clients this proxy serves" in decision.reason


@pytest.mark.parametrize(
    ("soft", "count", "status", "said"),
    [(False, 2, 200, {"removed": 2}), (False, 0, 404, {"removed": 0}), (True, 1, 200, {"stale": 1})],
)
def test_the_answer_tells_how_many(door: Policy, soft: bool, count: int, status: int, said: dict[str, int]) -> None:
    answer = purged(decided(door, **({"fastly_soft_purge": "1"} if soft else {})), count)
    assert (answer.status, json.loads(answer.content)) == (status, said)
    assert answer.fields.get(b"cache-control") == b"no-store"
    assert answer.fields.get(b"content-length") == b"%d" % len(answer.content)
