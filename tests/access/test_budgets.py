"""Minutes a day: what a rule with a budget decides, for whom, on which day, and what it says."""

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.access.budgets import Account, Budget, Usage, Used
from forward_proxy.access.grants import Grant, Grants
from forward_proxy.access.rules import AccessRules, Allowed, Denied
from forward_proxy.access.shadows import shadowed
from forward_proxy.matching.choice import Choice
from forward_proxy.matching.matcher import Matcher
from forward_proxy.matching.subject import RuleRef, Subject
from tests.access.rulesets import rules
from tests.matching.requests import matcher, subject

BERLIN = ZoneInfo("Europe/Berlin")
ADA, BOB = ip_address("192.168.1.5"), ip_address("192.168.1.6")
ADAS = Account("games", str(ADA))
NOW = int(datetime(2026, 11, 18, 18, 30, 20, tzinfo=BERLIN).timestamp())
MINUTE = NOW // 60


def budget(rule: str = "games", **more: Any) -> Budget:
    return Budget(**{"rule": rule, "minutes": 60, "per": "client", "resets": 240, "zone": BERLIN} | more)


def rationed(*budgets: Budget, before: AccessRules | None = None, after: AccessRules | None = None) -> AccessRules:
    """For each budget a rule that denies `RULE.test` and `all.test`, in lines 11, 12 and so on; others around them."""
    choices = []
    for line, each in enumerate(budgets, 11):
        conditions = matcher({"host": [f"{each.rule}.test", "all.test"]}).conditions
        where = RuleRef("rules/b.yaml", line, each.rule)
        choices.append(Choice("deny", Matcher((*conditions, each)), where, f"Enough {each.rule}"))
    around = [tuple(some.rules) if some else () for some in (before, after)]
    return AccessRules((*around[0], *choices, *around[1]), (after or before or AccessRules()).default)  # type: ignore[arg-type]


def used(minutes: int, account: Account = ADAS, last: int = MINUTE - 1, bonus: int = 0) -> Usage:
    begins, ends = budget().day(NOW)
    return Usage({account: Used(begins, ends, minutes, last, bonus)})


def asks(host: str = "games.test", at: int = NOW, **more: Any) -> Subject:
    return subject(f"http://{host}/", **{"client": ADA, "at": at} | more)


def test_while_some_is_left_the_next_rules_decide_and_what_they_let_through_is_use() -> None:
    allowing = rules(("allow", {"host": "games.test"}), default="deny")
    verdict = rationed(budget(), after=allowing).decide(asks())
    assert verdict == Allowed(RuleRef("rules/a.yaml", 1, "r1"), "because 1", (Account("games", "192.168.1.5"),))
    denying = rules(("deny", {"host": "games.test"}))
    assert rationed(budget(), after=denying).decide(asks()) == denying.decide(asks())
    assert isinstance(rationed(budget()).decide(asks()), Allowed)


def test_once_it_is_used_up_the_rule_denies_and_says_so() -> None:
    verdict = rationed(budget()).used(used(60)).decide(asks())
    told = "Enough games: 60 of 60 minutes used today, more tomorrow at 04:00"
    assert verdict == Denied(RuleRef("rules/b.yaml", 11, "games"), told)
    assert isinstance(rationed(budget()).used(used(59)).decide(asks()), Allowed)


def test_the_last_minute_may_be_used_to_its_end() -> None:
    access = rationed(budget()).used(used(60, last=MINUTE))
    verdicts = [type(access.decide(asks(at=at))) for at in (NOW, MINUTE * 60 + 59, MINUTE * 60 + 60)]
    assert verdicts == [Allowed, Allowed, Denied]


def test_a_rule_before_it_keeps_what_it_lets_through_from_being_use() -> None:
    allowing = rules(("allow", {"path": "/school"}))
    access = rationed(budget(), before=allowing).used(used(60))
    school = subject("http://games.test/school", client=ADA, at=NOW)
    assert access.decide(school) == Allowed(RuleRef("rules/a.yaml", 1, "r1"), "because 1")
    assert isinstance(access.decide(asks()), Denied)


def test_a_grant_comes_before_it_and_is_not_use() -> None:
    access = rationed(budget()).used(used(60)).granted(Grants((Grant(1, "allow", None, None, NOW, NOW + 60, "ada"),)))
    assert access.decide(asks()) == Allowed(
        RuleRef("grant", 1), "rules paused for 1 min since 2026-11-18T17:30:20Z by ada"
    )


def test_several_budgets_count_for_one_request_and_the_first_that_is_used_up_denies() -> None:
    access = rationed(budget(), budget("screen", per="group"))
    both = (Account("games", "192.168.1.5"), Account("screen", ""))
    assert access.decide(asks("all.test")) == replace(access.decide(asks("x.test")), accounts=both)
    for account in both:
        denied = access.used(used(60, account)).decide(asks("all.test"))
        assert isinstance(denied, Denied)
        assert denied.rule is not None
        assert denied.rule.id == account.rule


def test_each_client_has_its_own_or_all_share_one() -> None:
    access = rationed(budget(), budget("screen", per="group")).used(used(60, Account("games", str(ADA))))
    assert [type(access.decide(asks(client=who))) for who in (ADA, BOB)] == [Denied, Allowed]
    access = access.used(used(60, Account("screen", "")))
    assert [type(access.decide(asks("screen.test", client=who))) for who in (ADA, BOB)] == [Denied, Denied]


def test_ipv4_is_the_same_client_whichever_way_it_came() -> None:
    assert budget().account(asks(client=ip_address("::ffff:192.168.1.5"))) == Account("games", "192.168.1.5")


def test_a_bonus_is_on_top_and_one_to_all_is_for_those_too_who_have_used_nothing() -> None:
    assert isinstance(rationed(budget()).used(used(60, bonus=15)).decide(asks()), Allowed)
    taken = rationed(budget()).used(used(0, Account("games", ""), bonus=-60))
    assert isinstance(taken.decide(asks(client=BOB)), Denied)
    assert taken.standing(Account("games", str(BOB)), NOW).told.startswith("0 of 0 minutes used today")


def test_under_several_names_it_is_use_of_the_budgets_of_each() -> None:
    access = rationed(budget(), budget("screen"))
    verdict = access.decide_all([asks("games.test"), asks("screen.test"), asks("other.test")])
    assert isinstance(verdict, Allowed)
    assert [account.rule for account in verdict.accounts] == ["games", "screen"]


def test_what_is_not_known_counts_as_used_up() -> None:
    verdict = rationed(budget()).used(Usage(unread=True)).decide(asks())
    told = "what was used today cannot be read, so it counts as used up"
    assert (type(verdict), verdict.reason) == (Denied, f"Enough games: {told}")
    full = replace(used(10), full=True)
    verdicts = [rationed(budget()).used(full).decide(asks(client=who)) for who in (ADA, BOB)]
    assert [type(verdict) for verdict in verdicts] == [Allowed, Denied]
    assert "too many others have used it" in verdicts[1].reason


def test_the_trail_tells_what_is_used_and_the_verdict_after_it_is_told() -> None:
    access = rationed(budget(), after=rules(("deny", {"host": "games.test"}))).used(used(12))
    first, second = access.trail(asks())
    assert (first.failing, second.failing) == ("budget: 12 of 60 minutes used", None)
    assert access.otherwise(asks()) == access.decide(asks("x.test"))
    spent = access.used(used(60))
    (only,) = spent.trail(asks())
    assert only.reason == "Enough games: 60 of 60 minutes used today, more tomorrow at 04:00"
    assert spent.otherwise(asks()) == access.decide(asks())


def test_a_rule_with_a_budget_hides_no_later_rule() -> None:
    access = rationed(budget(), after=rules(("deny", {"host": "games.test"}), ("deny", {"host": "games.test"})))
    assert list(shadowed(access.rules)) == [2]


def test_a_client_sees_the_budgets_of_rules_that_are_about_it() -> None:
    def rule(line: int, match: dict[str, object]) -> Choice[Any]:
        conditions = (*matcher(match).conditions, budget(f"r{line}"))
        return Choice("deny", Matcher(conditions), RuleRef("a.yaml", line, f"r{line}"))

    matches = ({"client": "192.168.1.5", "host": "a.test"}, {"client": "192.168.1.6"}, {"host": "b.test"})
    more = ({"not": {"client": "192.168.1.5"}}, {"not": {"host": "forward-proxy.invalid"}})
    access = AccessRules(tuple(rule(line, match) for line, match in enumerate((*matches, *more), 1)))  # type: ignore[arg-type]
    shown = [standing.account.rule for standing in access.of_client(asks("forward-proxy.invalid"))]
    assert shown == ["r1", "r3", "r5"]


@pytest.mark.parametrize(
    ("resets", "at", "begins", "ends"),
    [
        (240, "2026-11-18T12:00", "2026-11-18T04:00+01:00", "2026-11-19T04:00+01:00"),
        (240, "2026-11-18T03:59:59", "2026-11-17T04:00+01:00", "2026-11-18T04:00+01:00"),
        (0, "2026-03-29T12:00", "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00"),  # 23 hours.
        (0, "2026-10-25T12:00", "2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00"),  # 25 hours.
        (150, "2026-03-29T01:59", "2026-03-28T02:30+01:00", "2026-03-29T03:30+02:00"),  # No 02:30 that day.
        (150, "2026-03-29T03:30", "2026-03-29T03:30+02:00", "2026-03-30T02:30+02:00"),
        (150, "2026-10-25T02:29+02:00", "2026-10-24T02:30+02:00", "2026-10-25T02:30+02:00"),
        (150, "2026-10-25T02:30+02:00", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"),
        (150, "2026-10-25T02:29+01:00", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"),  # 02:30 came before.
    ],
)
def test_days_begin_once_whatever_the_clocks_do(resets: int, at: str, begins: str, ends: str) -> None:
    moment = datetime.fromisoformat(at)
    second = int((moment if moment.tzinfo else moment.replace(tzinfo=BERLIN)).timestamp())
    day = tuple(int(datetime.fromisoformat(text).timestamp()) for text in (begins, ends))
    assert budget(resets=resets).day(second) == day


@given(
    st.integers(1_700_000_000, 1_900_000_000),
    st.integers(0, 1439),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
)
def test_every_second_is_in_one_day_which_the_next_follows(at: int, resets: int, zone: str) -> None:
    found = budget(resets=resets, zone=ZoneInfo(zone))
    begins, ends = found.day(at)
    assert begins <= at < ends
    assert 22 * 3600 <= ends - begins <= 26 * 3600
    assert found.day(begins) == found.day(ends - 1) == (begins, ends)
    assert found.day(ends)[0] == ends
    assert begins % 60 == ends % 60 == 0


def test_with_the_day_what_was_used_is_over() -> None:
    access = rationed(budget()).used(used(60))
    _, ends = budget().day(NOW)
    assert [type(access.decide(asks(at=at))) for at in (ends - 1, ends)] == [Denied, Allowed]


@pytest.mark.parametrize(("hour", "told"), [(18, "tomorrow at 04:00"), (2, "at 04:00")])
def test_when_there_are_new_minutes_is_told_by_the_clock_of_the_zone(hour: int, told: str) -> None:
    at = int(datetime(2026, 11, 18, hour, tzinfo=BERLIN).timestamp())
    standing = Usage().standing(budget(), Account("games", str(ADA)), at)
    assert standing.told == f"0 of 60 minutes used today, 60 left, more {told}"
    assert standing.left == 60


def test_accounts_without_a_minute_beyond_the_one_that_runs() -> None:
    budgets = {"games": budget()}
    for minutes, bonus, found in ((59, 0, False), (60, 0, True), (60, 5, False), (0, -60, True)):
        assert bool(used(minutes, last=MINUTE, bonus=bonus).without_rest(budgets, NOW)) is found
    assert not used(60, Account("gone", "")).without_rest(budgets, NOW)


def test_utc_is_a_zone_too() -> None:
    assert budget(zone=UTC, resets=0).day(86_400 * 10 + 5) == (86_400 * 10, 86_400 * 11)
