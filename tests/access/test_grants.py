from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.access.grants import NEVER, Grant, Grants, read_target, spelled
from forward_proxy.access.options import Action
from forward_proxy.access.rules import Allowed, Denied, Step
from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.hosts import HostPattern
from forward_proxy.matching.subject import RuleRef
from forward_proxy.message.targets import TargetUri
from tests.access.rulesets import rules
from tests.matching.requests import subject

NOW = 1_795_000_000


def grant(number: int, action: Action, text: str | None, until: int = NOW + 900, **more: Any) -> Grant:
    target = None if text is None else read_target(text)
    assert not isinstance(target, Unreadable), target
    client = ip_network(more.pop("client")) if "client" in more else None
    return Grant(number, action, target, client, NOW, until, "ada", **more)


def test_it_decides_before_every_rule_and_tells_who_when_for_how_long_and_why() -> None:
    denying = rules(("deny", {"host": "a.test"}), default="deny")
    granted = denying.granted(Grants((grant(7, "allow", "a.test", reason="homework"),)))
    told = "allowed for 15 min since 2026-11-18T11:06:40Z by ada: homework"
    assert granted.decide(subject("http://x.a.test/", at=NOW)) == Allowed(RuleRef("grant", 7), told)
    assert granted.trail(subject("http://a.test/", at=NOW)) == (Step(RuleRef("grant", 7), "allow", told, None),)
    assert isinstance(granted.decide(subject("http://b.test/", at=NOW)), Denied)
    assert isinstance(denying.decide(subject("http://a.test/", at=NOW)), Denied)


def test_it_ends_by_itself_at_the_second() -> None:
    granted = rules(("deny", {"host": "a.test"})).granted(Grants((grant(1, "allow", "a.test", NOW + 900),)))
    for at, verdict in ((NOW + 899, Allowed), (NOW + 900, Denied)):
        assert isinstance(granted.decide(subject("http://a.test/", at=at)), verdict)


def test_the_newest_that_fits_decides() -> None:
    grants = Grants((grant(3, "deny", "a.test"), grant(2, "allow", None), grant(1, "deny", "b.test")))
    granted = rules(("deny", {"host": "c.test"})).granted(grants)
    by = {host: granted.decide(subject(f"http://{host}/", at=NOW)) for host in ("a.test", "b.test", "c.test")}
    assert {host: (type(verdict), verdict.rule.line) for host, verdict in by.items() if verdict.rule} == {
        "a.test": (Denied, 3), "b.test": (Allowed, 2), "c.test": (Allowed, 2)
    }  # fmt: skip


def test_of_an_exchange_with_several_names_each_has_to_be_allowed() -> None:
    granted = rules(("deny", {"host": "b.test"})).granted(Grants((grant(1, "allow", "a.test"),)))
    both = [subject(f"http://{host}/", at=NOW) for host in ("a.test", "b.test")]
    assert isinstance(granted.decide_all(both), Denied)


@pytest.mark.parametrize(
    ("client", "asked_by", "holds"),
    [
        ("192.168.1.5/32", "192.168.1.5", True),
        ("192.168.1.0/24", "::ffff:192.168.1.9", True),
        ("192.168.1.5/32", "192.168.1.6", False),
        ("192.168.1.5/32", None, False),
        ("fd00::/8", "192.168.1.5", False),
    ],
)
def test_it_is_for_whom_it_names(client: str, asked_by: str | None, holds: bool) -> None:
    asking = subject("http://a.test/", at=NOW, client=ip_address(asked_by) if asked_by else None)
    assert grant(1, "allow", None, client=client).holds(asking) is holds


@pytest.mark.parametrize(
    ("text", "meant", "not_meant"),
    [
        ("a.test", ["http://a.test/", "https://x.a.test:8443/p"], ["http://xa.test/"]),
        ("=A.test.", ["http://a.test/"], ["http://x.a.test/"]),
        ("192.0.2.1", ["http://192.0.2.1/"], ["http://192.0.2.2/"]),
        ("https://a.test", ["https://a.test/", "https://a.test/p?q"], ["http://a.test/", "https://x.a.test/"]),
        ("https://a.test/p", ["https://a.test/p", "https://a.test/p?q", "https://a.test/p/x"], ["https://a.test/px"]),
        ("https://a.test/p/", ["https://a.test/p/", "https://a.test/p/x"], ["https://a.test/p", "https://a.test/"]),
        ("https://a.test/p?q=1", ["https://a.test/p?q=1"], ["https://a.test/p", "https://a.test/p?q=12"]),
        ("https://a.test:8443/", ["https://a.test:8443/"], ["https://a.test/"]),
    ],
)
def test_a_host_is_all_below_it_and_a_url_what_is_below_its_path(
    text: str, meant: list[str], not_meant: list[str]
) -> None:
    made = grant(1, "allow", text)
    assert [made.holds(subject(url, at=NOW)) for url in meant] == [True] * len(meant)
    assert [made.holds(subject(url, at=NOW)) for url in not_meant] == [False] * len(not_meant)
    assert made.target is not None
    assert read_target(spelled(made.target)) == made.target


def test_in_a_tunnel_that_is_not_opened_only_a_whole_origin_is_known() -> None:
    inside = replace(subject("https://a.test/", "CONNECT", at=NOW), path="", url="https://a.test")
    assert grant(1, "deny", "https://a.test/").holds(inside)
    assert not grant(1, "deny", "https://a.test/p").holds(inside)
    assert not grant(1, "deny", "https://a.test/?q").holds(inside)


@pytest.mark.parametrize("text", ["", "a b", "ftp://a.test/", "https://", "a.test/p", "*.a.test", "https://a.test/ x"])
def test_what_is_neither_host_nor_url_is_told(text: str) -> None:
    assert isinstance(read_target(text), Unreadable)


@given(st.text())
def test_reading_never_raises_and_its_spelling_reads_as_the_same(text: str) -> None:
    target = read_target(text)
    if isinstance(target, HostPattern | TargetUri):
        assert read_target(spelled(target)) == target


def test_the_next_end() -> None:
    grants = Grants((grant(2, "allow", None, NOW + 60), grant(1, "deny", "a.test", NOW + 5)))
    assert [grants.next_end(at) for at in (NOW, NOW + 4, NOW + 5, NOW + 60)] == [NOW + 5, NOW + 5, NOW + 60, NEVER]
