"""The file that a command writes for the switches, and nobody else's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.errors import RuleFileError
from forward_proxy.rulefiles.rules import compiled
from forward_proxy.rulefiles.services import shipped
from forward_proxy.rulefiles.switches import Switch, blocked, read_switches, unblocked, written

CATALOGUE = shipped()
WORDS = ("tiktok", "minecraft", "roblox", "games", "social", "9gag", "4chan", "1xbet", "x", "ok")
STEPS = st.lists(st.tuples(st.booleans(), st.sampled_from(["", "kids", "team.2"]), st.sampled_from(WORDS)), max_size=12)


def test_a_switch_is_a_rule_and_the_reverse_of_blocking_is_the_file_before() -> None:
    switches = blocked((), "kids", "games", CATALOGUE)
    assert written(switches).decode().splitlines()[1:] == [
        "rules:",
        "  - id: blocked-services-kids",
        "    action: deny",
        "    match: { group: kids, service: [games] }",
        "    reason: Switched off",
    ]
    assert unblocked(switches, "kids", "games", CATALOGUE) == ()


def test_a_service_is_left_out_of_its_category_and_taken_in_again() -> None:
    games = blocked((), "", "games", CATALOGUE)
    assert (without := unblocked(games, "", "minecraft", CATALOGUE)) == (Switch("", ("games",), ("minecraft",)),)
    assert blocked(without, "", "minecraft", CATALOGUE) == games
    assert unblocked(without, "", "minecraft", CATALOGUE) is None
    assert unblocked(without, "", "games", CATALOGUE) == ()


def test_a_category_that_is_blocked_again_leaves_nobody_out() -> None:
    chat_and_games = blocked(blocked((), "", "chat", CATALOGUE), "", "games", CATALOGUE)
    without = chat_and_games
    for word in ("minecraft", "discord"):
        without = unblocked(without, "", word, CATALOGUE) or ()
    assert blocked(without, "", "games", CATALOGUE) == (Switch("", ("chat", "games"), ("discord",)),)


def test_a_service_is_unblocked_although_its_category_is_blocked_beside_it() -> None:
    both = blocked(blocked((), "", "tiktok", CATALOGUE), "", "social", CATALOGUE)
    assert unblocked(both, "", "tiktok", CATALOGUE) == (Switch("", ("social",), ("tiktok",)),)


def test_a_category_may_be_left_out_by_hand() -> None:
    by_hand = Switch("", ("games", "chat", "tiktok"), ("chat",))
    assert unblocked((by_hand,), "", "tiktok", CATALOGUE) == (Switch("", ("games", "chat"), ("chat",)),)


def test_a_comment_is_somebody_elses_line() -> None:
    ours = written(blocked((), "", "tiktok", CATALOGUE))
    assert read_switches("x.yaml", ours.replace(b"\n", b"\r\n")) == (Switch("", ("tiktok",)),)
    for theirs in (ours + b"# Until Easter\n", ours.replace(b"off\n", b"off  # Mum\n")):
        with pytest.raises(RuleFileError, match="is not as `forward-proxy services` writes it"):
            read_switches("x.yaml", theirs)


def test_what_is_not_blocked_cannot_be_unblocked() -> None:
    games = blocked((), "", "games", CATALOGUE)
    assert [unblocked(games, group, word, CATALOGUE) for group, word in (("", "tiktok"), ("kids", "games"))] == [
        None
    ] * 2


@given(STEPS)
def test_whatever_is_switched_is_read_back_and_is_sound(steps: list[tuple[bool, str, str]]) -> None:
    switches: tuple[Switch, ...] = ()
    for off, group, word in steps:
        changed = blocked(switches, group, word, CATALOGUE) if off else unblocked(switches, group, word, CATALOGUE)
        switches = switches if changed is None else changed
    content = written(switches)
    if switches:
        assert read_switches("x.yaml", content) == switches
        names = b"groups: { kids: 192.0.2.1, team.2: 192.0.2.2 }\n"
        assert len(compiled((("x.yaml", content), ("y.yaml", names))).access.rules) == len(switches)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rules: []\ngroups: {}\n",
        "rules: x",
        "rules: [3]",
        "rules: [{ action: deny, match: x }]",
        "rules: [{ id: blocked-services, action: allow, match: { service: [x] }, reason: Switched off }]",
        "rules: [{ id: blocked-services, action: deny, match: { service: [x], path: /a }, reason: Switched off }]",
        "rules: [{ id: blocked-services, action: deny, match: { service: [x] }, reason: Mine }]",
        "rules: [{ id: blocked-services, action: deny, match: { service: x }, reason: Switched off }]",
        "rules: [{ id: blocked-services, action: deny, match: { group: [a], service: [x] }, reason: Switched off }]",
        "rules: [{ id: blocked-services, action: deny, match: { service: [x], not: y }, reason: Switched off }]",
        "rules: [{ id: blocked-services, action: deny, match: { service: [[]] }, reason: Switched off }]",
    ],
)
def test_what_somebody_else_wrote_is_left_alone(text: str) -> None:
    with pytest.raises(RuleFileError, match=r"^x\.yaml: is not as `forward-proxy services` writes it; keep"):
        read_switches("x.yaml", text.encode())


def test_what_is_no_yaml_is_told_as_such() -> None:
    with pytest.raises(RuleFileError, match=r"^x\.yaml:1:\d+: not YAML"):
        read_switches("x.yaml", b"rules: ['")
