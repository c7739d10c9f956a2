"""What the door makes of targets that are not clean."""

from pathlib import Path

import pytest

from forward_proxy.policy import Deny, Lookup, Policy, Purge, Redirect, redirection
from forward_proxy.policy.door import Navigations
from tests.policy.building import LOCAL, NOW, policy, request

RULES = """
rules:
  - { id: no-secret, action: deny, match: { url: '/secret$' }, reason: No }
  - { id: no-label, action: deny, match: { url: utm_id=evil }, reason: No }
anonymity:
  - { level: off, match: { host: intranet.example } }
tracking:
  - { action: keep, match: { host: kept.example } }
  - { id: labels, action: remove, parameters: utm_*, match: {} }
  - { id: out, action: unwrap, parameters: to, match: { path: /out } }
"""
PAGE = {"sec_fetch_dest": "document"}


@pytest.fixture
def door(tmp_path: Path) -> Policy:
    return policy(tmp_path, RULES)


def test_a_navigation_is_led_to_the_clean_target(door: Policy) -> None:
    decision = door.on_request(request("https://a.example/p?a=1&utm_id=2", **PAGE), LOCAL, (), NOW)
    assert isinstance(decision, Redirect)
    assert (decision.cleaned.location, decision.cleaned.names) == ("https://a.example/p?a=1", ("utm_id",))
    answer = redirection(decision)
    assert answer.status == 307
    assert answer.fields.get(b"location") == b"https://a.example/p?a=1"
    assert answer.fields.get(b"cache-control") == b"no-store"
    assert answer.content == b"https://a.example/p?a=1\n"


@pytest.mark.parametrize("fields", [{}, {"sec_fetch_dest": "iframe"}, {"accept": "*/*"}])
def test_anything_else_goes_out_clean(door: Policy, fields: dict[str, str]) -> None:
    asked = request("https://a.example/p.html?a=1&utm_id=2", **fields)
    decision = door.on_request(asked, LOCAL, (), NOW)
    assert isinstance(decision, Lookup)
    allowed = decision.allowed
    clean = "https://a.example/p.html?a=1"
    assert {str(allowed.request.target), str(allowed.outbound.target), allowed.subject.url} == {clean}
    assert str(decision.key) == f"GET {clean}"
    assert allowed.cleaned is not None


@pytest.mark.parametrize(
    ("navigations", "target"),
    [("cleaned", "https://a.example/p"), ("kept", "https://a.example/p?utm_id=1")],
)
def test_a_navigation_that_cannot_be_led_is_cleaned_or_kept(
    door: Policy, navigations: Navigations, target: str
) -> None:
    asked = request("https://a.example/p?utm_id=1", **PAGE)
    decision = door.on_request(asked, LOCAL, (), NOW, navigations=navigations)
    assert isinstance(decision, Lookup)
    assert str(decision.allowed.request.target) == target


def test_a_wrapper_is_passed_over_only_where_a_client_can_be_led(door: Policy) -> None:
    asked = request("https://a.example/out?to=https%3A%2F%2Fb.example%2F", **PAGE)
    led = door.on_request(asked, LOCAL, (), NOW)
    assert isinstance(led, Redirect)
    assert led.cleaned.location == "https://b.example/"
    sent = door.on_request(asked, LOCAL, (), NOW, navigations="cleaned")
    assert isinstance(sent, Lookup)
    assert sent.allowed.request.target == asked.target


def test_rules_judge_what_was_asked_and_what_goes_out(door: Policy) -> None:
    for url, rule in (
        ("https://a.example/secret?utm_id=1", "no-secret"),
        ("https://a.example/?utm_id=evil", "no-label"),
    ):
        decision = door.on_request(request(url), LOCAL, (), NOW)
        assert isinstance(decision, Deny)
        assert decision.rule is not None
        assert decision.rule.id == rule
    assert isinstance(door.on_request(request("https://a.example/?utm_id=evil", **PAGE), LOCAL, (), NOW), Deny)


@pytest.mark.parametrize(
    "url", ["https://intranet.example/?utm_id=1", "https://kept.example/?utm_id=1", "https://a.example/login?utm_id=1"]
)
def test_what_is_to_stay_stays(door: Policy, url: str) -> None:
    decision = door.on_request(request(url, **PAGE), LOCAL, (), NOW)
    assert isinstance(decision, Lookup)
    assert (str(decision.allowed.request.target), decision.allowed.cleaned) == (url, None)


def test_a_purge_is_about_what_is_stored_under_the_clean_target(door: Policy) -> None:
    decision = door.on_request(request("https://a.example/?utm_id=1&b", "PURGE"), LOCAL, (), NOW)
    assert isinstance(decision, Purge)
    assert str(decision.key) == "GET https://a.example/?b"


def test_other_methods_keep_their_target(door: Policy) -> None:
    decision = door.on_request(request("https://a.example/?utm_id=1", "POST"), LOCAL, (), NOW)
    assert not isinstance(decision, Deny | Redirect | Purge)
    assert str(decision.allowed.request.target) == "https://a.example/?utm_id=1"  # type: ignore[union-attr]
