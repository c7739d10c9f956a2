"""What stands at hosts of our own is the same by both drivers, in cleartext, inside TLS, and asked for straight."""

from pathlib import Path

import pytest

from forward_proxy.policy.onboarding import Onboarding
from tests.policy.building import policy
from tests.policy.onboarding.making import made

from .pair import Pair
from .scenarios import inside, request

END = "Connection: close"
CASES = {
    "the certificate": (request("http://forward.proxy/forward-proxy-ca.cer"), None, [200]),
    "nothing there": (request("http://forward.proxy/forward-proxy-ca.key"), None, [404]),
    "a name below": (request("http://a.forward.proxy/"), None, [404]),
    "the probe": (inside("/trusted", "forward.proxy"), "forward.proxy:443", [200]),
    "straight": (f"GET /forward-proxy-ca.pem HTTP/1.1\r\nHost: proxy.home\r\n{END}\r\n\r\n".encode(), None, [200]),
    "straight, by HEAD": (f"HEAD / HTTP/1.1\r\nHost: proxy.home:1\r\n{END}\r\n\r\n".encode(), None, [200]),
    "straight, by HTTP/1.0": (b"GET /forward-proxy-ca.cer HTTP/1.0\r\nHost: proxy.home\r\n\r\n", None, [200]),
    "straight, under another's name": (
        f"HEAD /proxy.pac HTTP/1.1\r\nHost: evil.invalid\r\n{END}\r\n\r\n".encode(), None, [502]
    ),
    "straight, with content": (
        f"POST / HTTP/1.1\r\nHost: proxy.home\r\nContent-Length: 2\r\n{END}\r\n\r\nab".encode(), None, [405]
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_both_drivers_answer_alike(pair: Pair, tmp_path: Path, case: str) -> None:
    octets, tunnel, statuses = CASES[case]
    pair.given(policy(tmp_path, onboarding=Onboarding(made(), frozenset(("proxy.home",)))))
    lane, chain = pair.seen(octets, tunnel)
    assert lane.statuses == statuses
    assert lane == chain
