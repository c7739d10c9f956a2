"""The rules that come with the program load, keep their expectations, and leave everyday sites alone."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from forward_proxy.access.rules import Allowed, Denied
from forward_proxy.matching.grammar import KEYS
from forward_proxy.rulefiles.rules import Rules, load
from tests.matching.requests import subject

SHIPPED = Path(__file__).parents[2] / "rules"


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load([SHIPPED])


def test_every_shipped_rule_has_an_id_a_reason_and_an_expectation(rules: Rules) -> None:
    entries = (*rules.access.rules, *rules.inspect, *rules.tracking)
    assert all(entry.where.id and entry.reason for entry in entries)
    text = "".join(file.read_text() for file in SHIPPED.glob("*.yaml") if "example" not in file.name)
    assert text.count("expect:") == len(entries)


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
