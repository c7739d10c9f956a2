from pathlib import Path

import pytest

from forward_proxy.access.parents import Parent, Secret, refusal, said_by_parent
from tests.policy.building import LOCAL, NOW, policy, request, response

OFFICE = Parent("http", "2001:db8::1", 3128, Secret("env", "OFFICE"))


@pytest.mark.parametrize(
    ("url", "route"),
    [
        ("http://intranet.example/", "directly"),
        ("https://x.intranet.example:8443/", "directly"),
        ("http://public.example/", "http://a.example:3128, then socks5://b.example:1080, then directly"),
        ("https://public.example/", None),
    ],
)
def test_the_first_entry_that_fits_says_the_way(tmp_path: Path, url: str, route: str | None) -> None:
    rules = """
        origin_via:
          - { via: direct, match: { host: intranet.example } }
          - { via: [http://a.example:3128, socks5://b.example:1080, direct], match: { scheme: http } }
        """
    target = request(url).target
    decided = policy(tmp_path, rules, cache_by_default=False).on_request(request(url), LOCAL, (), NOW)
    via = decided.allowed.via  # type: ignore[union-attr]
    assert (None if via is None else str(via.route)) == route
    if target.scheme == "https":
        tunnel = policy(tmp_path, rules).on_opaque((target.host,), target.port, LOCAL, NOW)
        assert (tunnel.via and str(tunnel.via.route)) == route  # type: ignore[union-attr]


def test_a_tunnel_goes_the_way_of_the_host_that_connect_names(tmp_path: Path) -> None:
    """That is the host that is dialled, whatever the server name says."""
    rules = "origin_via: [{ via: http://a.example:3128, match: { host: a.test } }]"
    asked = policy(tmp_path, rules)
    assert asked.on_opaque(("a.test", "b.test"), 443, LOCAL, NOW).via is not None  # type: ignore[union-attr]
    assert asked.on_opaque(("b.test", "a.test"), 443, LOCAL, NOW).via is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("status", "fields", "error"),
    [
        (407, {}, "proxy_configuration_error"),
        (403, {}, None),
        (403, {"X_Squid_Error": "ERR_ACCESS_DENIED 0"}, "proxy_internal_response"),
        (503, {"X_Squid_Error": "ERR_DNS_FAIL 0"}, "destination_unavailable"),
        (504, {"X_Squid_Error": "ERR_READ_TIMEOUT 0"}, "connection_timeout"),
        (200, {"X_Squid_Error": "ERR_NONE 0"}, None),
        (502, {"Proxy_Status": "parent; error=dns_error"}, "destination_unavailable"),
        (502, {"Proxy_Status": "gateway; error=dns_error, parent"}, None),
        (502, {"Proxy_Status": 'gateway, parent;details="a, b; c"; error=dns_error'}, "destination_unavailable"),
    ],
)
def test_what_a_parent_says_of_its_own(status: int, fields: dict[str, str], error: str | None) -> None:
    said = said_by_parent(OFFICE, response(status, **fields))
    assert (said and said.error) == error


def test_a_refusal_names_parent_and_place_of_the_credentials() -> None:
    told = "the parent proxy http://[2001:db8::1]:3128 does not take the credentials of env OFFICE (407)"
    assert refusal(OFFICE, 407).reason == told
    assert refusal(Parent("socks5", "a.example", 1), 407).reason.endswith("asks for credentials (407)")
