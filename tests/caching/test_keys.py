"""RFC 9111 §2: method and target URI."""

import pytest

from forward_proxy.caching.keys import answers, key_of
from tests.caching.messages import request


def test_a_head_is_looked_up_under_get() -> None:
    assert key_of(request(method="HEAD")) == key_of(request())


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("POST", "http://example.com/"),
        ("GET", "https://example.com/"),
        ("GET", "http://example.com:8080/"),
        ("GET", "http://example.org/"),
        ("GET", "http://example.com/A"),
        ("GET", "http://example.com/?"),
        ("GET", "http://example.com/?a=1"),
    ],
)
def test_what_differs_has_another_key(method: str, url: str) -> None:
    other = request(method=method, url=url)
    plain = request(url="http://example.com/")
    assert key_of(other) != key_of(plain)
    assert not answers(key_of(plain), other)


def test_equivalent_spellings_share_a_key() -> None:
    assert answers(key_of(request(url="http://example.com/~a")), request(url="HTTP://EXAMPLE.com:80/%7Ea"))
