"""Services in rule files, and those that are shipped."""

import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest
from publicsuffixlist import PublicSuffixList

from forward_proxy.access.rules import Allowed, Denied
from forward_proxy.errors import RuleFileError
from forward_proxy.matching.choice import first_match
from forward_proxy.matching.hosts import suffixes
from forward_proxy.matching.services import Service
from forward_proxy.message.hosts import canonical_host, ip_literal
from forward_proxy.rulefiles.rules import Rules, compiled, load
from forward_proxy.rulefiles.services import shipped
from forward_proxy.rulefiles.servicetable import render_tables
from tests.matching.requests import subject

ROOT = Path(__file__).parents[2]
CATALOGUE = shipped()
SERVICES = tuple(CATALOGUE.services.values())
# Advertising of a network is part of it, and a game of its maker: to block the whole blocks them, too.
NESTED = {("meta-ads", "facebook"), ("tiktok-ads", "tiktok"), ("fortnite", "epic-games")}
WITH_ALL = f"service: [{', '.join(CATALOGUE.categories)}]"


def rules(text: str) -> Rules:
    return compiled((("x.yaml", text.encode()),), "UTC")


def problems(text: str) -> list[str]:
    with pytest.raises(RuleFileError) as caught:
        rules(text)
    return str(caught.value).splitlines()


def denied(found: Rules, *hosts: str) -> list[str]:
    return [host for host in hosts if isinstance(found.access.decide(subject(f"https://{host}/")), Denied)]


def test_the_verdict_names_the_service() -> None:
    found = rules("rules: [{ id: lessons, action: deny, match: { service: [tiktok, games] }, reason: Lessons }]")
    assert {
        host: found.access.decide(subject(f"https://{host}/")).reason for host in ("m.tiktok.com", "roblox.com")
    } == {
        "m.tiktok.com": "Lessons: TikTok",
        "roblox.com": "Lessons: Roblox",
    }
    (step,) = found.access.trail(subject("https://roblox.com/"))
    assert (step.reason, step.failing) == ("Lessons: Roblox", None)
    (step,) = found.access.trail(subject("https://a.test/"))
    assert (step.reason, step.failing) == ("Lessons", "service")


def test_instagram_is_denied_and_facebook_stays_whole() -> None:
    hosts = ("www.instagram.com", "scontent.xx.fbcdn.net", "www.facebook.com")
    assert denied(rules("rules: [{ action: deny, match: { service: instagram } }]"), *hosts) == ["www.instagram.com"]
    both = rules("rules: [{ action: deny, match: { service: [social, chat] } }]")
    assert denied(both, *hosts) == list(hosts)


@pytest.mark.parametrize(
    "text",
    [
        "rules: [{ action: allow, match: { service: instagram } }, { action: deny, match: {} }]",
        "rules: [{ action: deny, match: { not: { service: instagram } } }]",
    ],
)
def test_what_is_let_through_has_the_hosts_that_it_shares(text: str) -> None:
    hosts = ("www.instagram.com", "scontent.xx.fbcdn.net", "www.facebook.com")
    assert denied(rules(text), *hosts) == ["www.facebook.com"]


def test_inside_of_two_negations_a_denial_is_one_again() -> None:
    found = rules("rules: [{ action: deny, match: { not: { not: { service: instagram } } } }]")
    assert denied(found, "www.instagram.com", "scontent.xx.fbcdn.net") == ["www.instagram.com"]


def test_for_a_group_at_a_time_with_expectations() -> None:
    found = rules("""
groups: { kids: 192.168.1.20 }
rules:
  - action: deny
    match:
      service: games
      group: kids
      time: { days: mon-fri, from: "08:00", to: "13:00" }
      not: { service: chess-com }
    expect:
      - { block: "https://www.roblox.com/", client: 192.168.1.20, at: "2026-11-23T10:00" }
      - { allow: "https://www.roblox.com/", client: 192.168.1.20, at: "2026-11-23T14:00" }
      - { allow: "https://www.roblox.com/", client: 192.168.1.21, at: "2026-11-23T10:00" }
      - { allow: "https://www.chess.com/", client: 192.168.1.20, at: "2026-11-23T10:00" }
""")
    assert found.counts["rules"] == 1


def test_every_section_knows_services() -> None:
    found = rules("""
anonymity: [{ level: off, match: { service: zoom } }]
inspect: [{ action: never, match: { service: zoom } }]
cache: [{ bypass: true, match: { service: zoom } }]
safe_search: [{ action: always, match: { service: youtube } }]
""")
    for section in (found.anonymity, found.inspect, found.cache):
        assert first_match(section, subject("https://us02web.zoom.us/")) is not None
        assert first_match(section, subject("https://a.test/")) is None
    assert first_match(found.safe_search, subject("https://www.youtube.com/")) is not None


def test_a_tunnel_to_a_service_is_one_to_its_hosts() -> None:
    found = rules("rules: [{ action: deny, match: { service: tiktok } }]")
    assert isinstance(found.access.decide(subject("https://www.tiktok.com/", "CONNECT")), Denied)


def test_a_section_adds_services_and_replaces_shipped_ones() -> None:
    found = rules("""
services:
  homework: { name: Homework, category: school, hosts: [homework.test, =login.test], shared: cdn.test }
  tiktok: { category: social, hosts: other.test }
rules: [{ action: deny, match: { service: [school, tiktok] } }]
""")
    assert denied(found, "a.homework.test", "login.test", "a.login.test", "cdn.test", "other.test", "tiktok.com") == [
        "a.homework.test", "login.test", "cdn.test", "other.test",
    ]  # fmt: skip
    assert found.services.services["homework"].where == "x.yaml:3"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("services: [a]", "1:1: services: expected a mapping of services"),
        ("services: { A: { hosts: a.test } }", "1:13: services.A: expected a name of small letters, digits and dashes"),
        ("services: { a: }", "1:13: services.a: expected a mapping with hosts"),
        ("services: { a: { name: A } }", "1:13: services.a: hosts is missing"),
        ("services: { a: { hosts: [] } }", "1:18: services.a.hosts: expected at least one host"),
        ("services: { a: { hosts: [{}] } }", "1:26: services.a.hosts[0]: expected a host"),
        ("services: { a: { hosts: '*.a.test' } }",
         "1:18: services.a.hosts: expected a host; a.test alone already means the name and all below it"),
        ("services: { a: { hosts: a.test, host: b.test } }", "1:33: services.a.host: unknown key; did you mean hosts?"),
        ("services: { a: { hosts: a.test, name: [] } }", "1:33: services.a.name: expected text of up to 80 characters"),
        ("services: { a: { hosts: a.test, category: A b } }",
         "1:33: services.a.category: expected a name of small letters, digits and dashes"),
        ("services: { games: { hosts: a.test } }",
         "1:13: services.games: games cannot be both a service and a category"),
        ("services: { a: { hosts: a.test, category: tiktok } }",
         "1:13: services.a: tiktok cannot be both a service and a category"),
        ("rules: [{ action: deny, match: { service: tiktoc } }]",
         "1:34: rules[0].match.service: no service or category is called tiktoc; did you mean tiktok or twitch or "
         "tiktok-ads?"),
        ("rules: [{ action: deny, match: { service: [] } }]",
         "1:34: rules[0].match.service: expected at least one value"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    assert problems(text) == [f"x.yaml:{told}"]


def test_a_name_has_one_meaning_in_all_rule_files(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("services: { mine: { hosts: a.test } }")
    with pytest.raises(RuleFileError, match=r"services\.mine: has a meaning at .*a\.yaml:1 already"):
        load([tmp_path])


class TestShipped:
    def test_there_are_many_in_every_category_people_ask_for(self) -> None:
        wanted = "social video music games chat shopping ai ads dating gambling adult bypass unlocked-search"
        assert {*CATALOGUE.categories} == {*wanted.split()}
        assert len(SERVICES) >= 150

    @pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.id)
    def test_hosts_are_canonical_and_nobody_else_s(self, service: Service) -> None:
        """A public suffix of the ICANN section is everybody's; one of the private section is the service's."""
        public = PublicSuffixList(only_icann=True)
        for pattern in (*service.hosts, *service.shared):
            assert canonical_host(pattern.host) == pattern.host
            assert ip_literal(pattern.host) or public.publicsuffix(pattern.host) != pattern.host

    def test_no_host_stands_twice_or_below_another(self) -> None:
        owners: dict[str, str] = {}
        for service in SERVICES:
            for pattern in service.hosts:
                assert owners.setdefault(pattern.host, service.id) == service.id, pattern
            assert len({*service.hosts, *service.shared}) == len(service.hosts) + len(service.shared), service
        for service in SERVICES:
            for pattern in (*service.hosts, *service.shared):
                for above in suffixes(pattern.host)[1:]:
                    assert above not in owners or (service.id, owners[above]) in NESTED, pattern

    def test_what_is_shared_is_shared_and_nobody_s_own(self) -> None:
        owned = {pattern for service in SERVICES for pattern in service.hosts}
        sharing = [pattern for service in SERVICES for pattern in service.shared]
        assert owned.isdisjoint(sharing)
        assert all(sharing.count(pattern) > 1 for pattern in sharing)

    def test_everyday_sites_are_of_no_service_that_somebody_would_block(self) -> None:
        found = rules(f"rules: [{{ action: deny, match: {{ {WITH_ALL} }} }}]")
        everyday = (
            "www.google.com fonts.gstatic.com accounts.google.com www.apple.com github.com wikipedia.org www.yahoo.com "
            "s3.amazonaws.com www.microsoft.com www.cloudflare.com"
        )
        for host in everyday.split():
            assert isinstance(found.access.decide(subject(f"https://{host}/")), Allowed), host

    def test_the_docs_hold_the_tables_as_they_are(self) -> None:
        page = (ROOT / "docs" / "services.md").read_text()
        command = "python -m forward_proxy.rulefiles.servicetable"
        assert render_tables(CATALOGUE) in page
        assert command in page
        printed = subprocess.run([sys.executable, *command.split()[1:]], capture_output=True, text=True, cwd=ROOT)
        assert printed.stdout == render_tables(CATALOGUE) + "\n"


class TestOptional:
    OPTIONAL = ROOT / "rules" / "optional"

    @pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "rules" / "optional").iterdir()))
    def test_a_copy_beside_the_others_keeps_all_expectations(self, tmp_path: Path, name: str) -> None:
        for file in (*(ROOT / "rules").glob("*.yaml"), self.OPTIONAL / name):
            (tmp_path / file.name).write_bytes(file.read_bytes())
        found = load([tmp_path])
        own = [rule for rule in found.access.rules if rule.where.file.endswith(name)]
        assert own
        assert all(rule.where.id and rule.reason for rule in own)
        assert name in (ROOT / "rules" / "README.md").read_text()

    def test_where_they_are_they_are_not_read(self) -> None:
        assert not [file for file in load([ROOT / "rules"]).files if "optional" in file]

    @pytest.mark.parametrize("method", ["GET", "CONNECT"])
    def test_against_going_round_for_some_only(self, tmp_path: Path, method: str) -> None:
        text = (
            (self.OPTIONAL / "40-bypass.yaml")
            .read_text()
            .replace("service: bypass }", "service: bypass, group: kids }")
        )
        (tmp_path / "x.yaml").write_text(f"groups: {{ kids: 192.168.1.20 }}\n{text}")
        access = load([tmp_path]).access
        for client, verdict in (("192.168.1.20", Denied), ("192.168.1.21", Allowed)):
            seen = subject("https://mask.icloud.com/", method, client=ip_address(client))
            assert isinstance(access.decide(seen), verdict)
