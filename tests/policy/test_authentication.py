"""Who is asked for a name, and what becomes of those who give none or a wrong one."""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from forward_proxy.access.budgets import Usage
from forward_proxy.access.grants import Grant, Grants
from forward_proxy.matching.client import KnownClient, Unproved, User
from forward_proxy.matching.hosts import HostPattern
from forward_proxy.policy import Deny, Inspect, Lookup, OwnPage, Policy, Tunnel, denial
from forward_proxy.policy.authentication import Authentication
from forward_proxy.policy.unblocking import Unblocking

from .building import LOCAL, NOW, policy, request

HASHES = {"alice": b"of alice", "bob": b"of bob"}
ALICE, BOB = (replace(LOCAL, user=User(name, HASHES[name])) for name in ("alice", "bob"))
WRONG = replace(LOCAL, unproved=Unproved("the name or the password is wrong"))
RULES = """
groups:
  kids: [192.168.1.20, { user: alice }]
rules:
  - { id: open, action: allow, match: { host: school.test } }
  - { id: games, action: deny, match: { group: kids, host: games.test }, reason: Not now }
  - { id: staff, action: allow, match: { user: bob, host: secret.test } }
  - { id: secret, action: deny, match: { host: secret.test } }
"""


def asked(folder: Path, rules: str = RULES, always: bool = False, **state: Any) -> Policy:
    return policy(folder, rules, **{"authentication": Authentication(HASHES, always), **state})


def status(decision: object) -> int:
    return decision.status if isinstance(decision, Deny) else 200


@pytest.mark.parametrize(
    ("url", "client", "expected"),
    [
        ("http://games.test/", LOCAL, 407),
        ("http://games.test/", WRONG, 407),
        ("http://games.test/", ALICE, 403),
        ("http://games.test/", BOB, 200),
        ("http://games.test/", KnownClient(ip_address("192.168.1.20")), 403),
        ("http://secret.test/", LOCAL, 407),
        ("http://secret.test/", BOB, 200),
        ("http://secret.test/", ALICE, 403),
        ("http://news.test/", LOCAL, 200),
        ("http://news.test/", WRONG, 200),
        ("http://school.test/", LOCAL, 200),
    ],
)
def test_who_asks_is_asked_for_where_it_decides(tmp_path: Path, url: str, client: KnownClient, expected: int) -> None:
    options = policy(tmp_path).state.access_options
    door = asked(tmp_path, access_options=replace(options, allow_clients=(ip_network("192.168.1.0/24"),)))
    decision = door.on_request(request(url), client, (), NOW)
    assert status(decision) == expected
    assert not isinstance(decision, Deny) or expected != 407 or str(tmp_path) in decision.reason


def test_a_rule_that_nobody_s_name_could_change_asks_for_none(tmp_path: Path) -> None:
    rules = """
        rules:
          - { action: deny, match: { host: games.test } }
          - { action: allow, match: { host: games.test, user: alice } }
    """
    assert status(asked(tmp_path, rules).on_request(request("http://games.test/"), LOCAL, (), NOW)) == 403


def test_a_list_for_a_user_asks_for_what_it_lists(tmp_path: Path) -> None:
    (tmp_path / "ads.txt").write_text("0.0.0.0 ads.test\n")
    door = asked(tmp_path, "rules: [{ action: deny, list: { source: ads.txt }, match: { user: alice } }]")
    assert status(door.on_request(request("http://ads.test/"), LOCAL, (), NOW)) == 407
    assert status(door.on_request(request("http://ads.test/"), ALICE, (), NOW)) == 403
    assert status(door.on_request(request("http://ads.test/"), BOB, (), NOW)) == 200
    assert status(door.on_request(request("http://news.test/"), LOCAL, (), NOW)) == 200


def test_a_list_of_filters_for_a_user_asks_when_the_tunnel_is_opened(tmp_path: Path) -> None:
    """What it says of the requests inside is not known then, and inside nobody can be asked."""
    (tmp_path / "filters.txt").write_text("||ads.test^$script\n/banner/*\n||page.test^$csp=script-src 'none'\n")
    door = asked(
        tmp_path, "rules: [{ action: deny, list: { source: filters.txt, format: adblock }, match: { user: alice } }]"
    )
    page = request("http://page.test/", sec_fetch_dest="document")
    assert status(door.on_connect(("news.test", 443), LOCAL, NOW)) == 407
    assert isinstance(door.on_connect(("news.test", 443), ALICE, NOW), Inspect)
    assert status(door.on_request(request("http://a.test/banner/1.gif"), LOCAL, (), NOW)) == 407
    assert status(door.on_request(page, LOCAL, (), NOW)) == 407
    assert status(door.on_request(page, ALICE, (), NOW)) == 200
    assert status(door.on_request(request("http://news.test/"), LOCAL, (), NOW)) == 200


def test_what_comes_after_a_budget_that_is_not_used_up_may_depend_on_the_user(tmp_path: Path) -> None:
    rules = """
        rules:
          - { id: an-hour, action: deny, match: { host: games.test }, budget: { minutes: 60 } }
          - { action: deny, match: { host: games.test, user: alice } }
    """
    door = asked(tmp_path, rules)
    assert status(door.on_request(request("http://games.test/"), LOCAL, (), NOW)) == 407
    used = Policy(replace(door.state, access=door.state.access.used(Usage(assumed=60))))
    assert status(used.on_request(request("http://games.test/"), LOCAL, (), NOW)) == 403


def test_a_rule_about_the_response_asks_before_the_request_goes_out(tmp_path: Path) -> None:
    door = asked(tmp_path, "rules: [{ action: deny, match: { content_type: video/*, user: alice } }]")
    assert status(door.on_request(request("http://a.test/"), LOCAL, (), NOW)) == 407
    assert status(door.on_request(request("http://a.test/"), ALICE, (), NOW)) == 200


def test_a_grant_decides_whoever_asks(tmp_path: Path) -> None:
    door = asked(tmp_path)
    grant = Grant(1, "allow", HostPattern("games.test", below=True), None, NOW, NOW + 60, "an operator")
    granted = Policy(replace(door.state, access=door.state.access.granted(Grants((grant,)))))
    assert status(granted.on_request(request("http://games.test/"), LOCAL, (), NOW)) == 200
    assert status(granted.on_request(request("http://games.test/"), LOCAL, (), NOW + 60)) == 407


@pytest.mark.parametrize(
    "section",
    [
        "anonymity: [{ level: strict, match: { user: alice } }]",
        "cache: [{ bypass: true, match: { not: { user: alice } } }]",
        "safe_search: [{ action: always, match: { user: alice } }]",
    ],
)
def test_every_section_may_depend_on_the_user(tmp_path: Path, section: str) -> None:
    door = asked(tmp_path, section)
    assert status(door.on_request(request("http://a.test/"), LOCAL, (), NOW)) == 407
    assert status(door.on_connect(("a.test", 443), LOCAL, NOW)) == 407
    for client in (ALICE, BOB):
        assert isinstance(door.on_connect(("a.test", 443), client, NOW), Inspect)


def test_whether_tls_is_opened_may_depend_on_the_user(tmp_path: Path) -> None:
    door = asked(tmp_path, "inspect: [{ action: never, match: { user: alice } }]")
    assert status(door.on_connect(("a.test", 443), LOCAL, NOW)) == 407
    assert isinstance(door.on_connect(("a.test", 443), ALICE, NOW), Tunnel)
    assert isinstance(door.on_connect(("a.test", 443), BOB, NOW), Inspect)
    assert status(door.on_hello(("b.test", "a.test"), 443, LOCAL, NOW)) == 403
    assert status(door.on_request(request("https://a.test/"), LOCAL, (), NOW, ("a.test", 443))) == 200


def test_a_connect_is_asked_for_what_is_needed_inside(tmp_path: Path) -> None:
    door = asked(tmp_path, "rules: [{ action: deny, match: { path: /games/*, user: alice } }]")
    assert status(door.on_connect(("a.test", 443), LOCAL, NOW)) == 407
    tunnel = ("a.test", 443)
    head = request("https://a.test/games/1")
    assert isinstance(door.on_connect(tunnel, ALICE, NOW), Inspect)
    assert status(door.on_request(head, ALICE, (), NOW, tunnel)) == 403
    assert status(door.on_request(head, BOB, (), NOW, tunnel)) == 200
    inside = door.on_request(head, LOCAL, (), NOW, tunnel)
    assert status(inside) == 403  # A 407 in there would be taken for the origin's.
    assert isinstance(inside, Deny)
    assert "open it again" in inside.reason
    assert status(door.on_opaque(("a.test",), 443, LOCAL, NOW)) == 403


@pytest.mark.parametrize(
    "user",
    [User("alice", b"of alice before"), User("eve", b""), User("alice")],
    ids=["another password", "removed", "no proof"],
)
def test_who_is_not_a_user_any_more_is_nobody_at_the_next_request(tmp_path: Path, user: User) -> None:
    door, client = asked(tmp_path), replace(LOCAL, user=user)
    assert status(door.on_request(request("http://secret.test/"), client, (), NOW)) == 407
    assert status(door.on_request(request("https://games.test/"), client, (), NOW, ("games.test", 443))) == 403
    assert status(door.on_connect(("secret.test", 443), client, NOW)) == 407


def test_always_is_for_everything_of_everyone(tmp_path: Path) -> None:
    door = asked(tmp_path, "", always=True, unblocking=Unblocking((ip_network("127.0.0.0/8"),), key=b"k"))
    own = request("http://forward-proxy.invalid/?url=http%3A%2F%2Fa.test%2F")
    for head in (request("http://a.test/"), request("http://a.test/", "PURGE"), own):
        assert status(door.on_request(head, LOCAL, (), NOW)) == 407
        assert status(door.on_request(head, WRONG, (), NOW)) == 407
        assert status(door.on_request(head, ALICE, (), NOW)) == 200
    assert isinstance(door.on_request(own, ALICE, (), NOW), OwnPage)
    assert isinstance(door.on_request(request("http://a.test/"), ALICE, (), NOW), Lookup)
    assert status(door.on_connect(("a.test", 443), LOCAL, NOW)) == 407
    assert isinstance(door.on_connect(("a.test", 443), ALICE, NOW), Inspect)


def test_who_has_tried_too_often_is_told_so(tmp_path: Path) -> None:
    hurried = replace(LOCAL, unproved=Unproved("too many wrong passwords", 429))
    decision = asked(tmp_path).on_request(request("http://games.test/"), hurried, (), NOW)
    assert status(decision) == 429
    assert isinstance(decision, Deny)
    assert b"proxy-authenticate" not in denial(decision, None).fields


def test_without_users_what_depends_on_one_is_refused(tmp_path: Path) -> None:
    door = asked(tmp_path, authentication=Authentication())
    decision = door.on_request(request("http://games.test/"), LOCAL, (), NOW)
    assert status(decision) == 403
    assert isinstance(decision, Deny)
    assert decision.reason.endswith("depends on who asks: there are no users (setting users)")
    assert status(door.on_request(request("http://news.test/"), LOCAL, (), NOW)) == 200


@pytest.mark.parametrize("accept", ["text/html", "application/json", "*/*"])
def test_the_challenge_is_one_and_whole(tmp_path: Path, accept: str) -> None:
    head = request("http://games.test/", accept=accept)
    decision = asked(tmp_path).on_request(head, LOCAL, (), NOW)
    assert isinstance(decision, Deny)
    answer = denial(decision, head)
    # RFC 9110 §11.7.1, RFC 7617 §2 and §2.1.
    assert answer.fields.get_all(b"proxy-authenticate") == (b'Basic realm="forward-proxy", charset="UTF-8"',)
    assert answer.fields.get(b"cache-control") == b"no-store"
    assert b"depends on who asks" in answer.content


def test_credentials_go_no_further(tmp_path: Path) -> None:
    head = request("http://news.test/", proxy_authorization="Basic YWxpY2U6c2VjcmV0", vary="x")
    for client, tunnel in ((ALICE, None), (LOCAL, ("news.test", 80))):
        decision = asked(tmp_path).on_request(head, client, (), NOW, tunnel)
        assert isinstance(decision, Lookup)
        assert b"proxy-authorization" not in decision.allowed.outbound.fields
        assert b"proxy-authorization" in decision.allowed.edits.drop


def test_who_wants_to_know_what_is_left_is_asked_when_that_depends_on_the_user(tmp_path: Path) -> None:
    rules = """
        rules:
          - { id: an-hour, action: deny, match: { user: alice, host: games.test }, budget: { minutes: 60 } }
    """
    door, page = asked(tmp_path, rules), request("http://forward-proxy.invalid/")
    assert status(door.on_request(page, LOCAL, (), NOW)) == 407
    left = door.on_request(page, ALICE, (), NOW)
    assert isinstance(left, OwnPage)
    assert b"an-hour<dd>0 of 60 minutes used today" in left.content
    assert status(door.on_request(request("http://forward-proxy.invalid/?a"), LOCAL, (), NOW)) == 200
    for known in ("", "client: 127.0.0.1, "):
        for_all = asked(tmp_path, rules.replace("user: alice, ", known))
        assert isinstance(for_all.on_request(page, LOCAL, (), NOW), OwnPage)
    elsewhere = asked(tmp_path, rules.replace("user: alice, ", "user: alice, client: 192.168.1.20, "))
    assert status(elsewhere.on_request(page, LOCAL, (), NOW)) == 200
