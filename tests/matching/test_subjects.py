from ipaddress import ip_address

import pytest

from forward_proxy.matching.client import KnownClient
from forward_proxy.matching.subject import Subject
from forward_proxy.matching.subjects import subject_of, with_response
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import RequestHead, ResponseHead
from forward_proxy.message.targets import TargetUri
from tests.matching.requests import subject

CLIENT = ip_address("192.0.2.7")


def test_a_request_tells_its_canonical_target_and_who_asks_for_what() -> None:
    fields = FieldSection([(b"referer", b"https://news.example/x"), (b"accept", b"*/*")])
    head = RequestHead("GET", TargetUri("http", "cdn.example.com", 8080, "/app.js", "v=1"), fields)
    assert subject_of(head, KnownClient(CLIENT), 1234) == Subject(
        method="GET",
        scheme="http",
        host="cdn.example.com",
        port=8080,
        path="/app.js",
        url="http://cdn.example.com:8080/app.js?v=1",
        at=1234,
        client=CLIENT,
        resource="script",
        page="news.example",
        third_party=True,
        request_types=",*/*",
    )


def test_a_tunnel_tells_no_more_than_its_authority() -> None:
    fields = FieldSection([(b"referer", b"https://news.example/"), (b"sec-fetch-dest", b"script")])
    head = RequestHead("CONNECT", TargetUri("https", "2001:db8::1", 8443, "/"), fields)
    assert subject_of(head, KnownClient(CLIENT), 0) == Subject(
        "CONNECT", "https", "2001:db8::1", 8443, "", "https://[2001:db8::1]:8443", 0, CLIENT
    )


@pytest.mark.parametrize(
    ("lines", "content_type"),
    [
        ([b"Text/HTML; charset=utf-8"], "text/html"),
        ([b"text/plain", b"image/png"], "image/png"),
        ([b""], ""),
        ([], ""),
    ],
)
def test_a_response_adds_its_media_type(lines: list[bytes], content_type: str) -> None:
    head = ResponseHead(200, FieldSection((b"content-type", line) for line in lines))
    assert with_response(subject(), head).content_type == content_type
