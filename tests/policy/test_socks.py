"""What a client that asks by SOCKS may do that one by CONNECT may not."""

from dataclasses import replace
from pathlib import Path

import pytest

from forward_proxy.policy import Deny, Forward, Inspect

from .building import LOCAL, NOW, policy, request

SOCKS = replace(LOCAL, by_socks=True)


@pytest.mark.parametrize(("client", "port", "status"), [(SOCKS, 80, None), (LOCAL, 80, 403), (SOCKS, 81, 403)])
def test_port_80_is_for_socks(tmp_path: Path, client: object, port: int, status: int | None) -> None:
    decision = policy(tmp_path).on_connect(("site.test", port), client, NOW)  # type: ignore[arg-type]
    assert isinstance(decision, Inspect) if status is None else isinstance(decision, Deny)


@pytest.mark.parametrize(
    ("client", "tunnel", "url", "status"),
    [
        (SOCKS, ("192.0.2.1", 443), "https://site.test/", None),
        (SOCKS, ("2001:db8::1", 443), "https://site.test/", None),
        (LOCAL, ("192.0.2.1", 443), "https://site.test/", 421),
        (SOCKS, ("192.0.2.1", 443), "https://site.test:8443/", 421),
        (SOCKS, ("192.0.2.1", 443), "https://192.0.2.2/", 421),
        (SOCKS, ("other.test", 443), "https://site.test/", 421),
        (SOCKS, ("192.0.2.9", 443), "https://site.test/", 403),
        (SOCKS, ("192.0.2.1", 443), "https://blocked.test/", 403),
    ],
)
def test_an_address_may_be_what_the_client_has_looked_up(
    tmp_path: Path, client: object, tunnel: tuple[str, int], url: str, status: int | None
) -> None:
    """Then both are judged, the address and the name that the request is for."""
    rules = "rules: [{ action: deny, match: { host: [192.0.2.9, blocked.test] } }]"
    asked = policy(tmp_path, rules, cache_by_default=False)
    decision = asked.on_request(request(url), client, (), NOW, tunnel)  # type: ignore[arg-type]
    if status is None:
        assert isinstance(decision, Forward)
        assert decision.allowed.subject.host == "site.test"
    else:
        assert isinstance(decision, Deny)
        assert decision.status == status
