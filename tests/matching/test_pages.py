import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.matching.pages import page_of, third_party
from forward_proxy.message.fields import FieldSection


@pytest.mark.parametrize(
    ("fields", "page"),
    [
        ([(b"referer", b"https://News.Example./a?b#c")], "news.example"),
        ([(b"referer", b"https://news.example:8443")], "news.example"),
        ([(b"referer", b"https://user:pass@news.example/")], "news.example"),
        ([(b"referer", b"https://[::1]:8080/")], "::1"),
        ([(b"referer", b"https://news.example/"), (b"origin", b"https://other.example")], "news.example"),
        ([(b"origin", b"https://other.example")], "other.example"),
        ([(b"referer", b"about:blank"), (b"origin", b"https://other.example")], "other.example"),
        ([(b"origin", b"null")], None),
        ([(b"referer", b"/relative")], None),
        ([(b"referer", b"android-app://com.example/")], None),
        ([(b"referer", b"https:///path")], None),
        ([], None),
    ],
)
def test_the_page_is_the_host_of_referer_or_origin(fields: list[tuple[bytes, bytes]], page: str | None) -> None:
    assert page_of(FieldSection(fields)) == page


@pytest.mark.parametrize(
    ("site", "host", "page", "third"),
    [
        (b"cross-site", "a.example", "a.example", True),
        (b"same-site", "a.example", "b.example", False),
        (b"same-origin", "a.example", None, False),
        (b"none", "a.example", None, False),
        (b"nonsense", "a.example", "b.example", True),
        (None, "cdn.shop.co.uk", "www.shop.co.uk", False),
        (None, "other.co.uk", "www.shop.co.uk", True),
        (None, "one.github.io", "two.github.io", True),
        (None, "10.0.0.1", "10.1.0.1", True),
        (None, "a.example", None, None),
    ],
)
def test_third_party_is_what_the_browser_says_and_else_another_site(
    site: bytes | None, host: str, page: str | None, third: bool | None
) -> None:
    fields = FieldSection([(b"sec-fetch-site", site)] if site is not None else [])
    assert third_party(fields, host, page) is third


@given(st.binary(max_size=60))
def test_any_referer_names_a_page_or_none(value: bytes) -> None:
    page_of(FieldSection([(b"referer", value), (b"origin", b"https://" + value)]))
