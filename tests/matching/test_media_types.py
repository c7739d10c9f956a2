from dataclasses import replace

import pytest

from forward_proxy.matching.media_types import RequestTypes
from tests.matching.requests import matcher, problems, subject


@pytest.mark.parametrize(
    ("rule", "content_type", "holds"),
    [
        ("text/html", "text/html", True),
        ("text/html", "text/html; charset=utf-8", True),
        ("text/html", "Text/HTML ;charset=utf-8", True),
        ("TEXT/html", "text/html", True),
        ("text/html", "text/plain", False),
        ("image/*", "image/png", True),
        ("image/*", "image/svg+xml", True),
        ("image/*", "video/mp4", False),
        (["image/*", "video/mp4"], "video/mp4", True),
        ("image/*", "", False),
    ],
)
def test_a_media_type_matches_whatever_its_case_and_parameters(rule: object, content_type: str, holds: bool) -> None:
    assert matcher({"content_type": rule}).matches(subject(content_type=content_type)) is holds


def test_before_the_response_neither_a_type_nor_its_negation_holds() -> None:
    assert not matcher({"content_type": "image/*"}).matches(subject())
    assert not matcher({"not": {"content_type": "image/*"}}).matches(subject())


@pytest.mark.parametrize("rule", ["image", "*/*", "image/a*", "image/png; q=1", "/png"])
def test_what_is_no_media_range_is_told(rule: str) -> None:
    assert problems({"content_type": rule}) == [
        ("content_type", f"expected a media type such as text/html or image/*, not {rule}")
    ]


@pytest.mark.parametrize(
    ("told", "wanted", "holds"),
    [
        (",application/dns-message", "application/dns-message", True),
        ("Application/DNS-Message; v=1,*/*", "application/dns-message", True),
        (",text/html;q=0.9, application/dns-message;q=0.1", "application/dns-message", True),
        (",application/dns-messages", "application/dns-message", False),
        (",x/application/dns-message", "application/dns-message", False),
        (",*/*", "application/dns-message", False),
        ("image/png,", "image/*", True),
        (",text/html,image/avif", "image/*", True),
        (",", "image/*", False),
        (None, "image/*", None),
    ],
)
def test_what_a_request_sends_or_asks_for(told: str | None, wanted: str, holds: bool | None) -> None:
    assert RequestTypes.of([wanted]).holds(replace(subject(), request_types=told)) is holds
