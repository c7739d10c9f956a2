"""What becomes of targets by entries in their order; what stays keeps its order and its octets."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.access.lists.listed import Listed
from forward_proxy.cleaning import Keep, Names, Remove, Tracking, Unwrap, lists_among, navigates
from forward_proxy.cleaning.treatments import Cleaned
from forward_proxy.matching.choice import Choice
from forward_proxy.matching.matcher import Matcher
from forward_proxy.matching.subject import RuleRef, Subject
from forward_proxy.matching.subjects import subject_of
from forward_proxy.message.targets import TargetUri, parse_target_uri
from tests.cleaning.lists import SHOP, becomes, catalogue, cleaned, head, tracking
from tests.matching.requests import matcher

UTM = Remove(Names.of(["utm_*", "fbclid"]))
OUT = Unwrap(Names.of(["url", "to"]))
LIST = catalogue(
    {
        "shop": {"urlPattern": SHOP, "rules": ["sid"], "rawRules": [r"\/ref=[^/?]*"]},
        "all": {"urlPattern": ".*", "rules": ["gclid"], "exceptions": [r"keep=1"]},
    }
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("?utm_source=1", ""),
        ("?a=1&utm_source=1", "?a=1"),
        ("?utm_source=1&a=1", "?a=1"),
        ("?a=%2F+%20&utm_source=1&b&&=c&a=", "?a=%2F+%20&b&&=c&a="),
        ("?utm_source&fbclid=", ""),
        ("?UTM_SOURCE=1&FbClId=2&z", "?z"),
        ("?a=utm_source=1", "?a=utm_source=1"),
        ("?a;utm_source=1", "?a;utm_source=1"),
        ("?&utm_source=1", "?"),
        ("?", "?"),
        ("", ""),
    ],
)
def test_parameters_go_and_the_rest_stays_as_it_is(before: str, after: str) -> None:
    assert becomes(tracking(UTM), f"https://a.example/x{before}") == f"https://a.example/x{after}"


def test_who_had_what_removed_is_told() -> None:
    found = cleaned(tracking(Remove(Names.of(["b"])), UTM), "https://a.example/?utm_source=1&b=2&c&b=3")
    assert found is not None
    first, second = RuleRef("rules.yaml", 1, "entry-1"), RuleRef("rules.yaml", 2, "entry-2")
    assert [(each.what, each.by) for each in found.removed] == [("utm_source", second), ("b", first), ("b", first)]
    assert (found.names, found.authors) == (("utm_source", "b"), "rules.yaml:2, rules.yaml:1")
    by_list = cleaned(tracking(LIST), "https://a.example/?gclid=1")
    assert by_list is not None
    assert by_list.removed[0].by == RuleRef("list.json", 15, "entry-1")


def test_the_first_entry_that_names_a_parameter_has_it() -> None:
    url = "https://a.example/?utm_source=1&utm_medium=2&gclid=3"
    assert becomes(tracking(Keep(Names.of(["utm_source"])), UTM, LIST), url) == "https://a.example/?utm_source=1"
    assert becomes(tracking(UTM, Keep(Names.of(["utm_source"])), LIST), url) == "https://a.example/"
    assert becomes(tracking(Keep(), UTM, LIST), url) == url
    assert becomes(tracking(UTM, Keep(), LIST), url) == "https://a.example/?gclid=3"
    assert becomes(tracking(Keep(Names.of(["gclid"])), LIST), url) == url


def test_an_entry_for_some_is_not_for_others() -> None:
    entries = (
        Choice(Keep(), matcher({"host": "shop.example"}), RuleRef("r.yaml", 1)),
        Choice(UTM, matcher({"not": {"path": "/raw/*"}}), RuleRef("r.yaml", 2)),
    )
    tracked = Tracking(entries)
    assert becomes(tracked, "https://www.shop.example/?utm_id=1") == "https://www.shop.example/?utm_id=1"
    assert becomes(tracked, "https://a.example/raw/?utm_id=1") == "https://a.example/raw/?utm_id=1"
    assert becomes(tracked, "https://a.example/?utm_id=1") == "https://a.example/"


def test_what_one_removal_brings_to_bear_is_removed_too() -> None:
    """The list excepts `keep=1`; without that it has its say, and what comes out stays as it is."""
    tracked = tracking(Remove(Names.of(["keep"])), LIST)
    found = cleaned(tracked, "https://a.example/?keep=1&gclid=2&a")
    assert found is not None
    assert (found.location, found.names) == ("https://a.example/?a", ("keep", "gclid"))


def test_parts_of_paths_go_even_without_a_query() -> None:
    assert becomes(tracking(LIST), "https://shop.example/a/ref=b") == "https://shop.example/a"
    assert becomes(tracking(LIST), "https://shop.example/ref=b/../c?sid=1") == "https://shop.example/c"
    assert becomes(tracking(LIST), "https://shop.example/ref=b") == "https://shop.example/ref=b"


WRAPPED = "https://out.example/?url=https%3A%2F%2Fa.example%2F%3Futm_id%3D1"


def test_wrappers_are_passed_over_by_navigations_alone() -> None:
    assert becomes(tracking(OUT), WRAPPED) == "https://a.example/?utm_id=1"
    assert becomes(tracking(OUT), WRAPPED, navigation=False) == WRAPPED
    assert becomes(tracking(UTM, OUT), WRAPPED + "&utm_source=2") == "https://a.example/?utm_id=1"
    assert becomes(tracking(UTM, OUT), WRAPPED + "&utm_source=2", navigation=False) == WRAPPED
    assert becomes(tracking(OUT), "https://out.example/?to=nothing&url=https%3A%2F%2Fb.example") == "https://b.example/"
    assert becomes(tracking(Keep(), OUT), WRAPPED) == WRAPPED
    assert becomes(tracking(Keep(Names.of(["url"])), OUT), WRAPPED) == WRAPPED


@pytest.mark.parametrize(
    "url",
    ["https://a.example/login?utm_id=1", "https://pay.example.com/?utm_id=1", "https://a.example/?state=x&utm_id=1"],
)
def test_what_is_left_alone_is_left_alone_whatever_entries_say(url: str) -> None:
    found = cleaned(tracking(UTM, OUT, LIST), url)
    assert found is not None
    assert found.left
    assert becomes(tracking(UTM, OUT, LIST), url) == url


def test_a_signature_keeps_what_it_signs_and_no_wrapper() -> None:
    signed = "https://a.example/f?utm_id=1&X-Amz-Signature=0"
    assert becomes(tracking(UTM), signed) == signed
    assert becomes(tracking(OUT), f"{WRAPPED}&token=1") == "https://a.example/?utm_id=1"
    assert becomes(tracking(OUT), WRAPPED.replace("/?", "/login?")) == WRAPPED.replace("/?", "/login?")


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "CONNECT", "PURGE"])
def test_other_methods_are_left_alone(method: str) -> None:
    assert cleaned(tracking(UTM), "https://a.example/?utm_id=1", method=method) is None


def test_content_and_websockets_are_left_alone() -> None:
    request = replace(head("https://a.example/?utm_id=1"), has_content=True)
    assert tracking(UTM).clean(request, subject_of(request, None, 0), navigation=True) is None
    assert cleaned(tracking(UTM), "https://a.example/?utm_id=1", fields=[("upgrade", "websocket")]) is None
    assert cleaned(tracking(UTM), "https://a.example/?utm_id=1", method="HEAD") is not None


@pytest.mark.parametrize(
    ("method", "fields", "is_one"),
    [
        ("GET", [("sec-fetch-dest", "document")], True),
        ("GET", [("sec-fetch-dest", "iframe")], False),
        ("GET", [("sec-fetch-dest", "empty"), ("accept", "text/html")], False),
        ("GET", [("accept", "text/html,application/xhtml+xml;q=0.9")], True),
        ("GET", [("accept", "TEXT/HTML; q=1")], True),
        ("GET", [("accept", "text/html"), ("origin", "https://b.example")], False),
        ("GET", [("accept", "text/html, */*; q=0.01"), ("x-requested-with", "XMLHttpRequest")], False),
        ("GET", [("accept", "*/*")], False),
        ("GET", [], False),
        ("HEAD", [("sec-fetch-dest", "document")], False),
        ("POST", [("sec-fetch-dest", "document")], False),
    ],
)
def test_a_navigation_is_what_a_browser_follows(method: str, fields: Sequence[tuple[str, str]], is_one: bool) -> None:
    assert navigates(head("https://a.example/page.html", method, fields)) == is_one


@dataclass(frozen=True)
class Line:
    line: int
    text: str

    def takes(self, parameter: str) -> bool:
        return parameter.partition("=")[0] == self.text


@dataclass(frozen=True)
class Lines:
    """A list of which each line removes the parameter it names."""

    lines: tuple[Line, ...]

    def find(self, subject: Subject) -> None:
        return None

    def excepted(self, subject: Subject) -> None:
        return None

    def removals(self, subject: Subject) -> tuple[Line, ...]:
        return self.lines if subject.host == "a.example" else ()


FILTERS = Listed("filters.txt", "digest", Lines((Line(3, "gclid"), Line(7, "sid"))))


def among_rules(*rules: Choice[str]) -> Tracking:
    return Tracking(
        (Choice(Keep(Names.of(["sid"])), matcher({"path": "/keep"}), RuleRef("r.yaml", 1)),), lists_among(rules)
    )


def test_lists_among_the_rules_have_parameters_removed_behind_all_entries() -> None:
    where = RuleRef("rules.yaml", 9, "filters")
    tracked = among_rules(
        Choice("deny", matcher({"host": "other.example"}), RuleRef("rules.yaml", 8)),
        Choice("deny", Matcher((*matcher({"client": "10.0.0.0/8"}).conditions, FILTERS)), where),
    )
    url = "https://a.example/?gclid=1&sid=2&a"
    assert cleaned(tracked, url) is None
    unnarrowed = among_rules(Choice("deny", Matcher((FILTERS,)), where))
    found = cleaned(unnarrowed, url)
    assert found is not None
    assert (found.location, found.authors) == ("https://a.example/?a", "filters.txt:3, filters.txt:7")
    assert becomes(unnarrowed, "https://a.example/keep?gclid=1&sid=2") == "https://a.example/keep?sid=2"
    assert cleaned(unnarrowed, "https://b.example/?gclid=1") is None


def test_a_list_of_filters_may_stand_among_the_entries() -> None:
    tracked = Tracking((Choice(Remove(listed=FILTERS), Matcher(), RuleRef("r.yaml", 1, "f")),))
    found = cleaned(tracked, "https://a.example/?gclid=1&a")
    assert found is not None
    assert (found.location, found.removed[0].by) == ("https://a.example/?a", RuleRef("filters.txt", 3, "f"))


names = st.sampled_from(
    ["utm_id", "UTM_x", "fbclid", "gclid", "sid", "keep", "a", "state", "url", "", "%3Futm_id", "token"]
)
values = st.text(alphabet="ab1%2FCé&=?/+#:.", max_size=8) | st.sampled_from(["https%3A%2F%2Fa.example%2F", "1"])
queries = st.lists(st.tuples(names, st.sampled_from(["", "="]), values), max_size=7).map(
    lambda parts: "&".join("".join(part) for part in parts)
)
hosts = st.sampled_from(["a.example", "shop.example", "www.shop.example", "login.example.com", "127.0.0.1"])
paths = st.sampled_from(["/", "/a/ref=b", "/ref=", "/login", "/a/b.html"])
ALL = tracking(Keep(Names.of(["keep"])), UTM, OUT, LIST)


@given(hosts, paths, queries, st.booleans())
def test_any_target_is_cleaned_once_and_for_all(host: str, path: str, query: str, navigation: bool) -> None:
    target = parse_target_uri(f"https://{host}{path}?{query}")
    if not isinstance(target, TargetUri):
        return
    found = cleaned(ALL, str(target), navigation=navigation)
    if found is None or found.left or found.inside is not None:
        return
    assert cleaned(ALL, str(found.target), navigation=navigation) is None or found.target == target
    assert_only_less(found, target)


def assert_only_less(found: Cleaned, target: TargetUri) -> None:
    """What is left is a part of what there was, in its order; nothing else is another."""
    after = found.target
    assert (after.scheme, after.host, after.port) == (target.scheme, target.host, target.port)
    before = iter((target.query or "").split("&"))
    assert all(
        any(kept == text for text in before) for kept in (after.query or "").split("&") if after.query is not None
    )
    assert len(str(after)) < len(str(target))
    reread = parse_target_uri(str(after))
    assert reread == after
