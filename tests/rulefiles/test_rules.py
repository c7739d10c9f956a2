import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forward_proxy.access.rules import Denied
from forward_proxy.anonymity import Level
from forward_proxy.caching import Override
from forward_proxy.errors import RuleFileError, SettingsError
from forward_proxy.matching.choice import first_match
from forward_proxy.matching.subject import RuleRef
from forward_proxy.rulefiles.rules import Rules, compiled, load
from tests.matching.requests import subject

FULL = """
rules:
  - { id: no-ads, action: deny, match: { host: ads.test }, reason: Ads }
anonymity:
  - { level: off, match: { host: a.test }, reason: Ours }
inspect:
  - { action: never, match: { host: bank.test } }
origin_via: [{ via: direct, match: {} }]
safe_search: [{ action: always, match: {} }]
cache:
  - { bypass: true, match: { path: /live/* } }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder `rules`, as an operator names it."""
    monkeypatch.chdir(tmp_path)
    Path("rules").mkdir()
    return Path("rules")


def deny(host: str, name: str = "") -> str:
    return f"rules: [{{action: deny, match: {{host: {host}}}{f', id: {name}' if name else ''}}}]\n"


def test_the_sections_become_choices_with_their_places(folder: Path) -> None:
    (folder / "10-full.yaml").write_text(FULL)
    rules = load([folder])
    assert rules.access.decide(subject("http://x.ads.test/")) == Denied(
        RuleRef("rules/10-full.yaml", 3, "no-ads"), "Ads"
    )
    level = first_match(rules.anonymity, subject("http://a.test/"))
    assert level is not None
    assert (level.value, level.where, level.reason) == (Level.OFF, RuleRef("rules/10-full.yaml", 5), "Ours")
    assert [choice.value for choice in rules.inspect] == ["never"]
    assert [choice.value for choice in rules.cache] == [Override("rules/10-full.yaml:11", bypass=True)]
    assert rules.files == ("rules/10-full.yaml",)
    counts = {"rules": 1, "anonymity": 1, "inspect": 1, "origin_via": 1, "safe_search": 1, "cache": 1, "tracking": 0}
    assert rules.counts == counts | {"pac": 0}
    assert rules.summary == "1 rules, 1 anonymity, 1 inspect, 1 origin_via, 1 safe_search, 1 cache from 1 files"


def test_files_are_read_by_name_folder_by_folder(folder: Path) -> None:
    for name in ("20-b.yaml", "10-a.yml", "README.md", ".10-hidden.yaml", "notes.yaml~"):
        (folder / name).write_text(deny(f"h{len(name)}.test"))
    (folder / "dir.yaml").mkdir()
    Path("more").mkdir()
    Path("more/00-first.yaml").write_text(deny("more.test"))
    rules = load([folder, Path("more")])
    assert rules.files == ("rules/10-a.yml", "rules/20-b.yaml", "more/00-first.yaml")
    assert [rule.where.file for rule in rules.access.rules] == list(rules.files)


def test_an_empty_folder_is_a_set_without_rules(folder: Path) -> None:
    (folder / "empty.yaml").write_text("rules:\n")
    assert set(load([folder]).counts.values()) == {0}
    assert load([]).summary == "nothing from 0 files"


def test_the_default_is_the_one_asked_for(folder: Path) -> None:
    assert isinstance(load([folder], default="deny").access.decide(subject()), Denied)


def test_a_digest_tells_sets_apart(folder: Path) -> None:
    file = folder / "a.yaml"
    file.write_text(deny("a.test"))
    first = load([folder])
    assert load([folder]) == first
    file.write_text(deny("b.test"))
    second = load([folder])
    file.rename(folder / "b.yaml")
    assert len({first.digest, second.digest, load([folder]).digest}) == 3


def test_what_was_read_makes_the_same_set_again_whatever_became_of_the_files(folder: Path) -> None:
    file = folder / "a.yaml"
    file.write_text(deny("a.test"))
    rules = load([folder], default="deny")
    file.write_text("rules: [")
    assert compiled(rules.sources, default="deny") == rules


def test_mistakes_of_all_files_are_told_at_once(folder: Path) -> None:
    (folder / "a.yaml").write_text("rules: [{action: deny, match: {hots: a}}]")
    (folder / "b.yaml").write_text("rules: [")
    (folder / "c.yaml").write_text("rules: []")
    (folder / "d.yaml").symlink_to("nowhere")
    os.mkfifo(folder / "e.yaml")
    with pytest.raises(RuleFileError) as caught:
        load([folder, Path("missing")])
    assert str(caught.value).splitlines() == [
        "rules/a.yaml:1:32: rules[0].match.hots: unknown key; did you mean host?",
        "rules/b.yaml:2:1: not YAML: did not find expected node content",
        "rules/d.yaml: cannot be read: not a file",
        "rules/e.yaml: cannot be read: not a file",
        "missing: cannot be read: No such file or directory",
    ]


def test_an_id_belongs_to_one_rule_of_all_files(folder: Path) -> None:
    (folder / "a.yaml").write_text(deny("a.test", "x"))
    (folder / "b.yaml").write_text(deny("b.test", "x"))
    with pytest.raises(RuleFileError) as caught:
        load([folder])
    assert str(caught.value) == "rules/b.yaml:1:47: rules[0].id: x is the id of the entry at rules/a.yaml:1 already"


def test_a_rule_that_undoes_another_is_found_by_its_expectation(folder: Path) -> None:
    (folder / "05-mine.yaml").write_text("rules:\n  - {id: mine, action: allow, match: {host: ads.test}}\n")
    (folder / "10-ads.yaml").write_text(
        "rules:\n  - id: ads\n    action: deny\n    match: {host: ads.test}\n    expect:\n"
        '      - { block: "http://x.ads.test/" }\n      - { allow: "http://a.test/" }\n'
    )
    with pytest.raises(RuleFileError) as caught:
        load([folder])
    assert str(caught.value) == (
        "rules/10-ads.yaml:6:9: rules[0].expect[0]: expected http://x.ads.test/ to be blocked, "
        "but it is allowed by mine at rules/05-mine.yaml:2"
    )


def test_times_are_by_the_zone_asked_for(folder: Path) -> None:
    (folder / "a.yaml").write_text(
        "rules:\n  - action: deny\n    match: { time: { from: 09:00, to: 10:00 } }\n    expect:\n"
        "      - { block: 'http://a.test/', at: 2026-01-05T09:30 }\n"
        "      - { block: 'http://a.test/', at: '2026-01-05T08:30Z' }\n"
    )
    assert load([folder], zone="Europe/Berlin").counts["rules"] == 1
    with pytest.raises(RuleFileError, match="expect\\[1\\]"):
        load([folder], zone="UTC")
    with pytest.raises(SettingsError):
        load([folder], zone="Mars")


KEYS = (
    "rules",
    "anonymity",
    "cache",
    "id",
    "action",
    "level",
    "bypass",
    "key",
    "ignore",
    "match",
    "expect",
    "host",
    "not",
)
VALUES = ("deny", "off", "true", "a.test", "/x", "block", "~", "&a ", "*a", "'")
SIGNS = ("[", "]", "{", "}", ": ", ", ", "- ", "\n", "\n  ")
WORDS = st.sampled_from((*KEYS, *VALUES, *SIGNS))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(WORDS, max_size=25).map("".join))
def test_any_file_is_a_set_or_a_report(folder: Path, text: str) -> None:
    (folder / "x.yaml").write_text(text)
    try:
        assert isinstance(load([folder]), Rules)
    except RuleFileError as error:
        assert all(line.startswith("rules/x.yaml") for line in str(error).splitlines())  # noqa: PT017 -- either is right
