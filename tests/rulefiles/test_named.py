"""Groups and holidays, as an operator writes them."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from forward_proxy.access.rules import Denied
from forward_proxy.errors import RuleFileError
from forward_proxy.matching.choice import first_match
from forward_proxy.rulefiles.rules import Rules, load
from tests.matching.requests import subject

NAMES = """
groups:
  kids: [192.168.1.20, 192.168.1.32/28, "fd00::20"]
  office: 10.0.0.0/8
holidays:
  public: [01-01, 12-25]
  school: [2026-12-21/2027-01-06]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("rules").mkdir()
    return Path("rules")


def loaded(folder: Path, rules: str, names: str = NAMES) -> Rules:
    """The names stand in a file that is read after the rules."""
    (folder / "10.yaml").write_text(rules)
    (folder / "90.yaml").write_text(names)
    return load([folder], "UTC")


def problems(folder: Path, rules: str, names: str = NAMES) -> list[str]:
    with pytest.raises(RuleFileError) as caught:
        loaded(folder, rules, names)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("match", "denied"),
    [
        ("{ group: kids }", ["192.168.1.20", "192.168.1.47", "::ffff:192.168.1.20", "fd00::20"]),
        ("{ group: [kids, office] }", ["192.168.1.20", "192.168.1.47", "::ffff:192.168.1.20", "fd00::20", "10.1.1.1"]),
        ("{ not: { group: [kids, office] } }", ["192.168.1.21"]),
        ("{ group: kids, client: 192.168.1.0/28 }", []),
    ],
)
def test_a_rule_is_for_the_clients_of_its_groups(folder: Path, match: str, denied: list[str]) -> None:
    rules = loaded(folder, f"rules: [{{action: deny, match: {match}}}]").access
    clients = ("192.168.1.20", "192.168.1.47", "::ffff:192.168.1.20", "fd00::20", "10.1.1.1", "192.168.1.21")
    assert [
        client for client in clients if isinstance(rules.decide(subject(client=ip_address(client))), Denied)
    ] == denied


@pytest.mark.parametrize(
    ("names", "facts", "denied"),
    [
        ("{ user: alice }", {"user": "alice"}, True),
        ("{ user: alice }", {"user": "bob"}, False),
        ("[10.0.0.0/8, { user: [alice, bob] }]", {"user": "bob"}, True),
        ("[10.0.0.0/8, { listener: 8081 }]", {"listener": 8081}, True),
        ("{ listener: [8081, 9000-9010], user: alice }", {"listener": 9005}, True),
        ("{ listener: [8081, 9000-9010], user: alice }", {"listener": 8080, "user": "bob"}, False),
    ],
)
def test_users_and_listening_ports_are_in_groups_too(
    folder: Path, names: str, facts: dict[str, object], denied: bool
) -> None:
    rules = loaded(folder, "rules: [{action: deny, match: {group: some}}]", f"groups: {{ some: {names} }}").access
    assert isinstance(rules.decide(subject(**facts)), Denied) is denied


def test_every_section_knows_groups(folder: Path) -> None:
    rules = loaded(
        folder,
        """
        anonymity: [{level: off, match: {group: office}}]
        inspect: [{action: never, match: {group: office}}]
        cache: [{bypass: true, match: {group: office}}]
        """,
    )
    office = subject(client=ip_address("10.0.0.1"))
    for section in (rules.anonymity, rules.inspect, rules.cache):
        assert first_match(section, office) is not None
        assert first_match(section, subject(client=ip_address("192.168.1.20"))) is None


def test_who_is_not_known_is_in_no_group(folder: Path) -> None:
    rules = loaded(folder, "rules: [{action: deny, match: {group: kids}}]").access
    assert not isinstance(rules.decide(subject()), Denied)


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ("rules: [{action: deny, match: {group: kid}}]", "10.yaml:1:32: rules[0].match.group: "
         "no rule file names group kid; did you mean kids?"),
        ("rules: [{action: deny, match: {time: {on: scool}}}]", "10.yaml:1:39: rules[0].match.time.on: "
         "no rule file names holidays scool; did you mean school?"),
        ("rules: [{action: deny, match: {time: {days: mon, except: [public, 2026-02-30]}}}]",
         "10.yaml:1:67: rules[0].match.time.except[1]: expected a date such as 2026-12-25, 2026-12-21/2027-01-06 "
         "or 12-25, not 2026-02-30"),
    ],
)  # fmt: skip
def test_an_unknown_name_is_told_with_its_place(folder: Path, rules: str, told: str) -> None:
    assert problems(folder, rules) == [f"rules/{told}"]


def test_without_any_names_none_is_guessed_at(folder: Path) -> None:
    assert problems(folder, "rules: [{action: deny, match: {group: kids}}]", "") == [
        "rules/10.yaml:1:32: rules[0].match.group: no rule file names group kids"
    ]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ("groups: [kids]", "90.yaml:1:1: groups: expected a mapping of names"),
        ("groups: { kids: [] }", "90.yaml:1:11: groups.kids: expected at least one value"),
        ("groups: { kids: }", "90.yaml:1:11: groups.kids: expected a value"),
        ("groups: { kids: [{}] }", "90.yaml:1:18: groups.kids[0]: expected a value"),
        ("groups: { kids: [{ users: a }] }", "90.yaml:1:20: groups.kids[0].users: unknown key; did you mean user?"),
        ("groups: { kids: [{ user: [] }] }", "90.yaml:1:20: groups.kids[0].user: expected at least one value"),
        ("groups: { kids: [{ user: 'a:b' }] }", "90.yaml:1:20: groups.kids[0].user: expected the name of a user, "
         "up to 255 characters without a colon"),
        ("groups: { kids: { listener: 80808 } }", "90.yaml:1:19: groups.kids.listener: expected a port from 1 to 65535 "
         "or a range such as 8000-9000, not 80808"),
        ("holidays: { some: [{ user: a }] }", "90.yaml:1:20: holidays.some[0]: expected a value"),
        ("groups: { 1kid: 10.0.0.1 }", "90.yaml:1:11: groups.1kid: expected a name of letters, digits, dots, dashes "
         "and underscores, a letter first"),
        ("groups: { kids: [10.0.0.1/8] }", "90.yaml:1:18: groups.kids[0]: 10.0.0.1/8 has bits set beyond its prefix; "
         "did you mean 10.0.0.0/8?"),
        ("holidays: { school: tomorrow }", "90.yaml:1:13: holidays.school: expected a date such as 2026-12-25, "
         "2026-12-21/2027-01-06 or 12-25, not tomorrow"),
        ("group: { kids: 10.0.0.1 }", "90.yaml:1:1: group: unknown section; did you mean groups?"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_name_is_told_with_its_place(folder: Path, names: str, told: str) -> None:
    assert problems(folder, "", names) == [f"rules/{told}"]


def test_a_name_has_one_meaning(folder: Path) -> None:
    assert problems(folder, "groups:\n  kids: 10.0.0.1\n") == [
        "rules/90.yaml:3:3: groups.kids: has a meaning at rules/10.yaml:2 already"
    ]


def test_expectations_say_when_and_for_whom(folder: Path) -> None:
    rules = """
rules:
  - action: deny
    match:
      group: kids
      time: [{ days: mon-fri, from: "06:00", to: "15:00", except: [public, school] }, { from: "21:00", to: "06:00" }]
    expect:
      - { block: "https://a.test/", client: 192.168.1.20, at: "2026-12-14T10:00" }
      - { allow: "https://a.test/", client: 192.168.1.20, at: "2026-12-22T10:00" }
      - { block: "https://a.test/", client: 192.168.1.20, at: "2026-12-22T05:59" }
      - { allow: "https://a.test/", client: 192.168.1.21, at: "2026-12-14T10:00" }
"""
    assert len(loaded(folder, rules).access.rules) == 1
    wrong = rules.replace(
        'allow: "https://a.test/", client: 192.168.1.21', 'block: "https://a.test/", client: 10.1.1.1'
    )
    (told,) = problems(folder, wrong)
    assert told.startswith("rules/10.yaml:11:9: rules[0].expect[3]: expected https://a.test/ to be blocked, but it is")


def test_a_list_is_for_a_group_as_a_rule_is(folder: Path) -> None:
    (folder / "hosts.txt").write_text("games.test\n")
    rules = loaded(folder, "rules: [{action: deny, list: {source: hosts.txt}, match: {group: kids}}]").access
    verdicts = [
        rules.decide(subject("http://games.test/", client=ip_address(client)))
        for client in ("192.168.1.20", "192.168.1.21")
    ]
    assert [isinstance(verdict, Denied) for verdict in verdicts] == [True, False]
