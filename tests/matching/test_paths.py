import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.matching.paths import read_path
from tests.matching.requests import matcher, problems, subject


@pytest.mark.parametrize(
    ("pattern", "path", "holds"),
    [
        ("/ads", "/ads", True),
        ("/ads", "/ads/", False),
        ("/ads", "/Ads", False),
        ("/ads/*", "/ads/", True),
        ("/ads/*", "/ads/a/b/c.js", True),
        ("/ads/*", "/x/ads/a", False),
        ("*.mp4", "/a/b.mp4", True),
        ("*.mp4", "/a/b.mp4/c", False),
        ("*/track/*", "/a/track/b", True),
        ("/a*b*c", "/aXbYbZc", True),
        ("/a*b*c", "/acb", False),
        ("/v?/x", "/v1/x", True),
        ("/v?/x", "/v/x", False),
        ("/v?/x", "/v%2F/x", True),
        ("/v?/x", "/v12/x", False),
        ("/a**b", "/ab", True),
        ("*", "/", True),
        ("/", "/", True),
        ("/a.c", "/abc", False),
        ("/a+(b)[c]", "/a+(b)[c]", True),
        ("/%7euser", "/~user", True),
        ("/~user", "/%7Euser", True),
        ("/a%20b", "/a%20b", True),
        ("/ä", "/%c3%a4", True),
        ("/a%2fb", "/a%2Fb", True),
        ("/a%2fb", "/a/b", False),
        ("/what%3f", "/what%3F", True),
    ],
)
def test_the_whole_canonical_path_has_to_fit(pattern: str, path: str, holds: bool) -> None:
    assert matcher({"path": pattern}).matches(subject(f"http://example.com{path}")) is holds


@pytest.mark.parametrize("path", ["//ads/x", "/ads//x", "///ads///x", "/./ads/x", "/b/../ads/x", "/%61ds/x"])
def test_no_spelling_of_a_path_passes_a_rule_by(path: str) -> None:
    assert matcher({"path": "/ads/x"}).matches(subject(f"http://example.com{path}"))
    assert matcher({"path": "//ads//x"}).matches(subject(f"http://example.com{path}"))


def test_the_query_is_no_part_of_the_path() -> None:
    assert matcher({"path": "/a"}).matches(subject("http://example.com/a?/b"))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("ads/*", "expected a path that begins with / or *, not ads/*"),
        ("/a#b", "a path has no fragment; write a literal # as %23"),
        ("/a/../b", "no canonical path has a . or .. segment, so nothing could match"),
        ("/" + "a" * 1000, "longer than 1000 characters"),
        ("/a\tb", "white space or control character in a path; write it as its escape"),
    ],
)
def test_what_no_path_can_fit_is_refused(pattern: str, text: str) -> None:
    assert problems({"path": pattern}) == [("path", text)]


@given(st.text("ab/*?", max_size=8), st.text("ab/", max_size=12))
def test_patterns_mean_what_the_plain_reading_of_a_glob_means(pattern: str, path: str) -> None:
    fold = re.compile("/+")
    compiled = read_path("/" + pattern)
    assert isinstance(compiled, re.Pattern)
    folded = fold.sub("/", "/" + path)
    assert bool(compiled.match(folded)) is plain_glob(fold.sub("/", "/" + pattern), folded)


def plain_glob(pattern: str, path: str) -> bool:
    """By definition and in exponential time."""
    if not pattern:
        return not path
    if pattern[0] == "*":
        return any(plain_glob(pattern[1:], path[skip:]) for skip in range(len(path) + 1))
    return bool(path) and pattern[0] in ("?", path[0]) and plain_glob(pattern[1:], path[1:])


def test_a_hostile_path_costs_no_more_than_its_length() -> None:
    """Backtracking would need longer than the age of the universe here."""
    greedy = matcher({"path": "/" + "*a" * 30 + "b"})
    assert not greedy.matches(subject("http://example.com/" + "a" * 20_000))
