"""RFC 9111 §2: method and target URI."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.caching.keys import answers, key_of, keyed
from forward_proxy.caching.options import Options
from forward_proxy.caching.overrides import KeyRule, Override
from tests.caching.messages import request, target

PLAIN = Options()


def test_a_head_is_looked_up_under_get() -> None:
    assert key_of(request(method="HEAD"), PLAIN) == key_of(request(), PLAIN)


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
    assert key_of(other, PLAIN) != key_of(plain, PLAIN)
    assert not answers(key_of(plain, PLAIN), other, PLAIN)


def test_equivalent_spellings_share_a_key() -> None:
    assert answers(
        key_of(request(url="http://example.com/~a"), PLAIN), request(url="HTTP://EXAMPLE.com:80/%7Ea"), PLAIN
    )


@pytest.mark.parametrize(
    ("rule", "url", "key"),
    [
        (KeyRule(drop=frozenset("ab")), "http://h.test/x?a=1&c=2&b", "http://h.test/x?c=2"),
        (KeyRule(drop=frozenset("a")), "http://h.test/x?A=1&aa=2&ba=a", "http://h.test/x?A=1&aa=2&ba=a"),
        (KeyRule(drop=frozenset("a")), "http://h.test/x?a=1", "http://h.test/x"),
        (KeyRule(drop=frozenset("a")), "http://h.test/x?%61=1", "http://h.test/x"),
        (KeyRule(drop=frozenset("a")), "http://h.test/x", "http://h.test/x"),
        (KeyRule(drop=frozenset("a")), "http://h.test/x?", "http://h.test/x?"),
        (KeyRule(drop=frozenset("a")), "http://h.test/x?b=1&b=0&&b", "http://h.test/x?b=1&b=0&&b"),
        (KeyRule(drop_beginnings=("utm_",)), "http://h.test/x?utm_a=1&utm=2&utm_", "http://h.test/x?utm=2"),
        (KeyRule(drop_all=True), "http://h.test/x?a&b", "http://h.test/x"),
        (KeyRule(drop_all=True), "http://h.test/x?", "http://h.test/x"),
        (KeyRule(sort_query=True), "http://h.test/?b=2&a=1&b=1", "http://h.test/?a=1&b=2&b=1"),
        (KeyRule(same_as=target("https://o.test/")), "https://s1.test/x?a", "https://o.test/x?a"),
        (KeyRule(same_as=target("http://o.test:81/")), "http://s1.test/x", "http://o.test:81/x"),
        (KeyRule(same_as=target("https://o.test/f"), same_resource=True), "https://s1.test/x?a", "https://o.test/f"),
        # What came in cleartext never answers for https.
        (KeyRule(same_as=target("https://o.test/")), "http://s1.test/x", "http://s1.test/x"),
        (KeyRule(same_as=target("https://o.test/f"), same_resource=True), "http://s1.test/x", "http://s1.test/x"),
        (KeyRule(same_as=target("http://o.test/")), "https://s1.test/x", "https://s1.test/x"),
        (KeyRule(same_as=target("http://o.test/f"), same_resource=True), "https://s1.test/x", "https://s1.test/x"),
        (KeyRule(same_as=target("https://o.test/"), drop_all=True), "http://s1.test/x?a", "http://s1.test/x"),
    ],
)
def test_a_rule_for_the_key(rule: KeyRule, url: str, key: str) -> None:
    options = Options(override=Override(key=rule))
    asked = request(url=url)
    assert str(key_of(asked, options)) == f"GET {key}"
    assert answers(key_of(asked, options), asked, options)


@given(
    st.from_regex(r"https?://[ab]\.test(:8[01])?/[xy](\?([ab]=[12]&?){0,3})?", fullmatch=True),
    st.from_regex(r"https?://[ab]\.test(:8[01])?/[xy](\?([ab]=[12]&?){0,3})?", fullmatch=True),
    st.builds(
        KeyRule,
        drop=st.frozensets(st.sampled_from("abx"), max_size=2),
        drop_beginnings=st.sampled_from([(), ("a",), ("",)]),
        drop_all=st.booleans(),
        sort_query=st.booleans(),
    ),
)
def test_no_rule_about_queries_merges_origins_or_paths(first: str, second: str, rule: KeyRule) -> None:
    one, other = target(first), target(second)
    if keyed(one, rule) == keyed(other, rule):
        assert (one.scheme, one.authority, one.path) == (other.scheme, other.authority, other.path)
