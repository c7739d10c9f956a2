"""RFC 9211, read back by an independent parser of structured fields."""

from typing import Any

import http_sf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.caching.cache_status import CacheStatus, cache_status_lines
from tests.caching.messages import section


def read(status: CacheStatus) -> dict[str, Any]:
    """The parameters of the one member, tokens and strings as text."""
    parsed: Any = http_sf.parse(str(status).encode("ascii"), tltype="list")
    ((name, parameters),) = parsed
    assert str(name) == "forward-proxy"
    return {key: value if isinstance(value, (bool, int)) else str(value) for key, value in parameters.items()}


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (CacheStatus(hit=True, ttl=376), "forward-proxy; hit; ttl=376"),
        (CacheStatus(hit=True, ttl=-412), "forward-proxy; hit; ttl=-412"),
        (CacheStatus(fwd="uri-miss", stored=True), "forward-proxy; fwd=uri-miss; stored"),
        (
            CacheStatus(fwd="stale", fwd_status=304, ttl=0, collapsed=True),
            "forward-proxy; fwd=stale; fwd-status=304; ttl=0; collapsed",
        ),
        (CacheStatus(hit=True, fwd="stale"), "forward-proxy; hit"),  # §2.2: not together with hit.
        (CacheStatus(fwd="bypass", detail='a "\\b'), 'forward-proxy; fwd=bypass; detail="a \\"\\\\b"'),
        (CacheStatus(), "forward-proxy"),
    ],
)
def test_the_member(status: CacheStatus, text: str) -> None:
    assert str(status) == text
    read(status)


@given(st.text())
def test_any_detail_makes_a_valid_string(detail: str) -> None:
    value = read(CacheStatus(fwd="miss", detail=detail)).get("detail", "")
    assert len(value) <= 200
    if detail.isascii() and detail.isprintable() and len(detail) <= 200:
        assert value == detail


def test_other_caches_come_first_2() -> None:
    lines = cache_status_lines(
        section("Cache-Status: a; hit", "X: 1", "Cache-Status: b; fwd=miss"), CacheStatus(hit=True)
    )
    assert [value for _, value in lines] == [b"a; hit", b"b; fwd=miss", b"forward-proxy; hit"]
