import pytest

from forward_proxy.settings.endpoints import Endpoint, parse_endpoint, parse_listening, parse_resolution


@pytest.mark.parametrize(
    ("text", "spelled", "loopback"),
    [
        ("127.0.0.1:8080", "127.0.0.1:8080", True),
        ("127.1:0", "127.0.0.1:0", True),
        ("127.9.9.9:80", "127.9.9.9:80", True),
        ("[::1]:8080", "[::1]:8080", True),
        ("[::ffff:127.0.0.1]:80", "127.0.0.1:80", True),
        ("LocalHost:8080", "localhost:8080", True),
        ("0.0.0.0:8080", "0.0.0.0:8080", False),
        ("0:8080", "0.0.0.0:8080", False),
        ("[::]:8080", "[::]:8080", False),
        ("[::ffff:0:0]:80", "0.0.0.0:80", False),
        ("192.168.0.1:8080", "192.168.0.1:8080", False),
        ("localhost.example:8080", "localhost.example:8080", False),
        ("proxy.lan:3128", "proxy.lan:3128", False),
    ],
)
def test_an_endpoint_knows_whether_other_machines_reach_it(text: str, spelled: str, loopback: bool) -> None:
    endpoint = parse_endpoint(text)
    assert endpoint is not None
    assert (str(endpoint), endpoint.is_loopback) == (spelled, loopback)


@pytest.mark.parametrize(
    ("text", "spelled", "url"),
    [
        ("127.0.0.1:80", "127.0.0.1:80", "http://127.0.0.1:80"),
        ("https://127.0.0.1:80", "https://127.0.0.1:80", "https://127.0.0.1:80"),
        ("HTTPS://Proxy.lan:8443/", "https://proxy.lan:8443", "https://proxy.lan:8443"),
        ("https://[::1]:443", "https://[::1]:443", "https://[::1]:443"),
    ],
)
def test_https_before_it_asks_for_tls(text: str, spelled: str, url: str) -> None:
    endpoint = parse_listening(text)
    assert endpoint is not None
    assert (str(endpoint), endpoint.url, endpoint.tls) == (spelled, url, url.startswith("https"))


@pytest.mark.parametrize(
    "text",
    ["https://", "https://127.0.0.1", "https://127.0.0.1:80/x", "https://a@b:1", "http://127.0.0.1:80"],
)
def test_what_is_nowhere_to_listen(text: str) -> None:
    assert parse_listening(text) is None


@pytest.mark.parametrize(
    "text",
    ["8080", ":8080", "*:8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:８０",
     "::1:8080", "[::1]", "[::1:80", "[fe80::1%eth0]:80", "http://127.0.0.1:8080", "https://127.0.0.1:8080", "a b:80",
     " 127.0.0.1:80", "1.2.3.4.5:80"],
)  # fmt: skip
def test_what_is_no_endpoint(text: str) -> None:
    assert parse_endpoint(text) is None


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("Example.com:443:127.0.0.1", "example.com:443:127.0.0.1"),
        ("example.com:443:[::1]", "example.com:443:[::1]"),
        ("[2001:db8::1]:80:127.0.0.1", "[2001:db8::1]:80:127.0.0.1"),
        ("bücher.example:80:10.0.0.1", "xn--bcher-kva.example:80:10.0.0.1"),
    ],
)
def test_a_resolution_names_host_port_and_address(text: str, spelled: str) -> None:
    assert str(parse_resolution(text)) == spelled


@pytest.mark.parametrize(
    "text",
    ["example.com:443", "example.com:0:127.0.0.1", "example.com:443:example.org", "example.com:443:::1",
     "example.com:443:127.0.0.1:80", "*:443:127.0.0.1", "+example.com:443:127.0.0.1", "-example.com:443",
     "example.com:443:127.0.0.1,127.0.0.2"],
)  # fmt: skip
def test_what_is_no_resolution(text: str) -> None:
    assert parse_resolution(text) is None


def test_equal_endpoints_are_one_key() -> None:
    assert parse_endpoint("EXAMPLE.com.:80") == Endpoint("example.com", 80)
