"""Is TLS opened?  Entries first, then what the client refused, and never past a rule."""

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from forward_proxy.matching.client import KnownClient
from forward_proxy.policy import Deny, Inspect, Policy, Refused, Tunnel
from forward_proxy.policy.refusals import PassingThrough, Refusals
from tests.policy.building import LOCAL, NOW, policy

DAY_S = 86_400
OTHER = KnownClient(ip_address("192.0.2.9"))
LEARNING = PassingThrough(lasting_s=DAY_S)


def refused(made: Policy, *names: str, client: KnownClient = LOCAL) -> Refused:
    return made.on_refusal(names or ("a.test",), 443, client, "unknown_ca", NOW)


def after(made: Policy, came: Refused) -> Policy:
    """The policy once this is remembered."""
    passing = replace(made.state.passing_through, refusals=Refusals(came.remembered))
    return Policy(replace(made.state, passing_through=passing))


def test_what_a_client_refused_passes_unread_for_that_client_and_host_alone(tmp_path: Path) -> None:
    made = policy(tmp_path, passing_through=LEARNING)
    came = refused(made)
    assert came.told == "the client refused the certificate: unknown_ca; from now on it passes unread for this client"
    then = after(made, came)
    decision = then.on_hello(("a.test",), 443, LOCAL, NOW)
    assert isinstance(decision, Tunnel)
    why = "not opened, since 127.0.0.1 refused the certificate for a.test (unknown_ca)"
    assert decision.told == f"no rule matched; the default is allow; {why}"
    assert isinstance(then.on_connect(("a.test", 443), LOCAL, NOW), Tunnel)
    assert isinstance(then.on_hello(("a.test",), 443, OTHER, NOW), Inspect)
    assert isinstance(then.on_hello(("b.test",), 443, LOCAL, NOW), Inspect)
    assert isinstance(then.on_hello(("www.a.test",), 443, LOCAL, NOW), Inspect)


def test_it_is_over_at_its_time(tmp_path: Path) -> None:
    made = policy(tmp_path, passing_through=LEARNING)
    then = after(made, refused(made))
    assert isinstance(then.on_hello(("a.test",), 443, LOCAL, NOW + DAY_S - 1), Tunnel)
    assert isinstance(then.on_hello(("a.test",), 443, LOCAL, NOW + DAY_S), Inspect)


def test_all_names_of_a_connection_have_to_be_refused(tmp_path: Path) -> None:
    """Or the refusal of one's own host would be a way to any other by another server name."""
    made = policy(tmp_path, passing_through=LEARNING)
    then = after(made, refused(made, "a.test"))
    assert isinstance(then.on_hello(("a.test", "b.test"), 443, LOCAL, NOW), Inspect)
    assert isinstance(then.on_hello(("b.test", "a.test"), 443, LOCAL, NOW), Inspect)
    both = after(made, refused(made, "192.0.2.1", "a.test"))
    assert isinstance(both.on_hello(("192.0.2.1", "a.test"), 443, LOCAL, NOW), Tunnel)


def test_always_is_never_learned_away(tmp_path: Path) -> None:
    made = policy(tmp_path, "inspect: [{ action: always, match: { host: a.test } }]\n", passing_through=LEARNING)
    came = refused(made)
    assert came.remembered == ()
    assert came.told.endswith("/rules.yaml:1 says always")
    learned = after(policy(tmp_path, passing_through=LEARNING), refused(policy(tmp_path, passing_through=LEARNING)))
    with_entry = Policy(replace(made.state, passing_through=learned.state.passing_through))
    assert isinstance(with_entry.on_hello(("a.test",), 443, LOCAL, NOW), Inspect)


RULES = {
    "path": "rules: [{ action: deny, match: { host: a.test, path: /secret/* } }]\n",
    "type": "rules: [{ action: deny, match: { content_type: video/* } }]\n",
    "resource": "rules: [{ action: deny, match: { resource: script } }]\n",
}


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_it_is_no_way_around_a_rule_about_what_is_inside(tmp_path: Path, rules: str) -> None:
    made = policy(tmp_path, rules, passing_through=LEARNING)
    came = refused(made)
    assert came.remembered == ()
    assert came.told.endswith("/rules.yaml:1 may deny what is inside")


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_a_rule_that_comes_later_opens_what_was_learned(tmp_path: Path, rules: str) -> None:
    came = refused(policy(tmp_path, passing_through=LEARNING))
    assert isinstance(after(policy(tmp_path, rules), came).on_hello(("a.test",), 443, LOCAL, NOW), Inspect)


def test_a_setting_lets_it_past_such_rules(tmp_path: Path) -> None:
    made = policy(tmp_path, RULES["path"], passing_through=replace(LEARNING, despite_rules=True))
    assert isinstance(after(made, refused(made)).on_hello(("a.test",), 443, LOCAL, NOW), Tunnel)


def test_rules_about_the_host_deny_what_passes_unread(tmp_path: Path) -> None:
    made = policy(tmp_path, "rules: [{ action: deny, match: { host: a.test } }]\n", passing_through=LEARNING)
    then = after(made, refused(made))
    assert isinstance(then.on_hello(("a.test",), 443, LOCAL, NOW), Deny)
    assert isinstance(then.on_opaque(("a.test",), 443, LOCAL, NOW), Deny)


def test_switched_off_nothing_is_learned(tmp_path: Path) -> None:
    came = refused(policy(tmp_path))
    assert came == Refused((), "the client refused the certificate: unknown_ca")


def test_an_entry_says_why_a_tunnel_is_closed(tmp_path: Path) -> None:
    made = policy(tmp_path, "inspect: [{ action: never, match: { host: a.test }, reason: Private }]\n")
    decision = made.on_hello(("a.test",), 443, LOCAL, NOW)
    assert isinstance(decision, Tunnel)
    assert decision.told.endswith("/rules.yaml:1: Private")


def test_an_operator_is_told_what_becomes_of_the_next_try(tmp_path: Path) -> None:
    made = policy(tmp_path, passing_through=LEARNING)
    (refusal,) = refused(made).remembered
    assert after(made, refused(made)).standing(refusal, NOW) == "passes unread"
    strict = after(policy(tmp_path, RULES["path"], passing_through=LEARNING), refused(made))
    assert strict.standing(refusal, NOW).endswith("rules.yaml:1 may deny what is inside")
    assert after(policy(tmp_path, inspect_by_default=False), refused(made)).standing(refusal, NOW) == "no TLS is opened"
