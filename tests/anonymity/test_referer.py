import pytest

from forward_proxy.anonymity.exchange import Exchange
from forward_proxy.anonymity.referer import capped_referer, least_referer
from forward_proxy.anonymity.treatment import Rewrite
from tests.anonymity.exchanges import request, subject

TARGET = "https://www.shop.example/basket"


def exchange(third_party: bool | None, page: str | None, target: str = TARGET) -> Exchange:
    head = request(target)
    return Exchange(head, subject(head, third_party=third_party, page=page))


@pytest.mark.parametrize(
    ("referer", "third_party", "page", "at_standard", "at_strict"),
    [
        # Same origin: whole, since the origin knows its own pages.
        ("https://www.shop.example/a?b", False, "www.shop.example", "https://www.shop.example/a?b", "https://www.shop.example/a?b"),
        ("https://www.shop.example:443/a", None, None, "https://www.shop.example:443/a", "https://www.shop.example:443/a"),
        # Same site, another host, or another scheme.
        ("https://login.shop.example/a?b", False, "login.shop.example", "https://login.shop.example/a?b", "https://login.shop.example/"),
        ("http://www.shop.example/a", False, "www.shop.example", "http://www.shop.example/a", "http://www.shop.example/"),
        # Between sites, and when it cannot be told.
        ("https://news.example/secret?q=1", True, "news.example", "https://news.example/", None),
        ("https://news.example:8443/secret", True, "news.example", "https://news.example:8443/", None),
        ("https://news.example/secret", None, None, "https://news.example/", None),
        ("https://news.example/secret", False, "www.shop.example", "https://news.example/", None),
        # Userinfo and fragment are not for anyone (RFC 9110 §10.1.3).
        ("https://me:pw@www.shop.example/a", False, None, "https://www.shop.example/a", "https://www.shop.example/a"),
        ("https://www.shop.example/a#part", False, None, "https://www.shop.example/a", "https://www.shop.example/a"),
        # No web page.
        ("android-app://com.example.reader", True, None, None, None),
        ("about:blank", None, None, None, None),
        ("", None, None, None, None),
        ("https://", True, None, None, None),
        ("https://www.shop.example/a b", False, None, None, None),
    ],
)  # fmt: skip
def test_what_each_level_tells(
    referer: str, third_party: bool | None, page: str | None, at_standard: str | None, at_strict: str | None
) -> None:
    at, lines = exchange(third_party, page), (referer.encode(),)
    assert capped_referer(at, lines) == (() if at_standard is None else (at_standard.encode(),))
    assert least_referer(at, lines) == (() if at_strict is None else (at_strict.encode(),))


@pytest.mark.parametrize("rewrite", [capped_referer, least_referer])
def test_nothing_of_a_secure_page_goes_to_an_insecure_target(rewrite: Rewrite) -> None:
    at = exchange(False, "www.shop.example", target="http://www.shop.example/")
    assert rewrite(at, (b"https://www.shop.example/a",)) == ()


@pytest.mark.parametrize("rewrite", [capped_referer, least_referer])
def test_two_lines_say_nothing_reliable(rewrite: Rewrite) -> None:
    assert rewrite(exchange(False, None), (b"https://www.shop.example/", b"https://www.shop.example/a")) == ()


@pytest.mark.parametrize("rest", [b"a" * 4096, b"@" + b"%" * 4000])
def test_beyond_4096_octets_the_origin_alone_goes_even_to_itself(rest: bytes) -> None:
    assert capped_referer(exchange(False, None), (b"https://www.shop.example/" + rest,)) == (
        b"https://www.shop.example/",
    )
