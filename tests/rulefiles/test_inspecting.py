"""Entries of `inspect`: lists, and what is expected of all of them together."""

from pathlib import Path

import pytest

from forward_proxy.errors import RuleFileError
from forward_proxy.matching.choice import first_match
from forward_proxy.policy.tunnels import tunnel_subject
from forward_proxy.rulefiles.rules import load
from tests.policy.building import LOCAL, NOW


def faults(folder: Path, text: str) -> str:
    (folder / "a.yaml").write_text(text)
    with pytest.raises(RuleFileError) as caught:
        load([folder])
    return str(caught.value).removeprefix(f"{folder}/")


@pytest.mark.parametrize("lines", ["bank.test\n*.health.test\n", "// why\n||bank.test^\n||health.test^\n"])
def test_a_list_keeps_hosts_closed(tmp_path: Path, lines: str) -> None:

    (tmp_path / "list.txt").write_text(lines)
    (tmp_path / "a.yaml").write_text("inspect: [{ id: it, action: never, list: { source: list.txt } }]\n")
    rules = load([tmp_path])
    assert rules.summary == "1 inspect from 1 files, 2 entries of 1 lists"

    def choice(host: str) -> str | None:
        found = first_match(rules.inspect, tunnel_subject(host, 443, LOCAL, NOW))
        return found.value if found else None

    assert [choice(host) for host in ("www.bank.test", "www.health.test", "other.test")] == ["never", "never", None]


def test_what_is_expected_is_checked_against_all_entries(tmp_path: Path) -> None:
    text = """inspect:
  - { action: always, match: { host: shop.test } }
  - action: never
    match: { host: [shop.test, bank.test] }
    expect: [{ never: "https://bank.test/" }, { always: "https://other.test/" }, { never: "https://shop.test/" }]
"""
    assert faults(tmp_path, text) == (
        f"a.yaml:5:82: inspect[1].expect[2]: expected https://shop.test to be not opened, but it is opened by the entry"
        f" at {tmp_path}/a.yaml:2"
    )


@pytest.mark.parametrize(
    ("expect", "told"),
    [
        ("{}", "expect: expected a list of entries with never or always"),
        ("[https://a.test/]", "expect[0]: expected a mapping with either never or always, and an https URL"),
        ("[{ block: https://a.test/ }]", "expect[0]: expected a mapping with either never or always, and an https URL"),
        ("[{ never: http://a.test/ }]", "expect[0].never: expected an https URL; only TLS is opened"),
        ("[{ never: a.test }]", "expect[0].never: expected an http or https URL; "),
        ("[{ never: https://a.test/, method: POST }]", "expect[0].method: unknown key"),
        ("[{ never: https://a.test/, client: me }]", "expect[0].client: expected an IP address, not me"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, expect: str, told: str) -> None:
    text = f"inspect: [{{ action: never, match: {{ host: a.test }}, expect: {expect} }}]\n"
    assert f"inspect[0].{told}" in faults(tmp_path, text)


def test_a_list_about_parameters_keeps_nothing_closed(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('{"providers": {"a": {"urlPattern": "^https://a\\\\.test", "rules": ["x"]}}}')
    text = "inspect: [{ action: never, list: { source: c.json } }]\n"
    assert "nothing on it is about hosts" in faults(tmp_path, text)
