"""Patterns: `||`, `|`, `^`, `*`, plain text, regular expressions."""

import pytest

from tests.access.filters.asking import blocks, request, tunnel

URL = "https://ads.example.com/banner/ad.js?size=1"


@pytest.mark.parametrize(
    ("pattern", "url", "fits"),
    [
        # Plain text, anywhere, whatever its case.
        ("/banner/", URL, True),
        ("/BANNER/", URL, True),
        ("/banners/", URL, False),
        ("ad.js?size=1", URL, True),
        # `||`: a host and all below it.
        ("||example.com^", URL, True),
        ("||ads.example.com^", URL, True),
        ("||ads.example.com/", URL, True),
        ("||xample.com^", URL, False),
        ("||example.co^", URL, False),
        ("||example.com^", "https://notexample.com/", False),
        ("||example.com^", "https://example.com.other.net/", False),
        ("||example.com^", "https://other.net/?u=https://example.com/", False),
        ("||example.com^", "https://example.com:8443/", True),
        ("||example.com:8443/", "https://example.com:8443/", True),
        ("||EXAMPLE.com^", URL, True),
        ("||münchen.example^", "https://xn--mnchen-3ya.example/", True),
        ("||192.0.2.7^", "http://192.0.2.7/x", True),
        ("||0.2.7^", "http://192.0.2.7/x", False),
        ("||[2001:db8::1]^", "http://[2001:db8:0::1]/x", True),
        # `||` before the beginning of a label.
        ("||ads.", URL, True),
        ("||exam", URL, True),
        ("||xam", URL, False),
        ("||banner", URL, False),
        ("||ads*/ad.js", URL, True),
        # `||host` and a path.
        ("||example.com/banner/", URL, True),
        ("||example.com/ad", URL, False),
        ("||example.com^*/ad.js", URL, True),
        ("||example.com^banner^ad.js^", URL, True),
        # `|` at either end.
        ("|https://ads.", URL, True),
        ("|http://ads.", URL, False),
        ("|ads.", URL, False),
        ("size=1|", URL, True),
        ("size=|", URL, False),
        ("|https://ads.example.com/|", "https://ads.example.com/", True),
        ("|https://ads.example.com/|", URL, False),
        ("||ads.example.com/|", "https://ads.example.com/", True),
        ("||ads.example.com/|", URL, False),
        # `^`: no letter, digit or any of `_ - . %`; or the end.
        ("^banner^", URL, True),
        ("^ad.js^", URL, True),
        ("^size=1^", URL, True),
        ("^size=1^|", URL, True),
        ("ad^js", URL, False),
        ("/banner^ad", URL, True),
        ("?banner^ad", URL, False),
        ("^ad^", "https://a.example/b-ad_c.ad%20x", False),
        # `*`.
        ("/banner/*?size=", URL, True),
        ("*/ad.js*", URL, True),
        ("/ad.js*/banner/", URL, False),
        ("|https://*/ad.*=1|", URL, True),
        ("/aa*aa|", "https://a.example/aaa", False),
        ("/aa*aa|", "https://a.example/aaaa", True),
        ("||ads*example.com^*banner", URL, True),
        # In canonical form, as URLs are.
        ("/b%61nner/*", URL, True),
        ("/%7euser/*", "https://a.example/~user/", True),
        ("/x%2fy", "https://a.example/x%2Fy", True),
        ("/weiß/*", "https://a.example/weiß/", True),
        ('/a"b/*', "https://a.example/a%22b/", True),
        ("/a|b/", "https://a.example/a%7Cb/", True),
        # A plain host is that host, as uBlock reads it.
        ("example.com", URL, True),
        ("example.com", "https://other.net/?u=example.com", False),
        ("*example.com", "https://other.net/?u=example.com", True),
        # The scheme of a WebSocket is that of its handshake: a type of its own here.
        ("wss://ads.*/banner^", URL, False),
    ],
)
def test_pattern(pattern: str, url: str, fits: bool) -> None:
    assert blocks(pattern, request(url)) is fits


@pytest.mark.parametrize(
    ("pattern", "url", "fits"),
    [
        (r"/banner\/ad\.(js|css)/", URL, True),
        (r"/BANNER/", URL, True),
        (r"/^https:\/\/[a-z]+\.example\.com\//", URL, True),
        (r"/size=\d$/", URL, True),
        (r"/size=$/", URL, False),
        (r"/banner.{14,}/", URL, False),
        (r"/banner.{13,}/", URL, True),
        (r"/banner.+/", URL, True),
        (r"/size=1.+/", URL, False),
        (r"/size=1.*/", URL, True),
        (r"/other|size=1.{5,}/", URL, False),
        (r"/other|banner.{5,}/", URL, True),
    ],
)
def test_expression(pattern: str, url: str, fits: bool) -> None:
    assert blocks(pattern, request(url)) is fits


def test_match_case() -> None:
    assert blocks("/Ad.js$match-case", request("https://a.example/Ad.js"))
    assert not blocks("/Ad.js$match-case", request("https://a.example/ad.js"))
    assert not blocks("/ad^x$match-case", request("https://a.example/AD/x"))
    assert blocks("/Ad[0-9]/$match-case", request("https://a.example/Ad1"))
    assert not blocks("/Ad[0-9]/$match-case", request("https://a.example/ad1"))


def test_of_a_websocket_the_handshake_is_seen() -> None:
    assert blocks("|wss://ads.example.com^", request("https://ads.example.com/s", "websocket"))
    assert not blocks("|wss://ads.example.com^", request("http://ads.example.com/s", "websocket"))


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("||example.com^", True),
        ("||ads.example.com^", True),
        ("||ads.example.com/", True),
        ("||ads.", True),
        ("|https://ads.", True),
        (r"/^https:\/\/ads\./", True),
        ("||example.com^$all", True),
        # What nobody sees of a tunnel is not taken for granted.
        ("||ads.example.com/|", False),
        ("||ads.example.com/^", False),
        ("||ads.example.com/banner", False),
        ("||example.com^$script", False),
        ("||example.com^$~image", False),
        ("||example.com^$third-party", False),
        ("||example.com^$domain=~a.example", False),
        ("||example.com^$method=get", False),
        (r"/example\.com\/?$/", False),
    ],
)
def test_tunnel(pattern: str, fits: bool) -> None:
    assert blocks(pattern, tunnel()) is fits


def test_an_exception_for_a_part_does_not_open_a_tunnel_to_the_whole() -> None:
    assert blocks(("||example.com^", "@@||example.com/ok.js"), tunnel())
    assert not blocks(("||example.com^", "@@||ads.example.com^"), tunnel())
