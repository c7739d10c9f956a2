"""What is asked for, and of whom."""

from bench.scenarios import FULL, QUICK, hot_objects, scenarios


def test_the_hot_objects_draw_four_of_five_requests() -> None:
    weights = [1 / rank for rank in range(1, 100_001)]
    hot = hot_objects(100_000)
    assert sum(weights[: hot - 1]) < 0.8 * sum(weights) <= sum(weights[:hot])


def test_no_two_scenarios_share_a_name() -> None:
    for plan in FULL, QUICK:
        keys = [each.key for each in scenarios(plan)]
        assert sorted(set(keys)) == sorted(keys)


def test_a_proxy_without_cache_or_rules_is_asked_for_misses_only() -> None:
    bare = frozenset({"cleartext", "tls", "tunnel"})
    asked = {each.key for each in scenarios(FULL) if each.needs <= bare}
    assert asked == {
        *("miss", "stored miss", "mix", "tls miss", "tls stored miss", "tls mix"),
        *("bulk miss", "tls bulk miss", "tunnel"),
    }
