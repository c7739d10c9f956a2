"""What the written rules allow is asked of the rules as the proxy loads them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.access.rules import Allowed
from forward_proxy.learning.entries import Entries, entries_for
from forward_proxy.learning.judging import may_allow_host, subject
from forward_proxy.learning.patterns import Breadth
from forward_proxy.learning.seen import Asked, Found, Origin
from forward_proxy.learning.writing import allow_list
from forward_proxy.rulefiles.rules import Rules, compiled

from .seeing import used

BREADTHS: tuple[Breadth, ...] = ("exact", "folders", "hosts")


def _rules(entries: Entries) -> Rules:
    """Loaded as a proxy would that allows by default; its expectations are met, or this raises."""
    return compiled((("learned.yaml", allow_list(entries, ("Learned",)).encode()),))


def _allows(rules: Rules, line: str) -> bool:
    (asked,) = used(line)
    return isinstance(rules.access.decide(subject(asked, int(time.time()))), Allowed)


FOUND = used(
    "GET https://a.example/one",
    "GET https://a.example/two",
    "POST https://a.example/two",
    "GET http://b.example:8080/",
    "PUT https://[2001:db8::1]/x",
    "CONNECT t.example:8443",
)


@pytest.mark.parametrize("breadth", BREADTHS)
def test_all_that_was_seen_is_allowed_and_no_other_host_port_scheme_or_method(breadth: Breadth) -> None:
    rules = _rules(entries_for(FOUND, breadth))
    assert all(isinstance(rules.access.decide(subject(asked, 0)), Allowed) for asked in FOUND)
    for other in (
        "GET https://c.example/one",
        "GET https://sub.a.example/one",
        "GET http://a.example/one",
        "GET https://a.example:8443/one",
        "DELETE https://a.example/one",
        "CONNECT a.example:443",
        "CONNECT t.example:443",
        "GET http://b.example/",
    ):
        assert not _allows(rules, other), other


@pytest.mark.parametrize(("breadth", "allowed"), [("exact", False), ("folders", False), ("hosts", True)])
def test_other_paths_are_allowed_by_hosts_alone(breadth: Breadth, allowed: bool) -> None:
    rules = _rules(entries_for(FOUND, breadth))
    assert _allows(rules, "GET https://a.example/three") == allowed


def test_a_method_is_for_the_paths_it_was_used_with() -> None:
    assert not _allows(_rules(entries_for(FOUND, "exact")), "POST https://a.example/one")


def test_a_tunnel_allows_its_host_keeps_it_closed_and_says_so() -> None:
    entries = entries_for(used("CONNECT t.example:443", "GET https://t.example/x"), "exact")
    (entry,) = entries.rules
    assert entry.match == {"scheme": "https", "host": "=t.example", "port": "443"}
    assert "not opened" in entry.evidence[-1]
    (closed,) = _rules(entries).inspect
    assert closed.value == "never"


def test_the_evidence_is_count_time_bytes_and_an_example() -> None:
    entries = entries_for(used("GET https://a.example/x?secret", "GET https://a.example/x"), "exact")
    assert entries.rules[0].evidence == (
        "2 requests, first at 2026-11-18 11:06:40 UTC, 0 B sent, 0 B received",
        "such as GET https://a.example/x",
    )


def test_ids_are_unique_and_avoid_those_that_are_taken() -> None:
    found = used("GET https://a.example/x", "GET http://a.example/x", "GET https://[::1]/")
    ids = [entry.id for entry in entries_for(found, "exact", ("a.example-get",)).rules]
    assert ids == ["1-get", "a.example-get-2", "a.example-get-3"]


def test_a_path_that_no_rule_could_name_is_left_out_and_told() -> None:
    found = used(f"GET https://a.example/{'x' * 2000}", "GET https://a.example/short")
    entries = entries_for(found, "folders")
    assert [len(asked.path) for asked in entries.too_long] == [2001]
    assert len(entries.rules) == 1


def test_nothing_seen_allows_nothing() -> None:
    assert not _allows(_rules(entries_for({}, "folders")), "GET https://a.example/")


def test_whether_anything_of_a_host_is_allowed() -> None:
    rules = _rules(entries_for(FOUND, "exact")).access
    (here,), (elsewhere,) = used("CONNECT a.example:443"), used("CONNECT z.example:443")
    assert may_allow_host(rules, here, 0)
    assert not may_allow_host(rules, elsewhere, 0)


ORIGINS = st.builds(
    Origin, st.sampled_from(("a.example", "xn--bcher-kva.example", "192.0.2.1", "2001:db8::1")),
    st.sampled_from((443, 8443)), st.just("https"),
)  # fmt: skip
FINDINGS = st.lists(
    st.builds(
        Asked, ORIGINS, st.text("ab*%25/-", max_size=6).map("/{}".format), st.sampled_from(("GET", "POST", "X-Y"))
    ),
    max_size=40,
)


@given(FINDINGS, st.sampled_from(BREADTHS))
def test_whatever_was_asked_the_file_loads_and_allows_it(asked: list[Asked], breadth: Breadth) -> None:
    found: Found = {}
    for each in asked:
        found |= used(f"{each.method} {each.origin}{each.path}")
    rules = _rules(entries_for(found, breadth))
    assert all(isinstance(rules.access.decide(subject(each, 0)), Allowed) for each in found)
