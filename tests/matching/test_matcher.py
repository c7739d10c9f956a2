import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.matching.matcher import Matcher
from forward_proxy.matching.subject import Subject
from tests.matching.requests import matcher, subject

KEYS = st.fixed_dictionaries(
    {},
    optional={
        "host": st.sampled_from(["a.test", "=b.test", "test", "192.0.2.1"]),
        "path": st.sampled_from(["/x", "/x/*", "*"]),
        "method": st.sampled_from(["GET", "POST", "CONNECT"]),
        "port": st.sampled_from(["80", "400-500"]),
        "resource": st.sampled_from(["script", "other"]),
        "third_party": st.sampled_from(["true", "false"]),
        "content_type": st.sampled_from(["image/*", "text/html"]),
        "url": st.sampled_from(["x", "^https"]),
    },
)
MATCHES = st.one_of(KEYS, st.tuples(KEYS, KEYS.filter(bool)).map(lambda two: {**two[0], "not": two[1]}))
SUBJECTS = st.builds(
    subject,
    st.sampled_from(["http://a.test/", "https://w.a.test/x", "http://b.test:450/x/y", "http://192.0.2.1/x"]),
    st.sampled_from(["GET", "POST", "CONNECT"]),
    resource=st.sampled_from(["script", "document"]),
    third_party=st.sampled_from([True, False, None]),
    content_type=st.sampled_from([None, "", "image/png", "text/html"]),
)


@given(KEYS.filter(bool), SUBJECTS)
def test_not_negates_whatever_is_known(match: dict[str, object], seen: Subject) -> None:
    truth = matcher(match).truth(seen)
    negated = matcher({"not": match})
    assert negated.truth(seen) is (None if truth is None else not truth)
    assert matcher({"not": {"not": match}}).truth(seen) is truth


@given(MATCHES, SUBJECTS)
def test_a_match_is_all_of_its_keys(match: dict[str, object], seen: Subject) -> None:
    alone = [key for key, value in match.items() if not matcher({key: value}).matches(seen)]
    whole = matcher(match)
    assert whole.matches(seen) is (not alone)
    assert whole.failing(seen) in (alone or [None])
    assert whole.truth(seen) is True or not whole.matches(seen)


@given(MATCHES, SUBJECTS, st.sampled_from(["image/png", "text/html", ""]))
def test_the_response_never_takes_back_a_match(match: dict[str, object], seen: Subject, content_type: str) -> None:
    early = Subject(**{name: getattr(seen, name) for name in Subject.__slots__} | {"content_type": None})
    late = Subject(**{name: getattr(seen, name) for name in Subject.__slots__} | {"content_type": content_type})
    if matcher(match).matches(early):
        assert matcher(match).matches(late)


@pytest.mark.parametrize(
    ("match", "needs"),
    [
        ({"host": "a.test"}, False),
        ({"content_type": "image/*"}, True),
        ({"not": {"content_type": "image/*"}}, True),
        ({"not": {"not": {"content_type": "image/*"}}}, True),
    ],
)
def test_a_content_type_anywhere_inside_needs_the_response(match: dict[str, object], needs: bool) -> None:
    assert matcher(match).needs_response is needs


def test_no_key_at_all_fits_everything() -> None:
    assert Matcher().matches(subject())
    assert Matcher().failing(subject()) is None


def test_the_first_key_that_fails_is_named() -> None:
    match = matcher({"not": {"scheme": "http"}, "path": "/x", "host": "example.com"})
    assert match.failing(subject("http://other.test/")) == "host"
    assert match.failing(subject("http://example.com/")) == "path"
    assert match.failing(subject("http://example.com/x")) == "not"
    assert match.failing(subject("https://example.com/x")) is None
