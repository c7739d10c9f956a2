from typing import Any

import pytest

from forward_proxy.anonymity import Level
from forward_proxy.history.comparison import Comparison, compare
from forward_proxy.history.past import Row
from tests.history.logs import AT, FILE, denied, row, state, tunnel

ADS = "  - { id: ads, action: deny, match: { host: ads.test } }\n"
PARTY = "  - { id: party, action: deny, match: { host: ads.test, third_party: true } }\n"
NONE = "rules:\n"
KIDS = "\ngroups: { kids: [127.0.0.0/8] }\n"

TEAM = "\ngroups: { team: { user: ada } }\n"


def deny(name: str, match: str) -> str:
    return f"rules:\n  - {{ id: {name}, action: deny, match: {{ {match} }} }}"


def effects(before: str, after: str, *rows: Row, **more: Any) -> list[tuple[str, str | None]]:
    """What becomes of the last of the rows, and by which rule."""
    comparison = Comparison(state(before, **more), state(after, **more))
    said = [comparison.changes(each) for each in rows][-1]
    assert said is not None
    return [(change.effect, change.rule.id if change.rule else None) for change in said]


@pytest.mark.parametrize(
    ("before", "after", "seen", "found"),
    [
        (NONE, NONE + ADS, row("http://ads.test/x"), [("denied", "ads")]),
        (NONE, NONE + ADS, row("http://a.test/"), []),
        (NONE + ADS, NONE, denied("http://x.ads.test/x", "ads"), [("freed", "ads")]),
        (NONE + ADS, NONE + ADS, denied("http://ads.test/x", "ads"), []),
        (NONE, NONE + ADS, tunnel("ads.test:443"), [("denied", "ads")]),
        (NONE, deny("p", "path: /x"), row("http://a.test/x?y"), [("denied", "p")]),
        (NONE, deny("u", "url: '[?]y'"), row("http://a.test/x?y"), [("denied", "u")]),
        (NONE, deny("m", "method: POST"), row("http://a.test/"), []),
        (NONE, deny("c", "client: 127.0.0.1"), row("http://a.test/"), [("denied", "c")]),
        (NONE, deny("g", "group: kids") + KIDS, row("http://a.test/"), [("denied", "g")]),
        (NONE, deny("g", "group: kids") + KIDS, row("http://a.test/", client="10.0.0.1"), []),
        (NONE, deny("s", "user: ada"), row("http://a.test/"), [("denied", "s")]),
        (NONE, deny("s", "user: bob"), row("http://a.test/"), []),
        (NONE, deny("l", "listener: 8080"), row("http://a.test/"), [("denied", "l")]),
        (NONE, deny("g", "group: team") + TEAM, row("http://a.test/"), [("denied", "g")]),
        (NONE, deny("r", "resource: image"), row("http://a.test/"), []),
        (
            NONE, deny("v", "content_type: video/*"),
            row("http://a.test/", content_type="video/mp4"), [("denied", "v")],
        ),
    ],
)  # fmt: skip
def test_the_difference_is_that_of_the_rules(before: str, after: str, seen: Row, found: list[Any]) -> None:
    assert effects(before, after, seen) == found


TRACKED = "http://a.test/?utm_id=1&gclid=***&x=2"


def removes(*names: str) -> str:
    return f"tracking: [{{ id: labels, action: remove, parameters: [{', '.join(names)}], match: {{}} }}]"


@pytest.mark.parametrize(
    ("before", "after", "seen", "found"),
    [
        (NONE, removes("utm_*"), row(TRACKED), [("cleaned", "labels")]),
        (removes("utm_*"), removes("utm_*", "gclid"), row(TRACKED), [("cleaned", "labels")]),
        (removes("utm_*", "gclid"), removes("gclid"), row(TRACKED), [("bared", "labels")]),
        (removes("utm_*"), NONE, row(TRACKED, method="HEAD"), [("bared", "labels")]),
        (removes("utm_*"), removes("utm_id"), row(TRACKED), []),
        (NONE, removes("utm_*"), row("http://a.test/?x=1"), []),
        (NONE, removes("utm_*"), row(TRACKED, method="POST"), []),
        (NONE, removes("utm_*"), row("http://a.test/login?utm_id=1"), []),
        (NONE, removes("utm_*"), tunnel("a.test:443"), []),
    ],
)
def test_what_would_be_removed_from_targets_is_told(before: str, after: str, seen: Row, found: list[Any]) -> None:
    other = row("http://a.test/?y", method="GET")  # Is not taken for the same.
    assert effects(before, after, other, seen) == found


def test_a_rule_of_the_hour_holds_in_its_hour() -> None:
    night = "rules:\n  - { id: night, action: deny, match: { host: a.test, time: { from: '00:00', to: '06:00' } } }"
    midnight = AT - AT % 86_400
    rows = [row("http://a.test/", started_at=midnight + 3600.0 * hour) for hour in (12, 3, 5)]
    assert effects(NONE, night, *rows[:1]) == []
    assert effects(NONE, night, *rows[:2]) == [("denied", "night")]
    assert effects(NONE, night, *rows) == [("denied", "night")]


def test_alike_exchanges_of_another_path_are_told_apart_where_a_rule_does() -> None:
    path = "rules:\n  - { id: p, action: deny, match: { path: /x } }"
    assert effects(NONE, path, row("http://a.test/x"), row("http://a.test/y")) == []


class TestWhatTheLogDoesNotKeep:
    def test_without_a_page_it_cannot_be_told_whether_a_party_rule_holds(self) -> None:
        assert effects(NONE, NONE + PARTY, row("http://ads.test/")) == [("untold", "party")]
        assert effects(NONE, NONE + PARTY, row("http://ads.test/", page="a.test")) == [("denied", "party")]
        assert effects(NONE, NONE + PARTY, row("http://ads.test/", page="ads.test")) == []

    def test_a_rule_in_doubt_on_both_sides_is_no_difference(self) -> None:
        assert effects(NONE + PARTY, NONE + "\n" + PARTY, row("http://ads.test/")) == []

    def test_the_verdict_in_the_log_settles_it(self) -> None:
        assert effects(NONE + PARTY, NONE, denied("http://ads.test/", "party")) == [("freed", "party")]
        assert effects(NONE + PARTY, NONE + PARTY, denied("http://ads.test/", "party")) == []
        # It was let through by default, so the rule in doubt did not hold, and the one behind it is free to decide.
        assert effects(NONE + PARTY, NONE + PARTY + ADS, row("http://ads.test/")) == [("denied", "ads")]

    def test_a_rule_is_known_by_its_id_wherever_it_stood_and_else_by_its_place(self) -> None:
        assert effects(NONE + PARTY, NONE, denied("http://ads.test/", "party", line=77)) == [("freed", "party")]
        unnamed = PARTY.replace("id: party, ", "")
        assert effects(NONE + unnamed, NONE, denied("http://ads.test/", "", line=2)) == [("freed", None)]
        assert effects(NONE + unnamed, NONE, denied("http://ads.test/", "", line=3)) == [("untold", None)]

    def test_a_masked_query_may_or_may_not_fit(self) -> None:
        rule = "rules:\n  - { id: u, action: deny, match: { host: a.test, url: 'token=' } }"
        assert effects(NONE, rule, row("http://a.test/?token=***", page="a.test")) == [("untold", "u")]
        assert effects(NONE, rule, row("http://b.test/?token=***", page="a.test")) == []

    def test_an_answer_that_is_the_same_either_way_is_told(self) -> None:
        both = NONE + PARTY + ADS
        assert effects(NONE, both, row("http://ads.test/")) == [("denied", "ads")]


def test_a_stricter_level_cleans_more_and_a_looser_less() -> None:
    strict, off = (f"anonymity:\n  - {{ level: {level}, match: {{ host: a.test }} }}" for level in ("strict", "off"))
    seen = row("http://a.test/", page="a.test")
    assert effects(NONE, strict, seen) == [("cleaned", None)]
    assert effects(NONE, off, seen) == [("bared", None)]
    assert effects(off, strict, seen, default_level=Level.STRICT) == [("cleaned", None)]
    assert effects(NONE, strict, seen, default_level=Level.STRICT) == []


def test_tunnels_that_are_no_longer_opened_are_judged_by_their_host() -> None:
    never = "inspect:\n  - { action: never, match: { host: bank.test } }\n"
    path = "rules:\n  - { id: p, action: deny, match: { host: bank.test, path: /x } }\n"
    assert effects(path, path + never, denied("https://bank.test/x", "p")) == [("unread", None), ("freed", "p")]
    assert effects(never, NONE, tunnel("bank.test:443")) == [("opened", None)]
    assert effects(never, never + path, row("https://bank.test/x")) == []


def test_the_default_can_change_too() -> None:
    seen = row("http://a.test/")
    before, after = state(NONE), state(NONE, default="deny")
    (change,) = Comparison(before, after).changes(seen) or ()
    assert (change.effect, change.rule) == ("denied", None)


def test_a_report_counts_exchanges_and_not_records() -> None:
    comparison = Comparison(state(NONE), state(NONE + ADS))
    rows = [
        row("http://ads.test/1", exchanges=40, page="news.test"),
        row("http://x.ads.test/2", client="192.0.2.7", started_at=AT + 9.0),
        row("http://b.test/", exchanges=2),
        row("http://b.test/", outcome="purge", exchanges=3),
        None,
    ]
    report = compare(comparison, rows)
    assert (report.records, report.exchanges, report.unjudged, report.newly_denied) == (5, 46, 4, 41)
    assert (report.first_at, report.last_at) == (AT, AT)
    tally = report.effects["denied"]
    assert tally.hosts == {"ads.test": 40, "x.ads.test": 1}
    assert tally.clients == {"127.0.0.1": 40, "192.0.2.7": 1}
    assert tally.pages == {"news.test": 40, "(none told)": 1}
    assert tally.rules == {f"ads ({FILE}:2)": 41}
    assert [seen.target for seen, _ in tally.examples] == ["http://ads.test/1", "http://x.ads.test/2"]


def test_what_was_used_of_a_budget_back_then_is_not_known() -> None:
    hour = "rules:\n  - { id: hour, action: deny, match: { host: a.test }, budget: { minutes: 60 } }"
    allowed, refused = row("http://a.test/"), denied("http://a.test/", "hour")
    assert effects(NONE, hour, allowed) == [("untold", "hour")]
    assert effects(hour, NONE, refused) == [("freed", "hour")]
    assert effects(hour, hour + NONE.replace("rules:\n", "\n"), allowed) == []
    assert effects(hour, hour, refused) == []
    assert effects(hour, deny("hour", "host: a.test"), allowed) == [("denied", "hour")]
