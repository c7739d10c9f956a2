"""Which URLs inside of a wrapper are gone to."""

from urllib.parse import quote

import pytest

from forward_proxy.cleaning.wrappers import inside
from forward_proxy.message.targets import TargetUri, parse_target_uri


def target(url: str) -> TargetUri:
    parsed = parse_target_uri(url)
    assert isinstance(parsed, TargetUri)
    return parsed


WRAPPER = target("https://out.example/?url=x")


def led_to(value: str, wrapper: TargetUri = WRAPPER) -> str | None:
    found = inside(value, wrapper)
    return None if found is None else str(found)


@pytest.mark.parametrize(
    ("value", "leads"),
    [
        ("https%3A%2F%2Fshop.example%2F", "https://shop.example/"),
        ("https://shop.example/a?b=c", "https://shop.example/a?b=c"),
        ("http%3A%2F%2Fshop.example", "http://shop.example/"),
        ("HTTPS%3A%2F%2FSHOP.example%2Fa%3Fb%3D1%26c%3D%2525", "https://shop.example/a?b=1&c=%25"),
        ("https%3A%2F%2Fshop.example%2Fa%3Fb%3D%2526", "https://shop.example/a?b=%26"),
        ("https%3A%2F%2Fshop.example%2F%23part%20two", "https://shop.example/#part%20two"),
        ("https%3A%2F%2Fshop.example%3A8443%2F", "https://shop.example:8443/"),
        ("https%3A%2F%2Fb%C3%BCcher.example%2F%C3%A4", "https://xn--bcher-kva.example/%C3%A4"),
        ("https%3A%2F%2F203.0.114.7%2F", "https://203.0.114.7/"),
    ],
)
def test_whole_urls_are(value: str, leads: str) -> None:
    assert led_to(value) == leads


@pytest.mark.parametrize(
    "value",
    [
        "", "shop.example", "%2Fpath", "//shop.example/", "javascript%3Aalert(1)", "data%3Atext%2Fhtml%2Cx",
        "ftp%3A%2F%2Fshop.example%2F", "https%3A%2F%2F", "https%3A%2F%2Fa%40evil.example%2F",
        "https%3A%2F%2Fshop.example%5C%40evil.example%2F", "https%3A%2F%2Fshop.example%2Fa%20b",
        "https%3A%2F%2Fshop.example%2Fa%0D%0ASet-Cookie%3A%20a", "https%253A%252F%252Fshop.example%252F",
        "https%3A%2F%2F%FF.example%2F", "https%3A%2F%2Fshop.example%3A99999%2F", "https%3A%2F%2Fsh%20op.example%2F",
    ],
)  # fmt: skip
def test_others_are_not(value: str) -> None:
    assert led_to(value) is None


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "[::1]", "10.0.0.1", "192.168.1.1", "169.254.169.254", "0x7f.1", "localhost", "printer",
        "nas.local", "a.internal", "a.home.arpa", "router.lan", "forward-proxy.invalid",
    ],
)  # fmt: skip
def test_a_public_wrapper_leads_to_nothing_private(host: str) -> None:
    assert led_to(quote(f"http://{host}/", safe="")) is None


def test_a_wrapper_of_a_local_network_leads_inside_and_out() -> None:
    local = target("http://wiki.lan/go")
    assert led_to("http%3A%2F%2Fnas.lan%2F", local) == "http://nas.lan/"
    assert led_to("https%3A%2F%2Fshop.example%2F", local) == "https://shop.example/"
    assert led_to("http%3A%2F%2F192.168.1.1%2F", local) is None


def test_nothing_leads_to_itself() -> None:
    assert led_to(quote("https://out.example/?url=x", safe="")) is None
