"""Rules whose matcher is a list."""

from collections.abc import Mapping
from ipaddress import ip_address

from forward_proxy.access.lists.listed import Listed, NotThere
from forward_proxy.access.options import Action
from forward_proxy.access.rules import AccessRules, Allowed, Denied
from forward_proxy.matching.choice import Choice
from forward_proxy.matching.matcher import Matcher
from forward_proxy.matching.subject import RuleRef
from tests.access.lists.lists import compiled
from tests.matching.requests import matcher, subject

ADS = Listed("ads.txt", "1", compiled("# Ads\nads.test\n"))
ZONE = Listed("zone.rpz", "2", compiled("*.ads.test CNAME .\ngood.ads.test CNAME rpz-passthru.\n"))


def rule(
    action: Action, listed: Listed, line: int, match: Mapping[str, object] = {}, reason: str = ""
) -> Choice[Action]:
    conditions = matcher(match).conditions
    return Choice(action, Matcher((*conditions, listed)), RuleRef("rules/a.yaml", line, f"r{line}"), reason)


def test_the_verdict_names_list_and_line_and_what_it_says() -> None:
    rules = AccessRules((rule("deny", ADS, 1, reason="Advertising"), rule("deny", ZONE, 2)))
    assert rules.decide(subject("http://www.ads.test/")) == Denied(RuleRef("ads.txt", 2, "r1"), "Advertising: ads.test")
    assert AccessRules((rule("deny", ZONE, 2),)).decide(subject("http://x.ads.test/")) == Denied(
        RuleRef("zone.rpz", 1, "r2"), "listed: *.ads.test"
    )


def test_a_list_holds_at_its_place_in_the_order() -> None:
    first = Choice[Action]("allow", matcher({"host": "www.ads.test"}), RuleRef("rules/a.yaml", 1))
    rules = AccessRules((first, rule("deny", ADS, 2)))
    assert isinstance(rules.decide(subject("http://www.ads.test/")), Allowed)
    assert isinstance(rules.decide(subject("http://ads.test/")), Denied)
    assert isinstance(AccessRules((rule("deny", ADS, 2), first)).decide(subject("http://www.ads.test/")), Denied)


def test_a_match_narrows_a_list() -> None:
    rules = AccessRules((rule("deny", ADS, 1, {"client": "192.0.2.0/24"}),))
    assert isinstance(rules.decide(subject("http://ads.test/", client=ip_address("192.0.2.1"))), Denied)
    assert isinstance(rules.decide(subject("http://ads.test/", client=ip_address("198.51.100.1"))), Allowed)


def test_what_a_list_excepts_goes_on_to_the_next_rule() -> None:
    rules = AccessRules((rule("deny", ZONE, 1), rule("deny", ADS, 2)))
    good = subject("http://good.ads.test/")
    assert rules.decide(good) == Denied(RuleRef("ads.txt", 2, "r2"), "listed: ads.test")
    first, second = rules.trail(good)
    assert (first.rule, first.failing) == (
        RuleRef("zone.rpz", 2, "r1"),
        "list: good.ads.test is excepted over line 1",
    )
    assert (second.rule, second.failing) == (RuleRef("ads.txt", 2, "r2"), None)


def test_a_list_that_is_not_there_holds_for_nothing() -> None:
    absent = Listed("https://lists.test/ads", "", NotThere())
    assert isinstance(AccessRules((rule("deny", absent, 1),)).decide(subject("http://ads.test/")), Allowed)
    closed = AccessRules((rule("allow", absent, 1),), "deny")
    assert isinstance(closed.decide(subject("http://ads.test/")), Denied)
    assert [step.failing for step in closed.trail(subject("http://ads.test/"))] == ["list: there is no copy of it yet"]
