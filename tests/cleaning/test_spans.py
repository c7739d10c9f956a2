"""Captures and raw parts, beside what `re` says of the same expressions."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.cleaning.spans import compile_capture, compile_raw
from forward_proxy.matching.expressions import ExpressionError

WORK = 100_000
CAPTURES = (
    r"^https?:\/\/out\.example\/.*?url=([^&]*)",
    r"^https?:\/\/out\.example\/(?:go|r)\?.*?(?:url|q)=(https?[^&]+)",
    r".*u=([^&]*)",
    r"^https?:\/\/out\.example\/v1\/[0-9a-f]{4}\/(.*)",
    r"^https?:\/\/out\.example\/\?(http.+)",
    r"^https?:\/\/[a-z0-9-.]*?out\.example\/x\/(https?%3A%2F%2F[^&]*)",
)
URLS = (
    "https://out.example/?url=https%3A%2F%2Fa",
    "https://out.example/go?a=q&q=https%3A%2F%2Fa&b=1",
    "https://out.example/r?url=nothing&url=http%3A%2F%2Fb",
    "https://out.example/v1/00ff/http%3A//a.example/b&c",
    "https://out.example/?http://a.example/?b=c&d",
    "https://www.out.example/x/https%3A%2F%2Fa&b",
    "https://other.example/?u=1",
)


@pytest.mark.parametrize("text", CAPTURES)
@pytest.mark.parametrize("url", URLS)
def test_what_a_group_holds_is_among_what_is_found(text: str, url: str) -> None:
    capture, _ = compile_capture(text, WORK)
    found = list(capture.found_in(url))
    match = re.search(text, url, re.IGNORECASE)
    assert bool(found) == bool(match and match[1])
    if match and match[1]:
        assert match[1] in found


@pytest.mark.parametrize(
    "text",
    [
        "no group",
        "a$(b)",
        r"(a\b)",
        "(a)(b)",
        "a(b(c))",
        "((?:a)b)c",
        "(a)|b",
        "a|(b)",
        r"\/(https?.*?)\/",
        "(a",
        r"a\(b\)",
        "[(]a[)]",
    ],
)
def test_only_one_group_at_the_end_is_understood(text: str) -> None:
    with pytest.raises(ExpressionError):
        compile_capture(text, WORK)


def test_brackets_and_escapes_are_no_groups() -> None:
    capture, _ = compile_capture(r"[(\]]x\(([^)]+)", WORK)
    assert list(capture.found_in("https://a/(x(b)c")) == ["b"]


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        (r"\/ref=[^/?]*", "/dp/1/ref=sr_1?a=b", "/dp/1?a=b"),
        (r"\/ref=[^/?]*", "/a/REF=x/ref=y/b", "/a/b"),
        (r"\/ref=[^/?]*", "/a/reference", "/a/reference"),
        (r"\?pc$", "/a?pc", "/a"),
        (r"\?pc$", "/a?pcs", "/a?pcs"),
        (r";jsessionid=[0-9A-F]+", "/a;jsessionid=0Fg;jsessionid=", "/ag;jsessionid="),
    ],
)
def test_raw_parts_are_removed_wherever_they_stand(text: str, before: str, after: str) -> None:
    raw, _ = compile_raw(text, WORK)
    assert raw.removed_from(before) == after


@pytest.mark.parametrize(
    "text", ["#lead.*", "[a-z]+x", "x", r"\/ref=.*?", "(?:a|b)c", r"\/a+?", "a(", r"\/a\b", "^/ab"]
)
def test_what_cannot_be_found_at_once_is_no_raw_part(text: str) -> None:
    with pytest.raises(ExpressionError):
        compile_raw(text, WORK)


@given(st.lists(st.sampled_from(["/ref=", "a", "/", "?", "REF", "=", "/ref"]), max_size=30).map("".join))
def test_raw_parts_are_those_of_re(text: str) -> None:
    raw, _ = compile_raw(r"\/ref=[^/?]*", WORK)
    assert raw.removed_from(text) == re.sub(r"\/ref=[^/?]*", "", text, flags=re.IGNORECASE)


def test_a_hostile_url_is_not_searched_without_end() -> None:
    raw, _ = compile_raw(r"\/ref=.*x", WORK)
    capture, _ = compile_capture(r".*u=(https[^&]+)", WORK)
    hostile = "/ref=" * 5000
    assert raw.removed_from(hostile) == hostile
    assert raw.removed_from(f"{hostile}x") == ""
    assert list(capture.found_in("u=" * 5000)) == []
