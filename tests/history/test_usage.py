from forward_proxy.access.lists.listed import Listed, NotThere, Origins
from forward_proxy.access.options import Action
from forward_proxy.access.rules import AccessRules
from forward_proxy.history.usage import LineUse, Saved, usage
from forward_proxy.matching.choice import Choice
from forward_proxy.matching.matcher import Matcher
from forward_proxy.matching.subject import RuleRef
from forward_proxy.traffic.hits import Decided, Hits
from tests.access.rulesets import rules

RULES = rules(("deny", {"host": "a.test"}), ("allow", {"host": "b.test"}), ("deny", {"host": "x.a.test"}))


def hits(name: str | None, count: int, *, denied: bool = True, resource: str | None = "script", line: int = 1) -> Hits:
    return Hits(f"rules/a.yaml:{line}", name, denied, resource, count, 100.0 + count)


def test_hits_and_savings_are_those_of_the_rule_of_that_id() -> None:
    counts = Decided(
        1.0, 2.0, 99,
        (hits("r1", 4, line=77), hits("r1", 2, resource="font"), hits("r2", 7, denied=False)),
        {"script": 250.5},
    )  # fmt: skip
    first, second, third = usage(RULES, counts).rules
    assert (first.hits, first.saved, first.last_at) == (6, Saved(6, 4, 1002), 104.0)
    assert (second.hits, second.saved) == (7, Saved())
    assert (third.hits, third.last_at, [str(ref) for ref in third.shadowed_by]) == (0, None, ["rules/a.yaml:1"])


def test_hits_of_rules_that_are_gone_are_told_apart() -> None:
    counts = Decided(1.0, 2.0, 99, (hits("old", 4), hits(None, 9, line=1), hits("old", 6)), {})
    found = usage(RULES, counts)
    assert found.gone == (("old (rules/a.yaml:1)", 10), ("rules/a.yaml:1", 9))
    assert [use.hits for use in found.rules] == [0, 0, 0]


def test_a_denial_counts_as_an_answer_of_its_host_or_else_of_its_kind() -> None:
    seen = Hits("rules/a.yaml:1", "r1", True, "script", 3, 1.0, "seen.a.test")
    unseen = Hits("rules/a.yaml:1", "r1", True, "script", 2, 1.0, "unseen.a.test")
    unknown = Hits("rules/a.yaml:1", "r1", True, "media", 5, 1.0, "seen.a.test")
    counts = Decided(1.0, 2.0, 10, (seen, unseen, unknown), {"script": 10.0}, {("seen.a.test", "script"): 1000.0})
    assert usage(RULES, counts).rules[0].saved == Saved(10, 5, 3020)


def test_grants_are_told_apart_from_rules_that_are_gone() -> None:
    granted = Hits("grant:3", None, False, "script", 4, 1.0)
    found = usage(RULES, Decided(1.0, 2.0, 4, (granted, Hits("grant:3", "mine", True, None, 1, 1.0)), {}))
    assert (found.grants, found.gone) == ((("grant:3", 4),), (("mine (grant:3)", 1),))


def listing(name: str | None, *lists: str, action: Action = "deny", reason: str = "Ads") -> AccessRules:
    """One rule with these lists, the last of which is not there yet."""
    origins = Origins(lists[:-1], tuple(place * 100 for place in range(len(lists) - 1)))
    listed = Listed(", ".join(lists), "digest", NotThere(), origins, lists[-1:])
    return AccessRules((Choice(action, Matcher((listed,)), RuleRef("rules/a.yaml", 1, name), reason),))


def line(place: str, name: str | None, text: str, count: int, last_at: float = 1.0) -> Hits:
    return Hits(place, name, True, "script", count, last_at, "a.test", f"Ads: {text}")


def test_hits_of_a_list_are_told_by_line_and_a_line_is_known_by_what_it_says() -> None:
    hits = (
        line("https://lists.test/easy:7", "ads", "||a.test^", 5, 20.0),
        line("https://lists.test/easy:9", "ads", "||a.test^", 2, 10.0),
        line("https://lists.test/easy:8", "ads", "||b.test^", 9),
        line("more.txt:1", "ads", "||c.test^", 1),
        line("https://lists.test/old:4", "ads", "||d.test^", 3),
    )
    found = usage(listing("ads", "https://lists.test/easy", "more.txt", "late.txt"), Decided(1.0, 2.0, 20, hits, {}))
    assert found.rules[0].hits == 20
    assert [(each.name, each.in_force, each.hits, each.lines_hit) for each in found.lists] == [
        ("https://lists.test/easy", True, 16, 2),
        ("more.txt", True, 1, 1),
        ("late.txt", True, 0, 0),
        ("https://lists.test/old", False, 3, 1),
    ]
    assert found.lists[0].lines == (LineUse(8, "||b.test^", 9, 1.0), LineUse(7, "||a.test^", 7, 20.0))


def test_a_rule_without_an_id_is_known_by_the_list_whose_line_decided() -> None:
    access = listing(None, "easy.txt", "late.txt")
    found = usage(
        access, Decided(1.0, 2.0, 6, (line("easy.txt:1", None, "||a.test^", 4), line("x.txt:1", None, "", 2)), {})
    )
    assert (found.rules[0].hits, found.gone) == (4, (("x.txt:1", 2),))
