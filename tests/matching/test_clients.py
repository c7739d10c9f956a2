from ipaddress import ip_address

import pytest

from tests.matching.requests import matcher, problems, subject


@pytest.mark.parametrize(
    ("rule", "client", "holds"),
    [
        ("10.0.0.7", "10.0.0.7", True),
        ("10.0.0.7", "10.0.0.8", False),
        ("10.0.0.0/8", "10.255.0.1", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        ("10.0.0.0/8", "::ffff:10.0.0.1", True),
        ("::ffff:10.0.0.0/104", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("2001:db8::/32", "2001:db8::1", True),
        ("2001:db8::/32", "10.0.0.1", False),
        ("fe80::/10", "fe80::1%eth0", True),
        (["10.0.0.7", "::1"], "::1", True),
    ],
)
def test_a_client_is_an_address_or_inside_a_network(rule: object, client: str, holds: bool) -> None:
    assert matcher({"client": rule}).matches(subject(client=ip_address(client))) is holds


def test_an_unknown_client_is_inside_no_network() -> None:
    assert not matcher({"client": "0.0.0.0/0"}).matches(subject(client=None))
    assert matcher({"not": {"client": "0.0.0.0/0"}}).matches(subject(client=None))


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("localhost", "expected an IP address or a network such as 10.0.0.0/8, not localhost"),
        ("10.0.0.0/33", "expected an IP address or a network such as 10.0.0.0/8, not 10.0.0.0/33"),
        ("10.0.0.1/8", "10.0.0.1/8 has bits set beyond its prefix; did you mean 10.0.0.0/8?"),
        ("fe80::1%eth0", "an address with a zone means something on one machine only"),
    ],
)
def test_what_is_no_network_is_told(rule: str, text: str) -> None:
    assert problems({"client": rule}) == [("client", text)]
