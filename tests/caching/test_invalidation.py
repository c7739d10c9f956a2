"""RFC 9111 §4.4: what a success of an unsafe method makes suspect."""

import pytest

from forward_proxy.caching.invalidation import invalidated
from tests.caching.messages import request, response

URL = "http://example.com/a/b?c"


def urls(*lines: str, method: str = "POST", status: int = 200, url: str = URL) -> list[str]:
    return [str(uri) for uri in invalidated(request(method=method, url=url), response(*lines, status=status))]


@pytest.mark.parametrize(
    ("method", "status", "invalidates"),
    [
        *((method, 200, True) for method in ("POST", "PUT", "DELETE", "PATCH")),
        ("M-SEARCH", 200, True),  # Methods whose safety is unknown count as unsafe,
        ("get", 200, True),  # and they are case-sensitive.
        *((method, 200, False) for method in ("GET", "HEAD", "OPTIONS", "TRACE")),
        *(("POST", status, True) for status in (201, 204, 299, 303, 399)),
        *(("POST", status, False) for status in (100, 400, 404, 500, 599)),
    ],
)
def test_the_target_uri(method: str, status: int, invalidates: bool) -> None:
    assert urls(method=method, status=status) == ([URL] if invalidates else [])


@pytest.mark.parametrize("name", ["Location", "Content-Location"])
@pytest.mark.parametrize(
    ("reference", "also"),
    [
        ("http://example.com/x", ["http://example.com/x"]),
        ("HTTP://EXAMPLE.COM:80/%78", ["http://example.com/x"]),
        ("//example.com/x", ["http://example.com/x"]),
        ("/x", ["http://example.com/x"]),
        ("x", ["http://example.com/a/x"]),
        ("../x", ["http://example.com/x"]),
        ("?x", ["http://example.com/a/b?x"]),
        ("/x#fragment", ["http://example.com/x"]),
        ("", []),
        (URL, []),
        # MUST NOT for another origin.
        ("http://example.org/x", []),
        ("https://example.com/x", []),
        ("http://example.com:8080/x", []),
        ("http://example.com@example.org/x", []),
        ("//example.org/x", []),
        ("javascript:x", []),
        ("http://[", []),
        ("//[::1", []),
        ("http://example.com:99999/x", []),
        ("\xff\xfe", ["http://example.com/a/%C3%BF%C3%BE"]),
    ],
)
def test_what_the_response_refers_to(name: str, reference: str, also: list[str]) -> None:
    assert urls(f"{name}: {reference}") == [URL, *also]


def test_both_references_count() -> None:
    assert urls("Location: /x", "Content-Location: /y", "Content-Location: /x") == [
        URL,
        "http://example.com/x",
        "http://example.com/y",
    ]
