import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.matching.subject import Resource, RuleRef
from forward_proxy.policy import Deny, denial
from forward_proxy.policy.answers import proxy_status
from tests.policy.building import request

RULE = RuleRef("rules/10-work.yaml", 7, "no-social-at-work")


def deny(resource: Resource = "document", reason: str = "Agreed in the team") -> Deny:
    return Deny(403, "http_request_denied", reason, RULE, resource)


def test_a_page_names_rule_place_and_reason() -> None:
    answer = denial(deny(), request("http://facebook.com/", accept="text/html"))
    page = answer.content.decode()
    assert answer.status == 403
    assert all(
        words in page
        for words in ("no-social-at-work", "rules/10-work.yaml:7", "Agreed in the team", "http://facebook.com/")
    )
    assert answer.fields.get(b"content-length") == b"%d" % len(answer.content)


def test_proxy_status_says_http_request_denied_rfc9209_2_3_12() -> None:
    value = denial(deny(), request("http://facebook.com/")).fields.get(b"proxy-status")
    assert value == b'forward-proxy; error=http_request_denied; details="rules/10-work.yaml:7, Agreed in the team"'


@pytest.mark.parametrize(
    ("resource", "content_type"),
    [
        ("script", b"text/javascript; charset=utf-8"),
        ("style", b"text/css; charset=utf-8"),
        ("image", b"image/gif"),
        ("font", b"font/woff2"),
        ("media", b"video/mp4"),
    ],
)
def test_a_part_of_a_page_gets_nothing_of_its_type(resource: Resource, content_type: bytes) -> None:
    answer = denial(deny(resource), request("http://ads.example/x"))
    assert (answer.fields.get(b"content-type"), answer.content) == (content_type, b"")


@pytest.mark.parametrize("accept", ["application/json", "application/problem+json, */*;q=0.1"])
@pytest.mark.parametrize("resource", ["document", "fetch", "image"])
def test_who_asks_for_json_gets_json_rfc9457(resource: Resource, accept: str) -> None:
    answer = denial(deny(resource), request("http://facebook.com/", accept=accept))
    problem = json.loads(answer.content)
    assert answer.fields.get(b"content-type") == b"application/problem+json"
    assert problem["rule"] == {"id": "no-social-at-work", "file": "rules/10-work.yaml", "line": 7}
    assert (problem["status"], problem["detail"]) == (403, "Agreed in the team")


def test_a_browsers_page_that_would_also_take_json_is_a_page() -> None:
    answer = denial(deny(), request("http://facebook.com/", accept="text/html, application/json;q=0.5"))
    assert answer.content.startswith(b"<!doctype html>")


def test_programs_get_plain_text() -> None:
    answer = denial(deny("other"), request("http://facebook.com/", accept="*/*"))
    assert answer.content.decode().splitlines() == [
        "Blocked by a rule",
        "http://facebook.com/",
        "Agreed in the team",
        "rule no-social-at-work at rules/10-work.yaml:7",
    ]


def test_head_gets_the_fields_of_get_and_no_content() -> None:
    head, get = (denial(deny(), request("http://facebook.com/", method)) for method in ("HEAD", "GET"))
    assert (head.content, head.fields) == (b"", get.fields)


@pytest.mark.parametrize("resource", ["document", "image", "fetch", "other"])
def test_no_answer_of_ours_may_be_stored(resource: Resource) -> None:
    assert denial(deny(resource), request("http://x.example/")).fields.get(b"cache-control") == b"no-store"


def test_what_a_client_or_rule_wrote_is_text_on_the_page() -> None:
    answer = denial(deny(reason="<script>alert(1)</script>"), request("http://x.example/<img/src=x>"))
    assert b"<script>" not in answer.content
    assert b"<img" not in answer.content


@given(st.text())
def test_any_details_stay_one_string_of_one_line(details: str) -> None:
    value = proxy_status("dns_error", details)
    assert value.isascii()
    assert b"\n" not in value
    assert b"\r" not in value
    quoted = value.partition(b"details=")[2].replace(b"\\\\", b"").replace(b'\\"', b"")
    assert quoted.count(b'"') == (2 if quoted else 0)
