from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from forward_proxy.access.options import Options as AccessOptions
from forward_proxy.caching import CacheKey, StoredResponse
from forward_proxy.explaining.rehearsal import rehearse
from forward_proxy.matching.client import KnownClient
from forward_proxy.message.fields import NO_FIELDS
from forward_proxy.policy import Deny, Forward, Inspect, Serve, Tunnel
from tests.policy.building import LOCAL, NOW, policy, request, section

RULES = """
rules:
  - { id: hidden, action: deny, match: { path: /ads/* } }
  - { id: site, action: deny, match: { host: evil.example } }
inspect:
  - { action: never, match: { host: [bank.example, evil.example] } }
"""


@pytest.mark.parametrize(
    ("url", "method", "decision"),
    [
        ("http://example.com/", "GET", Forward),
        ("http://example.com/ads/1", "GET", Deny),
        ("https://example.com/ads/1", "GET", Deny),
        ("https://bank.example/ads/1", "GET", Tunnel),  # Nobody sees the path.
        ("https://evil.example/", "GET", Deny),
        ("https://example.com:8443/", "GET", Deny),  # CONNECT leads to 443 alone.
        ("https://example.com/", "CONNECT", Inspect),
        ("https://bank.example/", "CONNECT", Tunnel),
        ("http://example.com/", "CONNECT", Deny),
    ],
)
def test_an_https_url_is_asked_for_through_a_tunnel(tmp_path: Path, url: str, method: str, decision: type) -> None:
    rehearsal = rehearse(policy(tmp_path, RULES), request(url, method), LOCAL, NOW)
    assert type(rehearsal.decision) is decision


@pytest.mark.parametrize(
    ("url", "client", "error"),
    [
        ("http://10.0.0.1/", "192.0.2.7", "destination_ip_prohibited"),
        ("https://10.0.0.1/", "192.0.2.7", "destination_ip_prohibited"),
        ("http://0x0a000001/", "192.0.2.7", "destination_ip_prohibited"),
        ("http://10.0.0.1/", "127.0.0.1", None),
        ("http://169.254.169.254/", "127.0.0.1", "destination_ip_prohibited"),
        ("http://intranet.example/", "192.0.2.7", None),  # What it resolves to is not known here.
    ],
)
def test_an_address_is_judged_as_before_dialling(tmp_path: Path, url: str, client: str, error: str | None) -> None:
    networks = AccessOptions(allow_clients=(ip_network("192.0.2.0/24"),))
    for inspect in (True, False):
        asked = policy(tmp_path, access_options=networks, inspect_by_default=inspect)
        decision = rehearse(asked, request(url), KnownClient(ip_address(client)), NOW).decision
        assert (decision.error if isinstance(decision, Deny) else None) == error


def test_what_is_stored_is_asked_for_by_key_and_needs_no_dialling(tmp_path: Path) -> None:
    asked: list[CacheKey] = []

    def candidates(key: CacheKey) -> tuple[StoredResponse, ...]:
        asked.append(key)
        return (StoredResponse(key, 200, section(cache_control="max-age=60"), NO_FIELDS, NOW, NOW),)

    rehearsal = rehearse(policy(tmp_path), request("http://169.254.169.254/"), LOCAL, NOW, candidates)
    assert isinstance(rehearsal.decision, Serve)
    assert [str(key) for key in asked] == ["GET http://169.254.169.254/"]


def test_a_denied_request_is_not_looked_up(tmp_path: Path) -> None:
    def candidates(key: CacheKey) -> tuple[StoredResponse, ...]:
        raise AssertionError(key)

    assert rehearse(policy(tmp_path, RULES), request("http://evil.example/"), LOCAL, NOW, candidates).allowed is None
