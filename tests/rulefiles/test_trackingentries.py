"""Entries of `tracking:`, from file to what becomes of a target."""

import json
from pathlib import Path

import pytest

from forward_proxy.access.rules import Denied
from forward_proxy.cleaning import Keep, Names, Remove, Tracking, Unwrap, lists_among
from forward_proxy.errors import RuleFileError
from forward_proxy.matching.subject import RuleRef
from forward_proxy.rulefiles.rules import load
from forward_proxy.rulefiles.shelf import Shelf
from tests.cleaning.lists import becomes, cleaned
from tests.cleaning.test_clearurls import LISTS, VERSION_1
from tests.matching.requests import subject

WRITTEN = r"""# A list of version 2, as people write it.
version: 2
defaults:
  active: true
providers:
  shop:
    urlPattern: '^https?:\/\/(?:[a-z0-9-]+\.)*?shop\.example'
    rules:
      - srid
      - id: off
        match: other
        active: false
"""


def told(folder: Path, text: str) -> list[str]:
    """Every problem of a file that holds this text, without its name."""
    (folder / "x.yaml").write_text(text)
    with pytest.raises(RuleFileError) as caught:
        load([folder])
    return [line.removeprefix(f"{folder}/x.yaml:") for line in str(caught.value).splitlines()]


def test_entries_become_treatments_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(
        """tracking:
  - { action: keep, match: { host: a.example }, reason: It asks }
  - { action: keep, parameters: tag, match: {} }
  - { id: labels, action: remove, parameters: [utm_*, FbClId], match: {} }
  - { action: unwrap, parameters: [url, ü], match: { path: /out } }
"""
    )
    rules = load([tmp_path])
    assert [entry.value for entry in rules.tracking] == [
        Keep(), Keep(Names.of(["tag"])), Remove(Names.of(["utm_*", "fbclid"])), Unwrap(Names.of(["url", "%c3%bc"]))
    ]  # fmt: skip
    assert [str(entry.value) for entry in rules.tracking] == [
        "keep all", "keep tag", "remove fbclid, utm_*", "unwrap %c3%bc, url"
    ]  # fmt: skip
    assert (rules.tracking[2].where.id, rules.tracking[2].where.line) == ("labels", 4)
    assert rules.summary == "4 tracking from 1 files"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("- { action: drop, match: {} }", "2:5: tracking[0].action: expected keep, remove or unwrap, not drop"),
        ("- { action: remove, match: {} }", "2:3: tracking[0]: parameters or list is missing"),
        ("- { action: unwrap, match: {} }", "2:3: tracking[0]: parameters is missing"),
        (
            "- { action: remove, parameters: a }",
            "2:3: tracking[0]: match is missing; write match: {} for every request",
        ),
        (
            "- { action: keep, match: {}, list: { source: list.json } }",
            "2:30: tracking[0].list: has no meaning for keep",
        ),
        (
            "- { action: remove, parameters: a, list: { source: list.json } }",
            "2:21: tracking[0].parameters: has no meaning beside a list",
        ),
        (
            "- { action: remove, parameters: [a, 'b=c'], match: {} }",
            "2:37: tracking[0].parameters[1]: expected the name of a query parameter, or its beginning and *, not b=c",
        ),
        (
            "- { action: remove, parameters: '*', match: {} }",
            "2:21: tracking[0].parameters: expected the name of a query parameter, or its beginning and *, not *",
        ),
        ("- { action: remove, parameters: [], match: {} }", "2:21: tracking[0].parameters: expected at least one name"),
        (
            "- { action: keep, match: { content_type: text/html } }",
            "2:28: tracking[0].match.content_type: not known when the request is sent",
        ),
        (
            "- { action: remove, list: { source: hosts.txt } }",
            "2:29: tracking[0].list.source: FOLDER/hosts.txt: nothing on it is about query parameters",
        ),
        (
            "- { action: remove, list: { source: bad.json, format: clearurls } }",
            "2:29: tracking[0].list.source: FOLDER/bad.json: expected the JSON or YAML of a ClearURLs list",
        ),
        (
            "- { action: remove, parameters: a, match: {}, expect: [{ url: 'http://x/' }] }",
            "2:56: tracking[0].expect[0]: expected a mapping with url and becomes",
        ),
        (
            "- { action: remove, parameters: a, match: {}, expect: [{ url: 'http://x/?a', becomes: 'http://x/?a' }] }",
            "2:56: tracking[0].expect[0]: expected http://x/?a to become http://x/?a, but it becomes http://x/",
        ),
        (
            "- { action: remove, parameters: a, match: {}, expect: [{ url: 'http://x/pay?a', becomes: 'http://x/' }] }",
            "2:56: tracking[0].expect[0]: expected http://x/pay?a to become http://x/, but it becomes "
            "http://x/pay?a, left alone as the path has pay",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "hosts.txt").write_text("0.0.0.0 ads.example\n")
    (tmp_path / "bad.json").write_text('{"providers": 1}')
    (tmp_path / "list.json").write_text(json.dumps(LISTS["version 1"]))
    assert told(tmp_path, f"tracking:\n{text}\n") == [line.replace("FOLDER", str(tmp_path))]


@pytest.mark.parametrize("name", [*LISTS, "version 2, in YAML"])
def test_lists_are_told_by_their_content(tmp_path: Path, name: str) -> None:
    (tmp_path / "list").write_text(WRITTEN if "YAML" in name else json.dumps(LISTS[name], indent=1))
    (tmp_path / "x.yaml").write_text("tracking: [{ action: remove, list: { source: list } }]\n")
    (tmp_path / "state").mkdir()
    for _ in range(2):  # From the compiled form the second time.
        rules = load([tmp_path], shelf=Shelf(tmp_path / "state" / "lists"))
        tracking = Tracking(rules.tracking)
        assert becomes(tracking, "https://www.shop.example/?srid=1&a") == "https://www.shop.example/?a"
        (loaded,) = rules.lists
        assert loaded.report is not None
        assert loaded.report.format == "clearurls"
    (kept,) = (tmp_path / "state" / "lists" / "compiled").iterdir()
    assert kept.name.endswith(".clearurls")


def test_a_list_in_yaml_tells_its_lines(tmp_path: Path) -> None:
    (tmp_path / "list").write_text(WRITTEN)
    (tmp_path / "x.yaml").write_text("tracking: [{ action: remove, list: { source: list } }]\n")
    (loaded,) = load([tmp_path]).lists
    assert loaded.report is not None
    assert (loaded.report.lines, loaded.report.rules) == (12, 1)
    assert [(each.line, each.text) for each in loaded.report.examples] == [(11, "other")]


def test_a_rule_that_denies_by_such_a_list_denies_its_complete_providers(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(json.dumps({"providers": VERSION_1}))
    (tmp_path / "x.yaml").write_text("rules: [{ id: ads, action: deny, list: { source: list.json } }]\n")
    rules = load([tmp_path])
    verdict = rules.access.decide(subject("https://x.ads.example/"))
    assert isinstance(verdict, Denied)
    assert (verdict.reason, verdict.rule and verdict.rule.id) == ("listed: ads", "ads")
    assert not isinstance(rules.access.decide(subject("https://shop.example/?sid=1")), Denied)


def test_a_list_that_is_not_there_yet_removes_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(
        "tracking: [{ action: remove, list: { source: 'https://lists.example/data.min.json', refresh: 24h } }]\n"
    )
    assert becomes(Tracking(load([tmp_path]).tracking), "https://a.example/?utm_id=1") == "https://a.example/?utm_id=1"


FILTERS = (
    "||shop.example^$removeparam=sid\n@@||shop.example/keep^$removeparam\n$removeparam=/^track_/\n||ads.example^\n"
)


@pytest.mark.parametrize(
    "text",
    [
        "rules: [{ id: filters, action: deny, list: { source: filters.txt } }]\n",
        "rules: [{ id: filters, action: allow, list: { source: filters.txt } }]\n",
        "tracking: [{ id: filters, action: remove, list: { source: filters.txt } }]\n",
    ],
)
def test_filters_have_parameters_removed_wherever_their_list_stands(tmp_path: Path, text: str) -> None:
    (tmp_path / "filters.txt").write_text(FILTERS)
    (tmp_path / "x.yaml").write_text(text)
    rules = load([tmp_path])
    tracking = Tracking(rules.tracking, lists_among(rules.access.rules))
    found = cleaned(tracking, "https://www.shop.example/?a=1&sid=2&track_x=3")
    assert found is not None
    assert found.location == "https://www.shop.example/?a=1"
    assert [(each.what, each.by) for each in found.removed] == [
        ("sid", RuleRef(f"{tmp_path}/filters.txt", 1, "filters")),
        ("track_x", RuleRef(f"{tmp_path}/filters.txt", 3, "filters")),
    ]
    assert becomes(tracking, "https://shop.example/keep/?sid=2") == "https://shop.example/keep/?sid=2"
    assert becomes(tracking, "https://shop.example/?sid=2", fields=[("sec-fetch-dest", "image")]) == (
        "https://shop.example/?sid=2"
    )


def test_an_entry_keeps_what_filters_among_the_rules_would_remove(tmp_path: Path) -> None:
    (tmp_path / "filters.txt").write_text(FILTERS)
    (tmp_path / "x.yaml").write_text(
        "rules: [{ action: deny, list: { source: filters.txt } }]\n"
        "tracking: [{ action: keep, match: { host: shop.example } }]\n"
    )
    rules = load([tmp_path])
    tracking = Tracking(rules.tracking, lists_among(rules.access.rules))
    assert becomes(tracking, "https://shop.example/?sid=1") == "https://shop.example/?sid=1"
    assert becomes(tracking, "https://a.example/?track_x=1") == "https://a.example/"
