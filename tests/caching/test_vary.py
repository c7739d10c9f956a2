"""RFC 9111 §4.1: which stored responses may be chosen."""

from dataclasses import replace

import pytest

from forward_proxy.caching.options import Options
from forward_proxy.caching.vary import matching, nominated, selecting_fields
from tests.caching.messages import NOW, date, request, section, stored

OPTIONS = Options()
MAX_AGE = "Cache-Control: max-age=60"


@pytest.mark.parametrize(
    ("vary", "names"),
    [
        (b"Foo", {b"foo"}),
        (b"Foo, BAR ,foo", {b"foo", b"bar"}),
        (b"", set()),
        (b" , ", set()),
        (b"*", None),
        (b"*, *", None),
        (b", *", None),
        (b"Foo, *", None),
        (b"*, Foo", None),
        (b"Foo Bar", None),  # No names, so nothing can be known to match.
        (b'"Foo"', None),
        (b"Foo; Bar", None),
    ],
)
def test_nominated_names(vary: bytes, names: set[bytes] | None) -> None:
    assert nominated(vary) == names


def test_the_nominated_lines_of_the_request_are_what_is_stored_of_it() -> None:
    fields = section("A: 1", "B: 2", "a: 3")
    assert selecting_fields(fields, section("Vary: A"), OPTIONS) == section("a: 1", "a: 3")
    assert selecting_fields(fields, section(), OPTIONS) == section()
    assert selecting_fields(fields, section("Vary: *"), OPTIONS) == section()


def test_of_credentials_a_digest_is_stored() -> None:
    fields = section("Cookie: session=secret", "Authorization: Basic c2VjcmV0", "Accept: a")
    kept = selecting_fields(fields, section("Vary: Cookie, Authorization, Accept"), OPTIONS)
    assert kept.names() == {b"cookie", b"authorization", b"accept"}
    assert all(b"secret" not in value and b"c2VjcmV0" not in value for _, value in kept)


@pytest.mark.parametrize(
    ("vary", "original", "presented", "matches"),
    [
        ("Foo", ["Foo: 1"], ["Foo: 1"], True),
        ("foo", ["FOO: 1"], ["Foo: 1"], True),
        ("Foo", ["Foo: 1"], ["Foo: 2"], False),
        ("Foo", ["Foo: a"], ["Foo: A"], False),
        ("Foo", ["Foo: 1"], ["Foo: 1", "Other: 9"], True),
        # Absent matches only absent.
        ("Foo", [], ["Foo: 1"], False),
        ("Foo", ["Foo: 1"], [], False),
        ("Foo", [], ["Foo:"], False),
        ("Foo", [], [], True),
        # Every nominated field has to match.
        ("Foo, Bar", ["Foo: 1", "Bar: 2"], ["Bar: 2", "Foo: 1"], True),
        ("Foo, Bar", ["Foo: 1", "Bar: 2"], ["Foo: 1", "Bar: 3"], False),
        ("Foo, Bar", ["Foo: 1"], ["Foo: 1"], True),
        ("Foo, Bar", ["Foo: 1", "Bar: 2"], ["Foo: 1"], False),
        # Lines combine, and white space around commas is no part of a value.
        ("Foo", ["Foo: 1, 2"], ["Foo: 1", "Foo: 2"], True),
        ("Foo", ["Foo: 1,2"], ["Foo:  1 ,\t2 "], True),
        ("Foo", ["Foo: 1,2"], ["Foo: 2,1"], False),
        ("Foo", ["Foo: 12"], ["Foo: 1 2"], False),
        ("Foo", ["Foo: 1,,2"], ["Foo: 1,2"], False),
        ("Foo", ['Foo: "a, b"'], ['Foo: "a,b"'], False),
        # Preferences whose order and case say nothing (RFC 9110 §12.5.3, §12.5.4).
        ("Accept-Language", ["Accept-Language: en, de"], ["Accept-Language: de, EN"], True),
        ("Accept-Language", ["Accept-Language: en, de"], ["Accept-Language: en;q=1.0,de"], True),
        ("Accept-Language", ["Accept-Language: en, de"], ["Accept-Language: en;q=0.9, de"], False),
        ("Accept-Language", ["Accept-Language: en"], ["Accept-Language: en, de"], False),
        ("Accept-Encoding", ["Accept-Encoding: gzip, br"], ["Accept-Encoding: BR,gzip"], True),
        ("Accept-Encoding", ["Accept-Encoding: gzip"], ["Accept-Encoding: gzip;q=0"], False),
        ("Accept-Encoding", ["Accept-Encoding: gzip"], ["Accept-Encoding: identity"], False),
        ("Accept", ["Accept: text/html, */*"], ["Accept: */*,text/html"], True),
        ("Accept", ["Accept: a/b;x=Y"], ["Accept: a/b;x=y"], False),
        # Fields that are no lists are compared as they are.
        ("User-Agent", ["User-Agent: A (b, c)"], ["User-Agent: A (b,c)"], False),
        ("Cookie", ["Cookie: a=1; b=2"], ["Cookie: a=1", "Cookie: b=2"], True),  # RFC 9113 §8.2.3.
        ("Cookie", ["Cookie: a=1"], ["Cookie: a=2"], False),
        ("Authorization", ["Authorization: Basic QQ=="], ["Authorization: basic qq=="], False),
        # What matches nothing.
        ("*", [], [], False),
        ("Foo, *", ["Foo: 1"], ["Foo: 1"], False),
        ("Foo Bar", [], [], False),
    ],
)
def test_matching_of_nominated_fields(vary: str, original: list[str], presented: list[str], matches: bool) -> None:
    one = stored(f"Vary: {vary}")
    one = replace(one, request_fields=selecting_fields(section(*original), one.fields, OPTIONS))
    assert bool(matching(request(*presented), [one], NOW, OPTIONS)) is matches


@pytest.mark.parametrize(("method", "url"), [("POST", "http://example.com/page"), ("GET", "http://example.com/other")])
def test_a_stored_response_of_another_key_never_matches(method: str, url: str) -> None:
    assert matching(request(method=method, url=url), [stored(MAX_AGE)], NOW, OPTIONS) == ()


def test_the_most_recent_by_date_comes_first_4() -> None:
    older = stored(f"Date: {date(-30)}", at=-1)
    newer = stored(f"Date: {date(-20)}", at=-9)
    later = stored(f"Date: {date(-20)}", at=-8)
    assert matching(request(), [older, newer, later], NOW, OPTIONS) == (later, newer, older)
    assert matching(request(), [later, newer, older], NOW, OPTIONS) == (later, newer, older)


ENGLISH = stored("Vary: Accept-Language", MAX_AGE, selecting=("Accept-Language: en",), at=-10)


@pytest.mark.parametrize(
    ("default_at", "now", "language", "chosen"),
    [
        (-5, 0, "en", "english"),  # A response with Vary is chosen before a newer one without.
        (-5, 0, "fr", None),  # The default says nothing about another language while a sibling is fresh,
        (-5, 52, "fr", "default"),  # but once all of them are stale and older, the resource has dropped Vary.
        (-5, 52, "en", "default"),
        (-20, 52, "fr", None),
        (-20, 52, "en", "english"),
    ],
)
def test_a_default_response_that_omits_vary_4_1(default_at: int, now: int, language: str, chosen: str | None) -> None:
    default = stored(MAX_AGE, at=default_at)
    matches = matching(request(f"Accept-Language: {language}"), [default, ENGLISH], NOW + now, OPTIONS)
    assert matches[:1] == {"english": (ENGLISH,), "default": (default,), None: ()}[chosen]
