"""Rules with a budget, from file to verdict, and what is expected of them."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from forward_proxy.access.budgets import Budget
from forward_proxy.errors import RuleFileError
from forward_proxy.history.judging import keys_of
from forward_proxy.matching.matcher import Matcher
from forward_proxy.rulefiles.rules import Rules, load


def loaded(folder: Path, *lines: str) -> Rules:
    text = "groups: { kids: 192.168.1.0/24 }\nrules:\n  - id: games\n    action: deny\n"
    (folder / "a.yaml").write_text(text + "".join(f"    {line}\n" for line in lines))
    return load([folder], zone="UTC")


def faults(folder: Path, *lines: str) -> str:
    with pytest.raises(RuleFileError) as wrong:
        loaded(folder, *lines)
    return str(wrong.value)


def test_a_budget_is_read_with_its_defaults_and_without(tmp_path: Path) -> None:
    plain = loaded(tmp_path, "match: { group: kids }", "budget: { minutes: 60 }").access.budgets
    assert plain == {"games": Budget("games", 60, "client", 0, ZoneInfo("UTC"))}
    said = 'budget: { minutes: 1440, per: group, resets: "04:30", zone: Europe/Berlin }'
    whole = loaded(tmp_path, "match: {}", said).access.budgets
    assert whole == {"games": Budget("games", 1440, "group", 270, ZoneInfo("Europe/Berlin"))}


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ("60", "rules[0].budget: expected a mapping with minutes"),
        ("{}", "rules[0].budget: minutes is missing; expected how many a day"),
        ("{minutes: 0}", "rules[0].budget.minutes: expected whole minutes from 1 to 1440, such as 60, not 0"),
        ("{minutes: 1441}", "from 1 to 1440, such as 60, not 1441"),
        ("{minutes: 1h}", "from 1 to 1440, such as 60, not 1h"),
        ("{minutes: [1, 2]}", "rules[0].budget.minutes: expected a single value"),
        ("{minutes: 5, pre: client}", "rules[0].budget.pre: unknown key; did you mean per?"),
        ("{minutes: 5, per: host}", "rules[0].budget.per: expected client, or group for all whom the rule matches"),
        ("{minutes: 5, resets: 4}", 'rules[0].budget.resets: expected a time of day such as "04:00", not 4'),
        ("{minutes: 5, resets: 24:00}", 'expected a time of day such as "04:00", not 24:00'),
        ("{minutes: 5, zone: Berlin}", "rules[0].budget.zone: unknown time zone Berlin"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, budget: str, told: str) -> None:
    found = faults(tmp_path, "match: {}", f"budget: {budget}")
    assert told in found
    assert "a.yaml:6:" in found


def test_it_belongs_to_a_rule_that_denies_has_an_id_and_knows_its_requests(tmp_path: Path) -> None:
    said = "rules: [{action: allow, match: {not: {content_type: video/*}}, budget: {minutes: 5}}]"
    (tmp_path / "a.yaml").write_text(said)
    with pytest.raises(RuleFileError) as wrong:
        load([tmp_path])
    for told in (
        "rules[0].budget: is for action: deny, which it keeps from denying until its minutes are used up",
        "rules[0].budget: needs an id beside it, by which what was used is kept",
        "rules[0].budget: counts requests, of which content_type is not known",
    ):
        assert told in str(wrong.value)
    (tmp_path / "a.yaml").write_text("inspect: [{action: never, match: {host: a.test}, budget: {minutes: 5}}]")
    with pytest.raises(RuleFileError, match=r"inspect\[0\]\.budget: unknown key"):
        load([tmp_path])


def test_an_expectation_sees_budgets_unused_unless_it_says_how_much_is_used(tmp_path: Path) -> None:
    rule = ("match: { group: kids, host: games.test }", "budget: { minutes: 60 }", "expect:")
    sound = ("allow: URL", "allow: URL, used: 59", "block: URL, used: 60", "block: URL, used: 1440")
    for text in sound:
        entry = text.replace("URL", '"http://games.test/", client: 192.168.1.5')
        assert loaded(tmp_path, *rule, f"  - {{ {entry} }}")
    told = faults(tmp_path, *rule, '  - { block: "http://games.test/", client: 192.168.1.5, used: 59 }')
    assert "expected http://games.test/ to be blocked, but it is allowed by the default" in told
    told = faults(tmp_path, *rule, '  - { allow: "http://games.test/", client: 192.168.1.5, used: 60 }')
    assert "expected http://games.test/ to be allowed, but it is blocked by games at" in told
    told = faults(tmp_path, *rule, '  - { block: "http://games.test/", used: 1h }')
    assert "expect[0].used: expected whole minutes such as 60, not 1h" in told


def test_it_can_narrow_a_list_and_asks_no_more_of_the_past_than_its_rule(tmp_path: Path) -> None:
    (tmp_path / "games.txt").write_text("games.test\n")
    access = loaded(tmp_path, "list: { source: games.txt }", "budget: { minutes: 60 }").access
    assert [condition.key for condition in access.rules[0].matcher.conditions] == ["list", "budget"]
    assert keys_of(Matcher((access.budgets["games"],))) == frozenset()
