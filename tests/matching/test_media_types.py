import pytest

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
