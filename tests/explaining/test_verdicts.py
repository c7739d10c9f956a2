import json
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from forward_proxy.access.options import Options as AccessOptions
from forward_proxy.caching import CacheKey, StoredResponse
from forward_proxy.explaining.explanation import explain
from forward_proxy.explaining.rehearsal import nothing_stored
from forward_proxy.explaining.verdicts import as_data, verdict
from forward_proxy.matching.client import KnownClient
from forward_proxy.message.fields import NO_FIELDS
from tests.policy.building import LOCAL, NOW, policy, request, section

RULES = """
rules:
  - { id: no-ads, action: deny, match: { path: /ads/* }, reason: Nobody asked }
  - { id: shop, action: allow, match: { host: shop.example }, reason: We buy there }
inspect:
  - { action: never, match: { host: bank.example } }
"""
NO_RULE = "no rule matched; the default is allow"


@pytest.mark.parametrize(
    ("url", "verdict_", "status", "error", "rule_id", "reason", "inspected"),
    [
        ("http://a.example/ads/1", "denied", 403, "http_request_denied", "no-ads", "Nobody asked", None),
        ("https://a.example/ads/1", "denied", 403, "http_request_denied", "no-ads", "Nobody asked", True),
        ("https://shop.example/", "allowed", None, None, "shop", "We buy there", True),
        ("https://bank.example/", "allowed", None, None, None, NO_RULE, False),
        ("https://a.example:22/", "denied", 403, "http_request_denied", None, "tunnels to port 22 are not allowed",
         False),
        ("http://10.0.0.1/", "allowed", 403, "destination_ip_prohibited", None, "10.0.0.1 is a private address", None),
    ],
)  # fmt: skip
def test_a_verdict_says_who_and_why(
    tmp_path: Path,
    url: str,
    verdict_: str,
    status: int | None,
    error: str | None,
    rule_id: str | None,
    reason: str,
    inspected: bool | None,
) -> None:
    options = AccessOptions(allow_clients=(ip_network("192.0.2.0/24"),))
    asked, client = policy(tmp_path, RULES, access_options=options), KnownClient(ip_address("192.0.2.7"))
    found = verdict(asked, request(url), client, NOW)
    assert list(found) == ["url", "verdict", "status", "error", "rule", "rule_id", "reason", "inspected"]
    assert tuple(found.values())[1:4] == (verdict_, status, error)
    assert tuple(found.values())[5:] == (rule_id, reason, inspected)
    whole = as_data(explain(asked, request(url), client, NOW, nothing_stored))
    assert {name: whole[name] for name in found if name != "url"} == {n: v for n, v in found.items() if n != "url"}


def test_the_whole_is_json_whatever_the_outcome(tmp_path: Path) -> None:
    asked = policy(tmp_path, RULES)
    for url in ("http://a.example/ads/1", "https://bank.example/", "https://shop.example/\u00e9"):
        for method in ("GET", "POST", "CONNECT"):
            assert json.loads(json.dumps(as_data(explain(asked, request(url, method), LOCAL, NOW, nothing_stored))))


def test_what_is_stored_is_told_with_every_sum(tmp_path: Path) -> None:
    head = request("http://a.example/")
    stored = StoredResponse(
        CacheKey("GET", head.target), 200, section(cache_control="max-age=60", age="5"), NO_FIELDS, NOW - 11, NOW - 10
    )
    cache = as_data(explain(policy(tmp_path), head, LOCAL, NOW, lambda _: (stored,)))["cache"]
    assert (cache["key"], cache["hit"], cache["fwd"]) == ("GET http://a.example/", True, None)
    (held,) = cache["stored"]
    assert (held["chosen"], held["fresh"], held["ttl"], held["basis"]) == (True, True, 44, "max-age")
    assert (held["age_value"], held["response_delay"], held["resident_time"], held["current_age"]) == (5, 1, 10, 16)


def test_the_trail_is_told_rule_by_rule(tmp_path: Path) -> None:
    trail = as_data(explain(policy(tmp_path, RULES), request("http://shop.example/"), LOCAL, NOW, nothing_stored))[
        "trail"
    ]
    file = tmp_path / "rules.yaml"
    assert trail == [
        {"rule": f"{file}:3", "action": "deny", "reason": "Nobody asked", "failing": "path", "id": "no-ads"},
        {"rule": f"{file}:4", "action": "allow", "reason": "We buy there", "failing": None, "id": "shop"},
    ]
