import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.importing.expressions import about_host, about_path
from forward_proxy.matching.automata import compile_expression
from forward_proxy.matching.conditions import Unreadable
from tests.matching.requests import matcher, subject


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (r"(\.|^)ads\.test$", {"host": "ads.test"}),
        (r"(^|\.)Ads\.test$", {"host": "ads.test"}),
        (r"^(.+\.)?ads\.test$", {"host": "ads.test"}),
        (r"^ads\.test$", {"host": "=ads.test"}),
    ],
)
def test_the_usual_ways_of_meaning_a_host_are_a_host(text: str, match: object) -> None:
    assert about_host(text) == match


HOSTS = [
    "ads.test",
    "x.ads.test",
    "ads1.test",
    "bads.test",
    "adstest",
    "test",
    "ads-test.x",
    "a.b",
    "ad.s",
    "192.0.2.7",
]


@pytest.mark.parametrize(
    "text",
    [r"^ads", r"ads$", r"ads", r"^ads?[0-9]*\.", r".*ads.*", r"^.ds", r"[a-b]ds\.", r"test$", r"^a.b$", r"", r"^$"],
)  # fmt: skip
def test_an_expression_about_hosts_is_found_in_the_same_hosts_and_never_behind_them(text: str) -> None:
    found = about_host(text)
    assert not isinstance(found, Unreadable)
    compiled = matcher(found)
    for host in HOSTS:
        for rest in ("/", ":8080/", "/ads", "/x?ads.test"):
            assert compiled.matches(subject(f"http://{host}{rest}")) == bool(re.search(text, host))
        assert compiled.matches(subject(f"https://{host}/", "CONNECT")) == bool(re.search(text, host))


@pytest.mark.parametrize(
    "text", [r"a|b", r"(a)", r"a{2}", r"[^a]", r"\w", r"a b", r"a/b", r"a:8", r"ab\$", r"a;querytype=A"]
)
def test_what_could_reach_beyond_the_host_is_not_said(text: str) -> None:
    assert isinstance(about_host(text), Unreadable)


PATHS = ["/", "/x", "/ads/", "/ads", "/x/ads/1", "/b.gif", "/b.gif?x", "/ads?y=/x", "//x"]


@pytest.mark.parametrize(
    "text", [r"/ads/", r"^/ads", r"\.gif$", r"ads", r"^/x$", r"/x", r"y=", r"^/(ads|x)/", r"[a-z]ds"]
)
def test_an_expression_about_paths_is_found_in_the_same_paths_and_never_before_them(text: str) -> None:
    found = about_path(text, any_case=False)
    assert not isinstance(found, Unreadable)
    compiled = matcher(found)
    for host in ("a.test", "ads.gif", "x.x"):
        for path in PATHS:
            assert compiled.matches(subject(f"http://{host}{path}")) == bool(re.search(text, path)), path


@pytest.mark.parametrize(
    "text", [r"a|b", r".*x", r"(a)", r"^x", r"[^a]", r"[[:alpha:]]", r"a(?=b)", r"(?i)x", r"[\w]", r"\<a"]
)
def test_what_could_reach_beyond_the_path_is_not_said(text: str) -> None:
    assert isinstance(about_path(text, any_case=False), Unreadable)


@given(st.text(max_size=40))
def test_no_expression_is_too_odd(text: str) -> None:
    for found in (about_host(text), about_path(text, any_case=True)):
        if not isinstance(found, Unreadable):
            said: Any = found.get("url", "x")
            assert isinstance(said, str)


def test_any_case_is_any_case() -> None:
    found: Any = about_path("/ADS/", any_case=True)
    assert compile_expression(found["url"]).found_in("http://a.test/ads/")
