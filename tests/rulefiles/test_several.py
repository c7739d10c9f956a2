"""Several lists in one entry, from file to verdict."""

import gc
import weakref
from pathlib import Path

import pytest

from forward_proxy.access.lists.updates import Entries
from forward_proxy.access.rules import Allowed, Denied
from forward_proxy.matching.subject import RuleRef
from forward_proxy.rulefiles.finding import find, searchables
from forward_proxy.rulefiles.rules import Rules, compiled, load
from forward_proxy.rulefiles.shelf import Shelf
from tests.matching.requests import subject

RULE = """\
rules:
  - id: ads
    action: deny
    list:
      - source: easy.txt
      - source: hosts.txt
        format: hosts
      - source: privacy.txt
      - source: https://lists.test/late.txt
    reason: Advertising
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("rules").mkdir()
    Path("state").mkdir()
    Path("rules/x.yaml").write_text(RULE)
    Path("rules/easy.txt").write_text("! Easy\n||ads.test^\n@@||good.tracker.test^\n@@||hosts.test^$document,script\n")
    Path("rules/hosts.txt").write_text("# Hosts\n0.0.0.0 hosts.test\n0.0.0.0 www.hosts.test\n")
    Path("rules/privacy.txt").write_text("||tracker.test^\n||ads.test^\n||ads.test^$popup\n")
    return Path("rules")


def shelf() -> Shelf:
    return Shelf(Path("state/lists"))


def told(rules: Rules, url: str) -> tuple[type, str]:
    verdict = rules.access.decide(subject(url))
    return type(verdict), str(verdict.rule)


def test_each_verdict_names_its_own_list_and_line(folder: Path) -> None:
    rules = load([folder], shelf=shelf())
    assert told(rules, "http://ads.test/a.js") == (Denied, "rules/easy.txt:2")
    assert told(rules, "http://www.hosts.test/") == (Denied, "rules/hosts.txt:3")
    assert told(rules, "http://tracker.test/a.js") == (Denied, "rules/privacy.txt:1")
    verdict = rules.access.decide(subject("http://tracker.test/a.js"))
    assert verdict == Denied(RuleRef("rules/privacy.txt", 1, "ads"), "Advertising: ||tracker.test^")


def test_an_exception_of_one_list_frees_from_the_blocks_of_another(folder: Path) -> None:
    rules = load([folder], shelf=shelf())
    for url, over in (
        ("http://good.tracker.test/a.js", "rules/privacy.txt:1"),
        ("http://hosts.test/a.js", "rules/hosts.txt:2"),
    ):
        assert isinstance(rules.access.decide(subject(url)), Allowed)
        (step,) = rules.access.trail(subject(url))
        assert step.rule.file == "rules/easy.txt"
        assert str(step.failing).endswith(f"is excepted over {over}")


def test_reports_are_those_of_each_list_and_a_list_that_is_not_there_is_told(folder: Path) -> None:
    rules = load([folder], shelf=shelf())
    reports = [
        loaded.report and (loaded.report.format, loaded.report.rules, loaded.report.duplicates)
        for loaded in rules.lists
    ]
    assert reports == [("adblock", 3, 0), ("hosts", 2, 0), ("adblock", 1, 1), None]
    (step,) = rules.access.trail(subject("http://other.test/"))
    assert step.failing == "list: there is no copy of https://lists.test/late.txt yet"
    assert rules.summary == "1 rules from 1 files, 6 entries of 4 lists"


def test_one_compiled_form_is_kept_for_each_combination_and_one_for_each_list_of_names(folder: Path) -> None:
    rules = load([folder], shelf=shelf())
    kept = sorted(path.suffix for path in Path("state/lists/compiled").iterdir())
    assert kept == [".adblock", ".hosts"]
    again = load([folder], shelf=shelf())
    assert again == rules
    assert [loaded.report for loaded in again.lists] == [loaded.report for loaded in rules.lists]
    same = compiled(rules.sources, shelf=shelf(), pins=rules.pins)
    assert same == rules
    assert told(same, "http://tracker.test/a.js") == (Denied, "rules/privacy.txt:1")


def test_a_change_of_one_list_keeps_the_others(folder: Path) -> None:
    kept = shelf()
    before = load([folder], shelf=kept)
    Path("rules/hosts.txt").write_text("0.0.0.0 new.test\n")
    after = load([folder], shelf=kept)
    assert told(after, "http://new.test/") == (Denied, "rules/hosts.txt:1")
    assert told(after, "http://tracker.test/a.js") == (Denied, "rules/privacy.txt:1")
    assert after.lists[0].searched is before.lists[0].searched


def test_what_no_rule_names_any_more_is_not_kept_in_memory(folder: Path) -> None:
    kept = shelf()
    before = [weakref.ref(compiled) for _, compiled in load([folder], shelf=kept).opened[0].compiled]
    gc.collect()
    assert all(each() for each in before)
    Path("rules/x.yaml").write_text("rules: [{action: deny, list: {source: easy.txt}}]\n")
    load([folder], shelf=kept)
    gc.collect()
    assert not any(each() for each in before)


def test_a_list_of_names_is_there_once_however_many_rules_name_it(folder: Path) -> None:
    Path("rules/y.yaml").write_text("rules: [{action: allow, list: {source: hosts.txt, refresh: 1d}}]\n")
    rules = load([folder], shelf=shelf())
    assert rules.lists[1].searched is rules.lists[4].searched


def test_the_order_in_an_entry_changes_no_verdict(folder: Path) -> None:
    urls = [
        f"http://{host}/a.js" for host in ("ads.test", "hosts.test", "www.hosts.test", "good.tracker.test", "x.test")
    ]
    verdicts = [type(load([folder]).access.decide(subject(url))) for url in urls]
    sources = ["privacy.txt", "hosts.txt", "easy.txt"]
    Path("rules/x.yaml").write_text(
        f"rules: [{{action: deny, list: [{', '.join(f'{{source: {s}}}' for s in sources)}]}}]\n"
    )
    assert [type(load([folder]).access.decide(subject(url))) for url in urls] == verdicts


def test_lists_of_an_entry_are_searched_by_line_and_by_what_they_mean(folder: Path) -> None:
    rules = load([folder], shelf=shelf())
    found = [(each.file, each.line, each.how) for each in find(searchables(rules, shelf()), "http://hosts.test/a.js")]
    assert found == [("rules/easy.txt", 4, "means"), ("rules/hosts.txt", 2, "means")]
    found = [(each.file, each.line, each.how) for each in find(searchables(rules, shelf()), "ads.test^$popup")]
    assert found == [("rules/privacy.txt", 3, "has")]


def test_large_lists_are_compiled_by_another_process_to_the_same(folder: Path) -> None:
    Path("rules/privacy.txt").write_text("".join(f"||t{number}.test^\n" for number in range(9000)))
    apart = load([folder], shelf=Shelf(Path("state/lists"), apart=True))
    kept = {path.name: path.read_bytes() for path in Path("state/lists/compiled").iterdir()}
    for path in Path("state/lists/compiled").iterdir():
        path.unlink()
    assert load([folder], shelf=shelf()) == apart
    assert {path.name: path.read_bytes() for path in Path("state/lists/compiled").iterdir()} == kept


def test_lists_for_resolvers_are_asked_beside_those_for_browsers(folder: Path) -> None:
    Path("rules/x.yaml").write_text(RULE.replace("source: privacy.txt", "source: names.txt"))
    Path("rules/names.txt").write_text("! Names\n||tracker.test^\n@@||free.tracker.test^\n0.0.0.0 only.test\n")
    rules = load([folder], shelf=shelf())
    assert [loaded.entry.name for loaded in rules.lists if loaded.digest.endswith(".adblock-dns")] == [
        "rules/names.txt"
    ]
    for url, where in (
        ("http://www.tracker.test/page", "rules/names.txt:2"),
        ("http://only.test/", "rules/names.txt:4"),
        ("http://ads.test/a.js", "rules/easy.txt:2"),
    ):
        assert told(rules, url) == (Denied, where)
    for url in ("http://good.tracker.test/a.js", "http://free.tracker.test/", "http://below.only.test/"):
        assert isinstance(rules.access.decide(subject(url)), Allowed)
    document = subject("http://tracker.test/", resource="document")
    assert str(rules.access.decide(document).rule) == "rules/names.txt:2", "pages too"
    assert compiled(rules.sources, shelf=shelf(), pins=rules.pins) == rules
    entries = Entries(rules.lists[2].searched, rules.lists[2].lines)
    assert set(entries) == {"||tracker.test^", "@@||free.tracker.test^", "only.test"}
