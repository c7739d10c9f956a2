"""Whatever a rule could deny inside a tunnel is found; what the tunnel tells by itself is not."""

import textwrap
from ipaddress import ip_address
from pathlib import Path

import pytest

from forward_proxy.access.grants import Grant, Grants, read_target
from forward_proxy.access.unseen import denied_unseen
from forward_proxy.matching.client import KnownClient
from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.subject import Subject
from forward_proxy.policy.tunnels import tunnel_subject
from forward_proxy.rulefiles import load
from forward_proxy.rulefiles.rules import Rules

CLIENT = ip_address("192.0.2.7")
NOW = 1_795_000_000


def tunnel(host: str = "site.test") -> Subject:
    return tunnel_subject(host, 443, KnownClient(CLIENT), NOW)


def loaded(folder: Path, rules: str) -> Rules:
    (folder / "rules.yaml").write_text(textwrap.dedent(rules))
    return load([folder], zone="UTC")


@pytest.mark.parametrize(
    "match",
    [
        "path: /ads/*",
        "host: site.test, path: /x",
        "url: tracker",
        "method: POST",
        "method: CONNECT",
        "resource: script",
        "third_party: true",
        "content_type: video/*",
        "request_type: application/dns-message",
        "not: { resource: document }",
        "host: site.test, not: { path: /ok/*, client: 192.0.2.0/24 }",
        "client: 192.0.2.0/24, method: [GET, POST]",
    ],
)
def test_what_a_tunnel_does_not_tell_may_be_denied(tmp_path: Path, match: str) -> None:
    rules = loaded(tmp_path, f"rules: [{{ id: it, action: deny, match: {{ {match} }} }}]")
    found = denied_unseen(rules.access, tunnel())
    assert found is not None
    assert found.id == "it"


@pytest.mark.parametrize(
    "entry",
    [
        "action: deny, match: { host: other.test, path: /x }",
        "action: deny, match: { client: 10.0.0.0/8, path: /x }",
        "action: deny, match: { port: 8443, method: POST }",
        "action: deny, match: { not: { host: site.test }, resource: script }",
        "action: deny, match: { host: site.test }",
        "action: deny, match: { time: { from: '00:00', to: '00:01' } }",
        "action: allow, match: { path: /x }",
    ],
)
def test_what_it_does_tell_needs_no_look_inside(tmp_path: Path, entry: str) -> None:
    assert denied_unseen(loaded(tmp_path, f"rules: [{{ {entry} }}]").access, tunnel()) is None


def test_what_is_allowed_as_a_whole_is_not_denied_further_down(tmp_path: Path) -> None:
    text = "rules: [{ action: allow, match: { host: site.test } }, { action: deny, match: { path: /x } }]"
    rules = loaded(tmp_path, text).access
    assert denied_unseen(rules, tunnel()) is None
    assert denied_unseen(rules, tunnel("other.test")) is not None


@pytest.mark.parametrize("first", ["method: CONNECT", "path: /y", "content_type: text/html", "url: site"])
def test_what_is_allowed_in_part_only_decides_nothing(tmp_path: Path, first: str) -> None:
    text = f"rules: [{{ action: allow, match: {{ {first} }} }}, {{ action: deny, match: {{ path: /x }} }}]"
    assert denied_unseen(loaded(tmp_path, text).access, tunnel()) is not None


def test_a_budget_is_used_in_tunnels_too_and_passes_to_the_next_rule(tmp_path: Path) -> None:
    text = """
    rules:
      - { id: a, action: deny, match: { host: site.test }, budget: { minutes: 60 } }
      - { id: b, action: deny, match: { host: deep.test, path: /x } }
    """
    rules = loaded(tmp_path, text).access
    assert denied_unseen(rules, tunnel()) is None
    found = denied_unseen(rules, tunnel("deep.test"))
    assert found is not None
    assert found.id == "b"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("site.test\nother.test\n", False),
        ("0.0.0.0 site.test\n0.0.0.0 other.test\n", False),
        ("||site.test^\n||other.test^\n", False),
        ("||other.test/ads/*\n||third.test^$script\n", False),
        ("||site.test/ads/*\n", True),
        ("||other.test^\n/banner/*$script\n", True),
        ("||other.test^\n/^https:..site.test.ads/\n", True),
    ],
)
def test_lists_are_asked_for_what_they_look_at(tmp_path: Path, lines: str, found: bool) -> None:
    (tmp_path / "list.txt").write_text(lines)
    rules = loaded(tmp_path, "rules: [{ action: deny, list: { source: list.txt } }]")
    assert (denied_unseen(rules.access, tunnel()) is not None) == found


def test_several_lists_are_asked_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("other.test\n")
    (tmp_path / "b.txt").write_text("||other.test^\n/banner/*$script\n")
    rules = loaded(tmp_path, "rules: [{ action: deny, list: [{ source: a.txt }, { source: b.txt }] }]")
    assert denied_unseen(rules.access, tunnel()) is not None


@pytest.mark.parametrize(
    ("target", "found"), [("https://site.test/x", True), ("https://other.test/x", False), ("www.site.test", True)]
)
def test_a_denial_for_a_while_counts(tmp_path: Path, target: str, found: bool) -> None:
    read = read_target(target)
    assert not isinstance(read, Unreadable)
    grant = Grant(3, "deny", read, None, NOW - 1, NOW + 60, "me", "")
    rules = loaded(tmp_path, "rules: []").access.granted(Grants((grant,)))
    assert (denied_unseen(rules, tunnel()) is not None) == found
