"""The packed form: the same again, or nothing."""

import pytest

from forward_proxy.access.filters import packed, parse_together, unpacked
from tests.access.filters.asking import request

TEXT = r"""! Title: x
||ads.example^
||example.com/banner/*$script,domain=news.example|~a.news.example
/banner\/[a-z]+\.js/
@@||example.com^*ad.js$third-party
@@||trusted.example^$document
/banner/$important
/begun
ended/
/a/*$domain=x.example
||p.example^$popup
!#include y
||example.com^$removeparam=/^utm_/i
$removeparam=fbclid
/ad.js$script,redirect=noopjs:5
||example.com^$csp=script-src 'self'
@@||example.com^$csp
"""
OCTETS = packed(*parse_together([("x", TEXT), ("y", "||q.example^\n")]), "abc")


def test_it_is_the_same_again() -> None:
    filters, reports = parse_together([("x", TEXT), ("y", "||q.example^\n")])
    again = unpacked(OCTETS, "abc")
    assert again == (filters, reports)
    assert again is not None
    assert again[0].find(request()) == filters.find(request()) is not None


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\n",
        OCTETS[:-1],
        OCTETS + b" ",
        OCTETS.replace(b"ads.example", b"adz.example"),
        OCTETS.replace(b"filters 7 ", b"filters 6 "),
        b"\x80\x04\x95" + OCTETS,
    ],
)
def test_anything_else_is_compiled_anew(octets: bytes) -> None:
    assert unpacked(octets, "abc") is None


def test_it_is_of_one_source() -> None:
    assert unpacked(OCTETS, "abd") is None


def test_it_is_of_one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forward_proxy.access.filters.packing.VERSION", 1)
    assert unpacked(OCTETS, "abc") is None
