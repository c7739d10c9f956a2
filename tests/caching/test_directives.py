"""Cache-Control as sent, §5.2 of RFC 9111, and as it should not have been sent."""

import pytest

from forward_proxy.caching.directives import INFINITE, delta_seconds, directives, request_directives
from tests.caching.messages import section


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        (["max-age=5"], 5),
        (["MaX-aGe=5"], 5),  # §5.2: names are compared case-insensitively.
        (['max-age="5"'], 5),  # §5.2: both forms are accepted.
        (["foobar, max-age=5"], 5),  # §5.2.3: unrecognised directives are ignored.
        (["public,max-age=5,", ""], 5),  # RFC 9110 §5.6.1.2: empty list members are ignored.
        (["public", "max-age=5"], 5),
        (["max-age=007"], 7),
        (["max-age=2147483648"], INFINITE),
        (["max-age=99999999999999999999"], INFINITE),  # §1.2.2.
        (["max-age=" + "9" * 5000], INFINITE),
        (["max-age=" + "0" * 5000 + "7"], 7),
        (["max-age=5, max-age=9"], 5),  # §4.2.1: the first occurrence.
        (["max-age=9", "max-age=5"], 9),
        (["s-maxage=5"], None),
        (['extension="max-age=5"'], None),
        (['extension="a\\", max-age=5"'], None),
        ([], None),
    ],
)
def test_max_age_as_written(lines: list[str], seconds: int | None) -> None:
    said = directives(section(*(f"Cache-Control: {line}" for line in lines)))
    assert said.seconds("max-age") == seconds
    assert ("max-age" in said) == (seconds is not None)


@pytest.mark.parametrize(
    "value",
    [
        "max-age",
        "max-age=",
        'max-age=""',
        "max-age=-5",
        "max-age=5.0",
        "max-age=5s",
        "max-age=a5",
        "max-age='5'",
        "max-age=²",
        "max-age =5",
        "max-age= 5",
        "max-age=5 6",
        "max-age=5; public",
        'max-age="5',
    ],
)
def test_invalid_freshness_information_is_stale_4_2_1(value: str) -> None:
    assert directives(section(f"Cache-Control: {value}")).seconds("max-age") == 0


@pytest.mark.parametrize(
    ("value", "unqualified", "names"),
    [
        ("private", True, set()),
        ('private="Set-Cookie"', False, {b"set-cookie"}),
        ('private="a, B"', False, {b"a", b"b"}),
        ("private=a", False, {b"a"}),
        ('private="a", private="b"', False, {b"a", b"b"}),
        ('private="a", private', True, set()),  # §4.2.1: of two that conflict, the more restrictive.
        ('private, private="a"', True, set()),
        ('private=""', True, set()),
        ('private="a b"', True, set()),
        ("private; max-age=5", True, set()),
        ('private="a', True, set()),
        ("public", False, set()),
    ],
)
def test_qualified_private(value: str, unqualified: bool, names: set[bytes]) -> None:
    said = directives(section(f"Cache-Control: {value}"))
    assert said.unqualified("private") is unqualified
    assert said.field_names("private") == names


@pytest.mark.parametrize("value", ["public; no-store", "foo bar no-store", "no-store=1; x", "no-store ,", "é no-store"])
def test_what_is_malformed_still_restricts(value: str) -> None:
    assert "no-store" in directives(section(f"Cache-Control: {value}"))


@pytest.mark.parametrize("value", ["public; max-age=5", "immutable x", "must-understand;", "stale-if-error =9"])
def test_what_is_malformed_permits_nothing(value: str) -> None:
    said = directives(section(f"Cache-Control: {value}"))
    assert not any(name in said for name in ("public", "immutable", "must-understand", "stale-if-error"))


def test_a_quoted_directive_is_no_directive() -> None:
    assert "no-store" not in directives(section('Cache-Control: ext="no-store"'))


@pytest.mark.parametrize(
    ("lines", "no_cache"),
    [
        (["Pragma: no-cache"], True),
        (["Pragma: x, No-Cache"], True),
        (["Pragma: foo"], False),
        (["Pragma: no-cache", "Cache-Control: max-age=9"], False),  # RFC 7234 §5.4: Cache-Control takes its place.
        (["Pragma: no-cache", "Cache-Control:"], False),
        (["Cache-Control: no-cache"], True),
    ],
)
def test_pragma_stands_in_for_an_absent_cache_control(lines: list[str], no_cache: bool) -> None:
    assert ("no-cache" in request_directives(section(*lines))) is no_cache


@pytest.mark.parametrize(("value", "seconds"), [(b"0", 0), (b"", None), (b" 1", None), (b"+1", None), (b"1_0", None)])
def test_delta_seconds(value: bytes, seconds: int | None) -> None:
    assert delta_seconds(value) == seconds
