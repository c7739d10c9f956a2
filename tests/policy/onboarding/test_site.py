"""Who is answered what at the hosts of the setup page, and what never leads there."""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from forward_proxy.matching.client import KnownClient, User
from forward_proxy.policy import Deny, Forward, Inspect, Lookup, OwnPage, Policy, Tunnel, own_page
from forward_proxy.policy.authentication import Authentication
from forward_proxy.policy.onboarding import Onboarding
from forward_proxy.policy.refusals import PassingThrough
from tests.policy.building import NOW, policy, request

from .making import made

LAN = ip_network("192.168.1.0/24")
PHONE = KnownClient(ip_address("192.168.1.20"), listener=8080, reached=ip_address("192.168.1.2"))
HERE = KnownClient(ip_address("127.0.0.1"), listener=8080, reached=ip_address("127.0.0.1"))
STRANGER = KnownClient(ip_address("203.0.113.9"), listener=8080, reached=ip_address("198.51.100.1"))
CERTIFICATE = made()
TUNNEL = ("forward.proxy", 443)
HASHES = {"alice": b"of alice"}
ALICE = User("alice", b"of alice")


def door(folder: Path, rules: str = "", *, clients: tuple[Any, ...] = (LAN,), **state: Any) -> Policy:
    onboarding = Onboarding(CERTIFICATE, frozenset(("proxy.home", "192.168.1.99")), clients)
    plain = policy(folder, rules, **{"onboarding": onboarding, **state})
    everyone = (ip_network("0.0.0.0/0"),)
    options = replace(plain.state.access_options, allow_clients=clients or everyone)
    return Policy(replace(plain.state, access_options=options))


def on(asked: Policy, url: str, client: KnownClient = PHONE, *, direct: bool = False, method: str = "GET") -> Any:
    tunnel = TUNNEL if url.startswith("https:") else None
    return asked.on_request(replace(request(url, method), direct=direct), client, (), NOW, tunnel)


def text(decision: object) -> str:
    assert isinstance(decision, OwnPage), decision
    return decision.content.decode()


def field(decision: object, name: bytes) -> bytes | None:
    assert isinstance(decision, OwnPage), decision
    return own_page(decision, head_only=False).fields.get(name)


def test_through_the_proxy_it_says_so(tmp_path: Path) -> None:
    asked = door(tmp_path)
    assert "comes through this proxy" in text(on(asked, "http://forward.proxy/"))
    assert "comes through this proxy" in text(on(asked, "https://forward.proxy/"))
    assert "straight from the proxy" in text(on(asked, "http://192.168.1.2:8080/", direct=True))


@pytest.mark.parametrize(
    ("url", "client"),
    [
        ("http://192.168.1.2:8080/", PHONE),
        ("http://192.168.1.2/", replace(PHONE, listener=80)),
        ("http://proxy.home:3128/", PHONE),
        ("http://192.168.1.99:3128/", PHONE),
        ("http://forward.proxy/", PHONE),
        ("http://127.0.0.1:8080/", HERE),
        ("http://localhost:8080/", HERE),
        ("http://[::1]:8080/", replace(HERE, reached=ip_address("::1"))),
        ("http://192.168.1.2:8080/", replace(PHONE, reached=ip_address("::ffff:192.168.1.2"))),
    ],
)
def test_straight_it_is_found_at_what_the_client_is_connected_to_and_at_named_ones(
    tmp_path: Path, url: str, client: KnownClient
) -> None:
    assert isinstance(on(door(tmp_path), url, client, direct=True), OwnPage)


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.test:8080/", "http://192.168.1.3:8080/", "http://127.0.0.1:8080/", "http://localhost:8080/",
        "http://a.proxy.home/", "http://wpad.evil.test/wpad.dat", "http://wpad/", "http://wpad/proxy.pac",
        "http://xforward.proxy/", "http://192.168.1.2/", "http://192.168.1.2:8081/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["", "proxy.pac", "forward-proxy-ca.pem"])
def test_a_name_that_was_made_to_lead_here_is_told_nothing(tmp_path: Path, url: str, path: str) -> None:
    """DNS rebinding: its page would be of the same origin as ours."""
    asked = on(door(tmp_path), url if path in url else f"{url}{path}", direct=True)
    assert isinstance(asked, Lookup)


def test_its_own_address_through_the_proxy_stays_what_it_was(tmp_path: Path) -> None:
    assert isinstance(on(door(tmp_path), "http://192.168.1.2:8080/"), Lookup)  # Refused as a loop when it is dialled.
    assert isinstance(on(door(tmp_path), "http://proxy.home/"), Lookup)


def test_browsers_that_look_for_wpad_find_it(tmp_path: Path) -> None:
    found = on(door(tmp_path), "http://wpad/wpad.dat", direct=True)
    assert '"PROXY 192.168.1.2:8080"' in text(found)
    assert field(found, b"content-type") == b"application/x-ns-proxy-autoconfig"


@pytest.mark.parametrize(
    ("url", "direct", "proxy"),
    [
        ("http://192.168.1.2:8080/proxy.pac", True, "192.168.1.2:8080"),
        ("http://proxy.home/wpad.dat", True, "proxy.home:80"),
        ("http://proxy.home:3128/proxy.pac", True, "proxy.home:3128"),
        ("http://forward.proxy/proxy.pac", False, "192.168.1.2:8080"),
        ("http://forward.proxy/proxy.pac", True, "192.168.1.2:8080"),
        ("https://forward.proxy/proxy.pac", False, "192.168.1.2:8080"),
    ],
)
def test_the_pac_file_leads_to_where_it_was_found(tmp_path: Path, url: str, direct: bool, proxy: str) -> None:
    assert f'"PROXY {proxy}"' in text(on(door(tmp_path), url, direct=direct))


def test_groups_get_different_files(tmp_path: Path) -> None:
    rules = """
    groups: { kids: [192.168.1.20] }
    pac:
      - { match: { group: kids }, direct: [school.example, =one.example, 198.51.100.0/24] }
      - { match: {}, fallback: direct }
    """
    asked = door(tmp_path, rules)
    kid = text(on(asked, "http://forward.proxy/proxy.pac"))
    other = text(on(asked, "http://forward.proxy/proxy.pac", replace(PHONE, address=ip_address("192.168.1.21"))))
    assert "school.example" in kid
    assert '["198.51.100.0", "255.255.255.0"]' in kid
    assert "; DIRECT" not in kid
    assert "; DIRECT" in other
    assert "school.example" not in other


@pytest.mark.parametrize("path", ["pem", "cer", "crt", "mobileconfig"])
def test_the_certificate_and_no_key(tmp_path: Path, path: str) -> None:
    given = on(door(tmp_path), f"http://forward.proxy/forward-proxy-ca.{path}")
    assert isinstance(given, OwnPage)
    assert b"PRIVATE" not in given.content
    assert field(given, b"x-content-type-options") == b"nosniff"
    assert f"forward-proxy-ca.{path}" in (field(given, b"content-disposition") or b"").decode()


@pytest.mark.parametrize("path", ["forward-proxy-ca.key", "forward-proxy-ca.key.pem", "forward-proxy-ca", "ca/", "x"])
def test_there_is_nothing_else(tmp_path: Path, path: str) -> None:
    for url in (f"http://forward.proxy/{path}", f"https://forward.proxy/{path}", f"http://a.forward.proxy/{path}"):
        tunnel = ("a.forward.proxy", 443) if "//a." in url else TUNNEL
        head = request(url)
        decision = door(tmp_path).on_request(head, PHONE, (), NOW, tunnel if url.startswith("https") else None)
        assert isinstance(decision, Deny)
        assert decision.status == 404


def test_whatever_the_port_method_or_name_below_nothing_goes_on(tmp_path: Path) -> None:
    asked = door(tmp_path)
    for url in ("http://forward.proxy:81/", "http://FORWARD.proxy./", "http://a.b.forward.proxy/"):
        assert isinstance(on(asked, url), OwnPage | Deny)
    for method in ("POST", "PUT", "PURGE", "OPTIONS"):
        refused = on(asked, "http://forward.proxy/", method=method)
        assert isinstance(refused, Deny)
        assert refused.status == 405


def test_no_rule_is_asked(tmp_path: Path) -> None:
    asked = door(tmp_path, "rules: [{ action: deny, match: {} }]\ninspect: [{ action: never, match: {} }]")
    assert isinstance(on(asked, "http://forward.proxy/"), OwnPage)
    assert isinstance(asked.on_connect(TUNNEL, PHONE, NOW), Inspect)
    assert isinstance(asked.on_hello(("forward.proxy",), 443, PHONE, NOW), Inspect)


@pytest.mark.parametrize("host", ["forward.proxy", "a.forward.proxy", "forward-proxy.invalid"])
def test_a_tunnel_there_is_opened_or_refused_but_never_dialled(tmp_path: Path, host: str) -> None:
    opened, closed = door(tmp_path), door(tmp_path, inspect_by_default=False)
    assert isinstance(opened.on_connect((host, 443), PHONE, NOW), Inspect)
    assert isinstance(opened.on_opaque((host,), 443, PHONE, NOW), Deny)
    assert isinstance(opened.on_opaque(("a.test", host), 443, PHONE, NOW), Deny)
    for decision in (closed.on_connect((host, 443), PHONE, NOW), closed.on_opaque((host,), 443, PHONE, NOW)):
        assert isinstance(decision, Deny)
        assert "this proxy itself" in decision.reason
    assert isinstance(closed.on_connect(("a.test", 443), PHONE, NOW), Tunnel)


def test_who_refuses_the_certificate_there_is_not_passed_through(tmp_path: Path) -> None:
    """The probe of a browser that does not trust it is just that."""
    asked = door(tmp_path, passing_through=PassingThrough(lasting_s=60))
    refused = asked.on_refusal(("forward.proxy",), 443, PHONE, "unknown_ca", NOW)
    assert refused.remembered == ()
    assert "this proxy itself" in refused.told
    assert asked.on_refusal(("a.test",), 443, PHONE, "unknown_ca", NOW).remembered


def test_the_probe_can_be_read_by_the_setup_page_alone(tmp_path: Path) -> None:
    probed = on(door(tmp_path), "https://forward.proxy/trusted")
    assert field(probed, b"access-control-allow-origin") == b"http://forward.proxy"
    assert field(probed, b"cross-origin-resource-policy") == b"same-origin"
    assert isinstance(on(door(tmp_path), "http://forward.proxy/trusted"), Deny)  # It would prove nothing.


def test_without_a_certificate_none_is_spoken_of(tmp_path: Path) -> None:
    asked = door(tmp_path, onboarding=Onboarding(None), inspect_by_default=False)
    page = text(on(asked, "http://forward.proxy/"))
    assert "No certificate is needed" in page
    assert "forward-proxy-ca" not in page
    assert "<script" not in page
    assert on(asked, "http://forward.proxy/forward-proxy-ca.pem").status == 404


def test_who_may_not_use_the_proxy_gets_nothing(tmp_path: Path) -> None:
    for url, direct in (("http://forward.proxy/", False), ("http://198.51.100.1:8080/", True)):
        refused = on(door(tmp_path), url, STRANGER, direct=direct)
        assert isinstance(refused, Deny)
        assert refused.status == 403
    assert isinstance(door(tmp_path).on_connect(TUNNEL, STRANGER, NOW), Deny)


def test_who_may_connect_by_address_needs_no_name_even_where_all_others_do(tmp_path: Path) -> None:
    asked = door(tmp_path, authentication=Authentication(HASHES, always=True))
    assert isinstance(on(asked, "http://forward.proxy/"), OwnPage)
    assert isinstance(on(asked, "http://192.168.1.2:8080/proxy.pac", direct=True), OwnPage)
    assert isinstance(asked.on_connect(TUNNEL, PHONE, NOW), Inspect)
    assert isinstance(asked.on_hello(("forward.proxy",), 443, PHONE, NOW), Inspect)
    assert isinstance(on(asked, "https://forward.proxy/trusted"), OwnPage)
    assert on(asked, "http://a.test/").status == 407
    mixed = asked.on_hello(("forward.proxy", "a.test"), 443, PHONE, NOW)
    assert isinstance(mixed, Deny)


def test_where_a_name_is_all_that_is_asked_for_a_stranger_needs_one(tmp_path: Path) -> None:
    asked = door(tmp_path, clients=(), authentication=Authentication(HASHES, always=True))
    assert on(asked, "http://forward.proxy/", STRANGER).status == 407
    assert on(asked, "http://198.51.100.1:8080/", STRANGER, direct=True).status == 407
    assert asked.on_connect(TUNNEL, STRANGER, NOW).status == 407  # type: ignore[union-attr]
    assert isinstance(on(asked, "http://forward.proxy/", replace(STRANGER, user=ALICE)), OwnPage)
    assert isinstance(on(asked, "http://forward.proxy/", HERE), OwnPage)


def test_a_rule_about_users_asks_nobody_for_a_name_there(tmp_path: Path) -> None:
    rules = "rules: [{ action: deny, match: { user: alice } }]"
    asked = door(tmp_path, rules, authentication=Authentication(HASHES))
    assert on(asked, "http://a.test/").status == 407
    assert isinstance(on(asked, "http://forward.proxy/"), OwnPage)


def test_other_hosts_go_on(tmp_path: Path) -> None:
    for url in ("http://proxy/", "http://forward.proxy.test/", "http://a.test/proxy.pac"):
        assert isinstance(on(door(tmp_path), url), Lookup | Forward)
