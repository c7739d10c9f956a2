from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.access.options import Options
from forward_proxy.access.targets import (
    OwnListeners,
    Prohibited,
    judge_address,
    judge_client,
    judge_connect_port,
    judge_loop,
    judge_purging,
)

LOCAL, MAPPED_LOCAL, REMOTE = ip_address("127.0.0.1"), ip_address("::ffff:127.0.0.1"), ip_address("203.0.113.9")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("127.0.0.1", "a loopback address"),
        ("10.0.0.1", "a private address"),
        ("100.64.0.1", "a carrier's shared address"),
        ("169.254.1.1", "a link-local address"),
        ("169.254.169.254", "the cloud's metadata service"),
        ("0.0.0.0", "an unspecified address"),
        ("224.0.0.1", "a multicast address"),
        ("240.0.0.1", "a reserved address"),
        ("64:ff9b::a00:1", "an IPv6 form of 10.0.0.1, a private address"),
    ],
)
def test_a_remote_client_reaches_public_addresses_only(target: str, words: str) -> None:
    address = ip_address(target)
    refusal = Prohibited("destination_ip_prohibited", f"{address} is {words}")
    assert judge_address(address, REMOTE, Options()) == refusal
    assert judge_address(address, REMOTE, Options(allow_private_targets=True)) is None


@pytest.mark.parametrize("client", [LOCAL, MAPPED_LOCAL, ip_address("::1")])
@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("192.168.1.1", True),
        ("fe80::1", True),
        ("169.254.169.254", False),
        ("fd00:ec2::254", False),
        ("::ffff:169.254.169.254", False),
        ("0.0.0.0", False),
        ("::", False),
        ("ff02::1", False),
    ],
)
def test_a_local_client_reaches_its_own_network_but_no_metadata(
    client: IPv4Address | IPv6Address, target: str, allowed: bool
) -> None:
    assert (judge_address(ip_address(target), client, Options()) is None) is allowed


@given(st.ip_addresses(), st.ip_addresses())
def test_what_a_local_client_may_not_reach_a_remote_one_may_not_either(
    target: IPv4Address | IPv6Address, client: IPv4Address | IPv6Address
) -> None:
    if judge_address(target, LOCAL, Options()) is not None:
        assert client.is_loopback or judge_address(target, client, Options()) is not None


@pytest.mark.parametrize(
    ("bound", "target", "port", "loop"),
    [
        ("127.0.0.1", "127.0.0.1", 8080, True),
        ("127.0.0.1", "127.0.0.1", 8081, False),
        ("127.0.0.1", "::ffff:127.0.0.1", 8080, True),
        ("127.0.0.1", "0.0.0.0", 8080, True),
        ("127.0.0.1", "::", 8080, True),
        ("127.0.0.1", "127.0.0.2", 8080, False),
        ("127.0.0.1", "192.0.2.5", 8080, False),
        ("0.0.0.0", "127.0.0.2", 8080, True),
        ("0.0.0.0", "192.0.2.5", 8080, True),
        ("0.0.0.0", "192.0.2.6", 8080, False),
        ("::", "192.0.2.5", 8080, True),
        ("::", "::1", 8080, True),
        ("192.0.2.5", "192.0.2.5", 8080, True),
        ("192.0.2.5", "127.0.0.1", 8080, False),
    ],
)
def test_the_proxy_never_dials_itself(bound: str, target: str, port: int, loop: bool) -> None:
    own = OwnListeners(frozenset({(ip_address(bound), 8080)}), frozenset({ip_address("192.0.2.5")}))
    address = ip_address(target)
    refusal = Prohibited("proxy_loop_detected", f"{address} port {port} is this proxy itself")
    assert judge_loop(address, port, own) == (refusal if loop else None)


@pytest.mark.parametrize(
    ("port", "listed", "allowed"), [(443, (), True), (443, (8443,), True), (8443, (8443,), True), (22, (8443,), False)]
)
def test_tunnels_lead_to_443_and_listed_ports(port: int, listed: tuple[int, ...], allowed: bool) -> None:
    refusal = Prohibited("http_request_denied", f"tunnels to port {port} are not allowed")
    assert judge_connect_port(port, Options(connect_ports=frozenset(listed))) == (None if allowed else refusal)


@pytest.mark.parametrize(
    ("client", "networks", "allowed"),
    [
        ("127.0.0.1", (), True),
        ("::1", (), True),
        ("::ffff:127.0.0.9", (), True),
        ("10.0.0.1", (), False),
        ("10.0.0.1", ("10.0.0.0/8",), True),
        ("::ffff:10.0.0.1", ("10.0.0.0/8",), True),
        ("11.0.0.1", ("10.0.0.0/8", "2001:db8::/32"), False),
        ("2001:db8::9", ("10.0.0.0/8", "2001:db8::/32"), True),
    ],
)
def test_clients_are_this_machine_and_those_inside_the_allowed_networks(
    client: str, networks: tuple[str, ...], allowed: bool
) -> None:
    options = Options(allow_clients=tuple(ip_network(network) for network in networks))
    assert (judge_client(ip_address(client), options) is None) is allowed


def test_purging_is_for_this_machine_and_for_those_named() -> None:
    office = Options(allow_clients=(ip_network("203.0.113.0/24"),))
    assert [judge_purging(client, office) is None for client in (LOCAL, MAPPED_LOCAL, REMOTE)] == [True, True, False]
    assert judge_purging(REMOTE, Options(purge_clients=(ip_network("203.0.113.9/32"),))) is None
