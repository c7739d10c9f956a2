from forward_proxy.history.usage import usage
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
    assert (first.hits, first.saved_requests, first.saved_bytes, first.last_at) == (6, 6, 1002, 104.0)
    assert (second.hits, second.saved_requests, second.saved_bytes) == (7, 0, None)
    assert (third.hits, third.last_at, [str(ref) for ref in third.shadowed_by]) == (0, None, ["rules/a.yaml:1"])


def test_hits_of_rules_that_are_gone_are_told_apart() -> None:
    counts = Decided(1.0, 2.0, 99, (hits("old", 4), hits(None, 9, line=1), hits("old", 6)), {})
    found = usage(RULES, counts)
    assert found.gone == (("old (rules/a.yaml:1)", 10), ("rules/a.yaml:1", 9))
    assert [use.hits for use in found.rules] == [0, 0, 0]
