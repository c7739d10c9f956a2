"""What the patterns allow is asked of the matcher of rules itself."""

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.learning.patterns import MOST_SIBLINGS, Breadth, Pattern, patterns
from forward_proxy.matching.grammar import compile_match
from forward_proxy.matching.matcher import Matcher
from forward_proxy.matching.subjects import subject_of
from forward_proxy.message.fields import FieldSection
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.targets import TargetUri, parse_target_uri

MANY = [f"/simple/p{number}/" for number in range(MOST_SIBLINGS + 1)]


def _allows(pattern: Pattern, path: str) -> bool:
    match = {"path": pattern.glob} | ({"not": {"path": list(pattern.beyond)}} if pattern.beyond else {})
    matcher = compile_match(match, UTC)
    assert isinstance(matcher, Matcher), matcher
    target = parse_target_uri(f"http://a.example{path}")
    assert isinstance(target, TargetUri), target
    return matcher.matches(subject_of(RequestHead("GET", target, FieldSection(())), None, 0))


def test_few_siblings_are_named_one_by_one() -> None:
    assert list(patterns(MANY[1:], "folders")) == [Pattern(path) for path in sorted(MANY[1:])]


def test_many_siblings_are_one_pattern_of_one_segment() -> None:
    found = patterns([*MANY, "/", "/simple/", "/simple/p1/deeper"], "folders")
    assert Pattern("/simple/*/", ("/simple/*/*/",)) in found
    assert {pattern.glob for pattern in found} == {"/simple/*/", "/", "/simple/", "/simple/p1/deeper"}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/simple/new/", True),
        ("/simple/new", False),
        ("/simple/a/b/", False),
        ("/simple/", False),
        ("/other/p/", False),
    ],
)
def test_one_segment_and_no_more(path: str, allowed: bool) -> None:
    (pattern,) = patterns(MANY, "folders")
    assert _allows(pattern, path) == allowed


def test_files_and_folders_are_no_siblings() -> None:
    paths = [f"/d/{number}" for number in range(6)] + [f"/d/{number}/" for number in range(6)]
    assert not any("*" in pattern.glob for pattern in patterns(paths, "folders"))


def test_exact_names_all_of_many() -> None:
    assert len(patterns(MANY, "exact")) == len(MANY)


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [("/bot123/send", True), ("/bot/send", True), ("/bot1/2/send", False), ("/bot1/other", False), ("/bo/send", False)],
)
def test_a_masked_secret_may_be_anything_within_its_segment(asked: str, allowed: bool) -> None:
    (pattern,) = patterns(["/bot***/send"], "exact")
    assert (pattern.glob, _allows(pattern, asked)) == ("/bot*/send", allowed)


def test_two_masked_secrets_stay_within_theirs() -> None:
    (pattern,) = patterns(["/a/***/b/***"], "exact")
    assert _allows(pattern, "/a/x/b/y")
    assert not _allows(pattern, "/a/x/x/b/y")
    assert not _allows(pattern, "/a/x/b/y/y")


def test_a_star_of_the_path_s_own_is_one_character() -> None:
    (pattern,) = patterns(["/a*b"], "exact")
    assert _allows(pattern, "/a*b")
    assert not _allows(pattern, "/ab")
    assert not _allows(pattern, "/axxb")


PATHS = st.lists(st.text("ab*%/.?-", max_size=8), max_size=30).map(
    lambda texts: [
        target.path for text in texts if isinstance(target := parse_target_uri(f"http://a.example/{text}"), TargetUri)
    ]
)


@given(PATHS, st.sampled_from(("exact", "folders")))
def test_every_path_is_allowed_by_the_pattern_that_stands_for_it(paths: list[str], breadth: Breadth) -> None:
    found = patterns(set(paths), breadth)
    assert sorted(path for members in found.values() for path in members) == sorted(set(paths))
    for pattern, members in found.items():
        assert all(_allows(pattern, path) for path in members), pattern
