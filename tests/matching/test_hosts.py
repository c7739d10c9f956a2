import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.matching.hosts import suffixes
from tests.matching.requests import matcher, problems, subject


@pytest.mark.parametrize(
    ("rule", "host", "holds"),
    [
        ("example.com", "example.com", True),
        ("example.com", "www.example.com", True),
        ("example.com", "a.b.c.example.com", True),
        ("example.com", "notexample.com", False),
        ("example.com", "example.com.evil.test", False),
        ("example.com", "com", False),
        ("=example.com", "example.com", True),
        ("=example.com", "www.example.com", False),
        ("test", "www.example.test", True),
        ("EXAMPLE.com.", "www.example.com", True),
        ("bücher.example", "xn--bcher-kva.example", True),
        ("xn--bcher-kva.example", "www.BÜCHER.example", True),
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.10", False),
        ("0xC0000201", "192.0.2.1", True),
        ("=192.0.2.1", "0300.0.2.1", True),
        ("2.1", "192.0.2.1", False),
        ("::1", "[0:0:0:0:0:0:0:1]", True),
        ("[2001:db8::1]", "[2001:0DB8::0001]", True),
        ("127.0.0.1", "[::ffff:127.0.0.1]", True),
    ],
)
def test_a_host_is_the_name_and_all_below_it_and_an_address_only_itself(rule: str, host: str, holds: bool) -> None:
    assert matcher({"host": rule}).matches(subject(f"http://{host}/")) is holds


def test_any_host_of_a_list_may_match() -> None:
    either = matcher({"host": ["one.test", "=two.test"]})
    assert [either.matches(subject(f"http://{host}/")) for host in ("a.one.test", "two.test", "a.two.test")] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("*.example.com", "expected a host; example.com alone already means the name and all below it"),
        (".example.com", "expected a host; example.com alone already means the name and all below it"),
        ("http://example.com/", "expected a host, not a URL: http://example.com/"),
        ("example.com:80", "expected a host name or an IP address; example.com:80: a port is a key of its own"),
        ("exa mple", "expected a host name or an IP address; exa mple: it has no canonical form"),
        ("1.2.3.256", "expected a host name or an IP address; 1.2.3.256: it has no canonical form"),
        ("=", "expected a host name or an IP address; =: it has no canonical form"),
    ],
)
def test_what_is_no_host_is_told_with_the_way_to_write_it(rule: str, text: str) -> None:
    assert problems({"host": rule}) == [("host", text)]


@given(st.lists(st.from_regex(r"[a-z]{1,3}", fullmatch=True), min_size=1, max_size=6))
def test_suffixes_are_the_host_and_every_name_above_it(labels: list[str]) -> None:
    assert suffixes(".".join(labels)) == tuple(".".join(labels[skip:]) for skip in range(len(labels)))


def test_an_address_has_nothing_above_it() -> None:
    assert suffixes("192.0.2.1") == ("192.0.2.1",)
    assert suffixes("2001:db8::1") == ("2001:db8::1",)
