from dataclasses import replace

import pytest

from forward_proxy.access.rules import Allowed, Denied, Step
from forward_proxy.matching.subject import RuleRef
from tests.access.rulesets import rules
from tests.matching.requests import subject


def ref(line: int) -> RuleRef:
    return RuleRef("rules/a.yaml", line, f"r{line}")


def test_the_first_rule_that_matches_wins() -> None:
    ordered = rules(("allow", {"host": "good.a.test"}), ("deny", {"host": "a.test"}), ("allow", {"host": "a.test"}))
    assert ordered.decide(subject("http://good.a.test/")) == Allowed(ref(1), "because 1")
    assert ordered.decide(subject("http://a.test/")) == Denied(ref(2), "because 2")


def test_a_rule_without_a_host_keeps_its_place_among_those_with_one() -> None:
    ordered = rules(
        ("deny", {"path": "/first"}), ("allow", {"host": "a.test"}), ("deny", {"method": "POST"}), ("deny", {})
    )
    verdicts = {
        url: ordered.decide(subject(url, "POST")).rule
        for url in ("http://a.test/first", "http://a.test/", "http://b.test/")
    }
    assert verdicts == {"http://a.test/first": ref(1), "http://a.test/": ref(2), "http://b.test/": ref(3)}


def test_when_no_rule_matches_the_default_decides_and_says_so() -> None:
    assert rules().decide(subject()) == Allowed(None, "no rule matched; the default is allow")
    assert rules(default="deny").decide(subject()) == Denied(None, "no rule matched; the default is deny")


def test_a_rule_about_the_response_decides_when_the_response_is_here() -> None:
    ordered = rules(("deny", {"content_type": "image/*"}), ("allow", {"host": "example.com"}))
    request = subject("http://example.com/")
    assert ordered.needs_response
    assert ordered.decide(request) == Allowed(ref(2), "because 2")
    assert ordered.decide(replace(request, content_type="image/png")) == Denied(ref(1), "because 1")
    assert ordered.decide(replace(request, content_type="text/html")) == Allowed(ref(2), "because 2")


def test_rules_about_the_request_alone_need_no_response() -> None:
    assert not rules(("deny", {"host": "a.test"})).needs_response


@pytest.mark.parametrize(
    ("urls", "verdict"),
    [
        (["http://a.test/", "http://bad.test/"], Denied(ref(2), "because 2")),
        (["http://bad.test/", "http://a.test/"], Denied(ref(2), "because 2")),
        (["http://a.test/", "http://other.test/"], Allowed(ref(1), "because 1")),
        (["http://other.test/", "http://a.test/"], Allowed(None, "no rule matched; the default is allow")),
        ([], Allowed(None, "no rule matched; the default is allow")),
    ],
)
def test_one_denied_name_denies_the_exchange(urls: list[str], verdict: Allowed | Denied) -> None:
    ordered = rules(("allow", {"host": "a.test"}), ("deny", {"host": "bad.test"}))
    assert ordered.decide_all(subject(url) for url in urls) == verdict


def test_the_trail_names_what_failed_up_to_the_rule_that_decided() -> None:
    ordered = rules(
        ("allow", {"host": "b.test"}),
        ("deny", {"host": "a.test", "path": "/x", "method": "POST"}),
        ("deny", {"host": "a.test"}),
        ("allow", {}),
    )
    assert ordered.trail(subject("http://a.test/x")) == (
        Step(ref(1), "allow", "because 1", "host"),
        Step(ref(2), "deny", "because 2", "method"),
        Step(ref(3), "deny", "because 3", None),
    )


def test_a_trail_that_no_rule_ends_left_it_to_the_default() -> None:
    (step,) = rules(("deny", {"host": "b.test"})).trail(subject("http://a.test/"))
    assert not step.matched
