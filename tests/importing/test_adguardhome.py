import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.importing.adguardhome import read_adguardhome
from forward_proxy.importing.carried import Imported
from forward_proxy.importing.writing import rule_file
from tests.importing.verdicts import carried, denies, left, loaded

CONF = """\
dns:
  blocked_hosts: [version.bind]
  allowed_clients: []
filtering:
  blocked_services:
    schedule: { time_zone: Local }
    ids: [facebook, tiktok]
  rewrites:
    - { domain: router.test, answer: 10.0.0.1 }
  safe_search: { enabled: false, bing: true }
  parental_enabled: false
filters:
  - { enabled: true, url: "https://lists.test/ads.txt", name: Ads, id: 1 }
whitelist_filters: []
user_rules:
  - "! A comment"
  - "||ads.test^"
  - "@@||good.ads.test^"
  - "||evil.good.ads.test^$important"
  - "exact.test"
  - "|other.test^"
  - "0.0.0.0 a.hosts.test b.hosts.test # Both"
  - "10.0.0.1 router2.test"
  - "||*.sub.test^"
  - "||kids.test^$client=192.168.0.1|10.0.0.0/8"
  - '/^track[0-9]+\\./'
  - "||dns.test^$dnstype=AAAA"
  - "||person.test^$client='Mary'"
  - "||open.test"
  - "||wild*card.test^"
  - banner
clients:
  persistent:
    - { name: Mary, ids: [10.0.0.7] }
schema_version: 28
"""


def read(text: str) -> Imported:
    found = read_adguardhome(text.encode())
    assert isinstance(found, Imported), found
    return found


@pytest.mark.parametrize(
    ("host", "denied"),
    [
        ("ads.test", True),
        ("x.ads.test", True),
        ("good.ads.test", False),
        ("evil.good.ads.test", True),
        ("exact.test", True),
        ("x.exact.test", False),
        ("other.test", True),
        ("x.other.test", False),
        ("a.hosts.test", True),
        ("b.hosts.test", True),
        ("x.a.hosts.test", False),
        ("sub.test", False),
        ("x.sub.test", True),
        ("track7.test", True),
        ("xtrack7.test", False),
        ("kids.test", False),
        ("dns.test", False),
        ("person.test", False),
    ],
)
def test_user_rules_decide_as_in_adguard_home(host: str, denied: bool) -> None:
    assert denies(read(CONF), f"https://{host}/") == denied


def test_a_rule_for_clients_is_for_them_alone() -> None:
    assert denies(read(CONF), "http://kids.test/", client="10.9.9.9")
    assert denies(read(CONF), "http://kids.test/", client="192.168.0.1")
    assert not denies(read(CONF), "http://kids.test/", client="192.168.0.2")


def test_everything_else_is_told_with_its_line() -> None:
    assert left(read(CONF)) == {
        "2": "it decides who may ask for names",
        "5": "forward-proxy services block denies those that it lists",
        "8": "rules do not say this",
        "23": "it gives a name another address, which rules cannot",
        "27": "the modifier dnstype has no counterpart",
        "28": "client='Mary': rules know clients by their address",
        "29": "a pattern that is open at an end",
        "30": "a pattern with more than a name",
        "31": "a word that may be a name or a part of one",
        "34": "rules know clients by their address",
    }
    assert set(carried(read(CONF))) == {str(line) for line in (13, 17, 18, 19, 20, 21, 22, 24, 25, 26)}
    texts = {line.place: line.text for line in read(CONF).lines}
    assert (texts["5"], texts["13"]) == (
        "filtering.blocked_services: facebook, tiktok", "filters: https://lists.test/ads.txt",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("user_rules: [", "line "),
        ("- a", "expected a mapping"),
        ("a: &a [*a]", "stands inside what it names"),
        (
            "user_rules: &a [" + "x, " * 2000 + "x]\n" + "".join(f"k{n}: [*a, *a, *a, *a]\n" for n in range(200)),
            "values",
        ),
        ("user_rules: !!python/object/apply:os.system ['x']", "tags are not understood"),
    ],
)
def test_hostile_yaml_is_refused(text: str, why: str) -> None:
    found = read_adguardhome(text.encode())
    assert not isinstance(found, Imported)
    assert why in found.text


RULES = st.lists(
    st.text(alphabet="|@/^$*.!#:=,~abc0 \\x", max_size=12) | st.sampled_from(["||a.b^", "@@||a.b^"]), max_size=6
)


@given(RULES)
def test_whatever_is_carried_loads(rules: list[str]) -> None:
    found = read(f"user_rules: {json.dumps(rules)}")
    assert len(loaded(found).access.rules) == len(found.entries)


LISTS = """\
filters:
  - { enabled: true, url: "https://lists.test/ads.txt", name: "Ads \\u202e", id: 1 }
  - { enabled: false, url: "https://lists.test/off.txt", name: Off, id: 2 }
  - { enabled: true, url: /opt/AdGuardHome/mine.txt, name: Mine, id: 3 }
  - { enabled: true, url: "ftp://lists.test/x", name: Odd, id: 4 }
whitelist_filters:
  - { enabled: true, url: "https://lists.test/good.txt", name: Good, id: 5 }
user_rules: ["||evil.test^$important"]
"""


def test_lists_are_entries_allow_lists_first_and_block_lists_last() -> None:
    found = read(LISTS)
    assert [entry.id for entry in found.entries] == [
        "adguard-home-allowed", "adguard-home-1", "adguard-home-lists",
    ]  # fmt: skip
    found.leave_files(lambda path: False)
    assert (
        rule_file(found, "x").partition("rules:\n")[2]
        == """\
  - id: adguard-home-allowed
    action: allow
    list:
      - source: "https://lists.test/good.txt"  # Good
        format: adblock-dns
    reason: "AdGuard Home: its allow lists"
  - id: adguard-home-1
    action: deny
    match:
      host: evil.test
    reason: "AdGuard Home: important blocks of its user rules"
  - id: adguard-home-lists
    action: deny
    list:
      - source: "https://lists.test/ads.txt"  # Ads ?
        format: adblock-dns
      # - source: "https://lists.test/off.txt"  # it is disabled: Off
      #   format: adblock-dns
      # - source: "/opt/AdGuardHome/mine.txt"  # there is no file /opt/AdGuardHome/mine.txt: Mine
      #   format: adblock-dns
    reason: "AdGuard Home: its block lists"
"""
    )
    assert left(found) == {
        "3": "it is disabled; it is written as a comment",
        "4": "there is no file /opt/AdGuardHome/mine.txt; it is written as a comment",
        "5": "expected a path, or an http or https URL; scheme is neither http nor https",
    }
    assert carried(found) == {"2": "adguard-home-lists", "7": "adguard-home-allowed", "8": "adguard-home-1"}
    rules = loaded(found)
    assert [each.entry.name for each in rules.lists] == ["https://lists.test/good.txt", "https://lists.test/ads.txt"]
    assert {each.entry.format for each in rules.lists} == {"adblock-dns"}


def test_lists_that_are_all_disabled_are_a_comment() -> None:
    found = read('filters: [{ enabled: false, url: "https://lists.test/off.txt", name: Off }]')
    assert found.in_force == []
    assert loaded(found).access.rules == ()
    assert '  #     - source: "https://lists.test/off.txt"  # it is disabled: Off' in rule_file(found, "x").split("\n")
