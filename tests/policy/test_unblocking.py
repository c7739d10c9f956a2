"""Who gets through the page that unblocks, and who does not: each condition of unblocking.py by itself."""

import re
from dataclasses import replace
from html import unescape
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.access.budgets import Account, Usage, Used
from forward_proxy.access.grants import Asked, Grant, Grants
from forward_proxy.access.rules import AccessRules
from forward_proxy.matching.client import KnownClient
from forward_proxy.matching.hosts import HostPattern
from forward_proxy.matching.subjects import subject_of
from forward_proxy.message.hosts import IPAddress
from forward_proxy.policy import Deny, Forward, Lookup, OwnPage, Policy, denial, own_page
from forward_proxy.policy.unblocking import Unblocking, on_page
from tests.policy.building import NOW, policy, request

ADA, BOB, EVE = map(ip_address, ("192.168.1.5", "192.168.1.6", "192.168.1.7"))
UNBLOCKING = Unblocking((ip_network("192.168.1.5/32"),), (ip_network("192.168.1.6/32"),), b"key")
RULES = "rules: [{action: deny, match: {host: bad.test}, reason: Bad}]"
OWN = "http://forward-proxy.invalid"
PAGE = f"{OWN}/?url=http%3A%2F%2Fbad.test%2Fa"


@pytest.fixture
def asked(tmp_path: Path) -> Policy:
    made = policy(tmp_path, RULES, unblocking=UNBLOCKING)
    options = replace(made.state.access_options, allow_clients=(ip_network("192.168.1.0/24"),))
    return Policy(replace(made.state, access_options=options))


def on(asked: Policy, url: str, client: IPAddress = ADA, method: str = "GET", now: int = NOW, **fields: str) -> Any:
    return asked.on_request(request(url, method, **fields), KnownClient(client), (), now)


def buttons(asked: Policy, client: IPAddress = ADA, url: str = PAGE) -> list[str]:
    offer = on(asked, url, client)
    assert isinstance(offer, OwnPage), offer
    assert offer.grant is offer.asked is None
    return [unescape(action) for action in re.findall(r'formaction="([^"]+)"', offer.content.decode())]


@pytest.mark.parametrize(("client", "words"), [(ADA, "Unblock it for a while"), (BOB, "Ask for access"), (EVE, "")])
def test_who_may_finds_a_link_on_the_page_that_denies(asked: Policy, client: IPAddress, words: str) -> None:
    head = request("http://bad.test/a?b=<&c", accept="text/html")
    denied = asked.on_request(head, KnownClient(client), (), NOW)
    assert isinstance(denied, Deny)
    page = denial(denied, head).content.decode()
    assert re.findall(r'<a href="([^"]+)">([^<]+)</a>', page) == (
        [(f"{OWN}/?url=http%3A%2F%2Fbad.test%2Fa%3Fb%3D%253C%26c", words)] if words else []
    )
    assert "<form" not in page
    assert "token" not in page


def test_a_press_is_a_grant_for_that_client_host_and_time(asked: Policy) -> None:
    first, second = buttons(asked)
    for action, for_s in ((first, 900), (second, 3600)):
        done = on(asked, action, method="POST", origin=OWN, now=NOW + 599)
        assert isinstance(done, OwnPage)
        since = NOW + 599
        assert done.grant == Grant(
            0, "allow", HostPattern("bad.test", below=True), ip_network("192.168.1.5/32"), since, since + for_s,
            "192.168.1.5 from the page",
        )  # fmt: skip
        assert b'<a href="http://bad.test/a">Open it</a>' in done.content


def test_who_may_only_ask_asks(asked: Policy) -> None:
    (action,) = buttons(asked, BOB)
    done = on(asked, action, BOB, "POST", origin=OWN)
    assert isinstance(done, OwnPage)
    assert (done.grant, done.asked) == (None, Asked(0, HostPattern("bad.test", below=True), BOB, NOW))


def test_over_tls_it_is_an_origin_of_its_own(asked: Policy) -> None:
    action = buttons(asked, url=PAGE.replace("http:", "https:", 1))[0]
    assert action.startswith("https://forward-proxy.invalid/?")
    assert isinstance(on(asked, action, method="POST", origin="https://forward-proxy.invalid"), OwnPage)
    assert isinstance(on(asked, action, method="POST", origin=OWN), Deny)


@pytest.mark.parametrize(
    "fields",
    [{}, {"origin": "null"}, {"origin": "http://bad.test"}, {"origin": f"{OWN}:80"}, {"origin": f"{OWN}.bad.test"}],
)
def test_what_another_page_sends_is_refused(asked: Policy, fields: dict[str, str]) -> None:
    done = on(asked, buttons(asked)[0], method="POST", **fields)
    assert isinstance(done, Deny)
    assert done.status == 403


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ("bad.test", "other.test"),
        ("for=900", "for=90000"),
        ("for=900", "for="),
        ("for=900", "for=²"),
        (r"token=[0-9a-f]+", "token="),
        (r"token=[0-9a-f]+", "token=" + "0" * 64),
        (r"token=[0-9a-f]+", "token=%C3%A9"),
        (r"&token=[0-9a-f]+", ""),
        (rf"until={NOW + 600}", f"until={NOW + 6000}"),
    ],
)  # fmt: skip
def test_a_token_is_good_for_what_it_was_made_for_alone(asked: Policy, part: str, instead: str) -> None:
    action = buttons(asked)[0]
    changed = re.sub(part, instead, action)
    assert changed != action
    done = on(asked, changed, method="POST", origin=OWN)
    assert isinstance(done, Deny)


def test_a_token_is_good_for_its_client_and_its_few_minutes_and_its_run(asked: Policy) -> None:
    action = buttons(asked)[0]
    both = replace(UNBLOCKING, may_unblock=(ip_network("192.168.1.4/30"),))
    others = Policy(replace(asked.state, unblocking=both))
    assert isinstance(on(others, action, method="POST", origin=OWN), OwnPage)
    assert isinstance(on(others, action, BOB, "POST", origin=OWN), Deny)
    assert isinstance(on(asked, action, method="POST", origin=OWN, now=NOW + 600), Deny)
    again = Policy(replace(asked.state, unblocking=replace(UNBLOCKING, key=b"another")))
    assert isinstance(on(again, action, method="POST", origin=OWN), Deny)
    keyless = Policy(replace(asked.state, unblocking=replace(UNBLOCKING, key=b"")))
    assert isinstance(on(keyless, buttons(keyless)[0], method="POST", origin=OWN), Deny)


def test_what_may_only_be_asked_for_cannot_be_unblocked(asked: Policy) -> None:
    (action,) = buttons(asked, BOB)
    may = Policy(replace(asked.state, unblocking=replace(UNBLOCKING, may_unblock=(ip_network("192.168.1.6/32"),))))
    assert isinstance(on(may, action, BOB, "POST", origin=OWN), Deny)


@pytest.mark.parametrize("denied", ["bad.test", "x.bad.test", "test"])
def test_what_is_denied_for_a_while_cannot_be_undone_from_the_page(asked: Policy, denied: str) -> None:
    grant = Grant(4, "deny", HostPattern(denied, below=True), None, NOW - 5, NOW + 5, "ada", "dinner")
    state = replace(asked.state, access=asked.state.access.granted(Grants((grant,))))
    done = on(Policy(state), PAGE)
    assert isinstance(done, Deny)
    assert done.rule == grant.where
    head = request("http://bad.test/", accept="text/html")
    shown = Policy(state).on_request(head, KnownClient(ADA), (), NOW)
    assert isinstance(shown, Deny)
    assert (b"forward-proxy.invalid" in denial(shown, head).content) is (denied == "x.bad.test")
    assert isinstance(on(Policy(state), PAGE, now=NOW + 5), OwnPage)


@pytest.mark.parametrize(
    "url", [f"{OWN}/", f"{OWN}/?url=x", f"{OWN}/other?url=http://bad.test/", f"{OWN}/?url=ftp://a/"]
)
def test_there_is_no_other_page(asked: Policy, url: str) -> None:
    done = on(asked, url)
    assert isinstance(done, Deny)
    assert done.status == 404


def test_for_everybody_else_the_host_is_nothing_special(asked: Policy) -> None:
    assert isinstance(on(asked, PAGE, EVE), Lookup)
    assert isinstance(on(asked, PAGE, EVE, "POST", origin=OWN), Forward)
    assert isinstance(on(asked, f"{OWN}:8080/?url=http://bad.test/"), Lookup)


def test_no_page_may_show_or_read_it(asked: Policy) -> None:
    offer = on(asked, PAGE)
    fields = own_page(offer, head_only=False).fields
    csp = fields.text(b"content-security-policy")
    assert "default-src 'none'" in csp
    assert "frame-ancestors 'none'" in csp
    assert fields.get(b"x-frame-options") == b"DENY"
    assert fields.get(b"cache-control") == b"no-store"
    assert b"access-control-allow-origin" not in fields


@given(st.text(max_size=40), st.sampled_from(["GET", "POST", "PUT"]))
def test_whatever_the_address_says_nothing_is_granted(query: str, method: str) -> None:
    head = request(f"{OWN}/", method, origin=OWN)
    head = replace(head, target=replace(head.target, query=query))
    done = on_page(head, subject_of(head, KnownClient(ADA), NOW), ADA, NOW, UNBLOCKING, AccessRules())
    assert not isinstance(done, OwnPage) or done.grant is done.asked is None


def test_a_client_is_told_what_is_left_of_its_budgets(tmp_path: Path) -> None:
    rules = """
        rules:
          - { id: games, action: deny, match: { client: 192.168.1.5, host: a.test }, budget: { minutes: 60 } }
          - { id: all, action: deny, match: { host: b.test }, budget: { minutes: 90, per: group } }
    """
    made = policy(tmp_path, rules)
    begins, ends = made.state.access.budgets["games"].day(NOW)
    usage = Usage({Account("games", str(ADA)): Used(begins, ends, 12, NOW // 60)})
    options = replace(made.state.access_options, allow_clients=(ip_network("192.168.1.0/24"),))
    left = Policy(replace(made.state, access=made.state.access.used(usage), access_options=options))
    page = on(left, f"{OWN}/")
    assert isinstance(page, OwnPage)
    assert page.grant is page.asked is None
    text = page.content.decode()
    assert "<dt>games<dd>12 of 60 minutes used today, 48 left, more tomorrow at 00:00" in text
    assert "<dt>all<dd>0 of 90 minutes used today, 90 left" in text
    others = on(left, f"{OWN}/", BOB).content.decode()
    assert ("games" in others, "<dt>all" in others) == (False, True)
    assert isinstance(on(left, PAGE), Lookup)
    assert isinstance(on(left, f"{OWN}/other"), Lookup)


def test_without_budgets_there_is_no_such_page(asked: Policy) -> None:
    assert on(asked, f"{OWN}/").status == 404
    assert isinstance(on(asked, f"{OWN}/", EVE), Lookup)
