"""The rules that come with the program load, keep their expectations, and leave everyday sites alone."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from forward_proxy.access.options import Action
from forward_proxy.access.rules import Allowed, Denied
from forward_proxy.matching.grammar import KEYS
from forward_proxy.rulefiles.rules import Rules, compiled, load
from forward_proxy.rulefiles.switches import blocked, written
from tests.matching.requests import subject

SHIPPED = Path(__file__).parents[2] / "rules"
EXPECTED = Path(__file__).parent / "shipped"


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load([SHIPPED])


def test_every_shipped_rule_has_an_id_and_a_reason(rules: Rules) -> None:
    assert all(entry.where.id and entry.reason for entry in (*rules.access.rules, *rules.inspect, *rules.tracking))


def test_shipped_rules_do_what_they_are_for_and_no_more() -> None:
    rules = load([SHIPPED, EXPECTED / "always.yaml"])
    ids = {entry.where.id for entry in (*rules.access.rules, *rules.inspect, *rules.tracking)}
    assert {f"about-{name}" for name in ids if name and not name.startswith("about-")} <= ids


def test_so_do_those_to_copy() -> None:
    load([SHIPPED, SHIPPED / "optional", EXPECTED / "optional.yaml"])
    text = "".join(file.read_text() for file in (SHIPPED / "optional").glob("*.yaml"))
    assert "expect:" not in text  # Whoever narrows a copy to a group must not be refused.


@pytest.mark.parametrize("default", ["allow", "deny"])
def test_beside_shipped_rules_people_decide_as_they_like(rules: Rules, default: Action) -> None:
    """Whatever is switched off, allowed first, or denied by default: no shipped file expects otherwise."""
    mine = b"rules: [{ action: allow, match: { host: [hotjar.com, facebook.com, bing.com] } }]"
    compiled((("rules/05-mine.yaml", mine), *rules.sources), default=default)
    for word in (*rules.services.services, *rules.services.categories):
        switch = "rules/05-services.yaml", written(blocked((), "", word, rules.services))
        compiled((switch, *rules.sources), default=default)


def test_beside_shipped_files_people_open_and_keep_what_they_like(rules: Rules) -> None:
    mine = b"""
        inspect: [{ action: always, match: {} }]
        tracking: [{ action: keep, match: {} }]
    """
    compiled((("rules/05-mine.yaml", mine), *rules.sources))


@pytest.mark.parametrize(
    "url",
    [
        "http://a.test/",
        "http://localhost:3000/",
        "http://127.0.0.1:8000/",
        "https://www.google.com/",
        "https://www.facebook.com/",
        "https://example.com/ads/analytics.js",
    ],
)
def test_everyday_requests_of_a_local_client_pass(rules: Rules, url: str) -> None:
    assert isinstance(rules.access.decide(subject(url, client=ip_address("127.0.0.1"))), Allowed)


@pytest.mark.parametrize("method", ["GET", "CONNECT"])
def test_other_clients_do_not_reach_this_machine_by_name(rules: Rules, method: str) -> None:
    seen = subject("https://localhost/", method, client=ip_address("192.0.2.7"))
    assert isinstance(rules.access.decide(seen), Denied)


def test_a_tunnel_to_a_tracker_is_left_to_be_judged_inside(rules: Rules) -> None:
    """Whether a third party asks is known only there; the page gets an empty answer instead of a broken connection."""
    assert isinstance(rules.access.decide(subject("https://www.google-analytics.com/", "CONNECT")), Allowed)


def test_the_commented_example_is_a_rule_file_whose_expectations_hold(tmp_path: Path) -> None:
    lines = (SHIPPED / "50-example-schedule.yaml").read_text().splitlines()
    begin = lines.index("# rules:")
    (tmp_path / "example.yaml").write_text("\n".join(line[2:] for line in lines[begin:]))
    assert load([tmp_path]).counts["rules"] == 3


def test_the_readme_explains_every_key(rules: Rules) -> None:
    readme = (SHIPPED / "README.md").read_text()
    assert [key for key in KEYS if f"| `{key}` |" not in readme] == []


def test_the_entries_of_the_page_on_tracking_are_sound(tmp_path: Path) -> None:
    page = (SHIPPED.parent / "docs" / "tracking.md").read_text()
    text = page.partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "mine.yaml").write_text(
        text.replace("    expect:", "    # expect:").replace("      - { url", "      # - {")
    )
    assert load([tmp_path]).counts["tracking"] == 5
