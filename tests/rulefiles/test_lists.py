"""Rules with a list, from file to verdict."""

from pathlib import Path
from queue import Queue

import pytest

from forward_proxy.access.lists.reading import Report
from forward_proxy.access.rules import Allowed, Denied
from forward_proxy.errors import RuleFileError
from forward_proxy.matching.subject import RuleRef
from forward_proxy.rulefiles.finding import find, searchables
from forward_proxy.rulefiles.rules import Rules, compiled, load
from forward_proxy.rulefiles.shelf import Shelf
from forward_proxy.rulefiles.watch import Watcher
from tests.matching.requests import subject

RULE = "rules: [{id: ads, action: deny, list: {source: %s}, reason: Advertising}]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder `rules`, with a rule for the list `ads.txt` in another folder beside it."""
    monkeypatch.chdir(tmp_path)
    for name in ("rules", "lists", "state"):
        Path(name).mkdir()
    Path("rules/x.yaml").write_text(RULE % "../lists/ads.txt")
    Path("lists/ads.txt").write_text("# Ads\nads.test\ntracker.test\n")
    return Path("rules")


def shelf() -> Shelf:
    return Shelf(Path("state/lists"))


def kept() -> list[Path]:
    return list(Path("state/lists/compiled").iterdir())


def test_the_verdict_names_the_line_of_the_list(folder: Path) -> None:
    rules = load([folder])
    verdict = rules.access.decide(subject("http://www.ads.test/"))
    assert verdict == Denied(RuleRef("rules/../lists/ads.txt", 2, "ads"), "Advertising: ads.test")
    assert rules.summary == "1 rules from 1 files, 2 entries of 1 lists"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("list: {}", "rules[0].list: source is missing; expected the path or the URL of a list"),
        ("list: []", "rules[0].list: expected a mapping with source, or a sequence of such"),
        ("list: some.txt", "rules[0].list: expected a mapping with source"),
        ("list: [{source: ../lists/ads.txt}, more.txt]", "rules[0].list[1]: expected a mapping with source"),
        (
            "list: [{source: ../lists/ads.txt}, {source: ../lists/ads.txt, format: hosts}]",
            "rules[0].list[1].source: rules/../lists/ads.txt is in this entry already",
        ),
        (
            "list: [{source: ../lists/ads.txt}, {source: none.txt}]",
            "rules[0].list[1].source: rules/none.txt: there is no such file",
        ),
        ("list: {source: [a, b]}", "rules[0].list.source: expected a single value"),
        ("list: {source: none.txt}", "rules[0].list.source: rules/none.txt: there is no such file"),
        ("list: {source: .}", "rules[0].list.source: rules: not a file"),
        (
            "list: {source: 'ftp://lists.test/'}",
            "rules[0].list.source: expected a path, or an http or https URL; scheme is neither http nor https",
        ),
        ("list: {source: ../lists/ads.txt, sorce: x}", "rules[0].list.sorce: unknown key; did you mean source?"),
        (
            "list: {source: ../lists/ads.txt, format: hots}",
            "rules[0].list.format: unknown format hots; did you mean hosts?",
        ),
        (
            "list: {source: ../lists/ads.txt, refresh: 1s}",
            "rules[0].list.refresh: expected a duration from 10m to 90d such as 24h, not 1s",
        ),
        ("list: {source: ../lists/empty.txt}", "rules[0].list.source: rules/../lists/empty.txt: is empty"),
        (
            "list: {source: ../lists/page.html}",
            "rules[0].list.source: rules/../lists/page.html: is a web page, not a list",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(folder: Path, text: str, told: str) -> None:
    Path("lists/empty.txt").touch()
    Path("lists/page.html").write_text("<html>\n<p>Sign in to this network\n")
    (folder / "x.yaml").write_text(f"rules:\n  - action: deny\n    {text}\n")
    with pytest.raises(RuleFileError) as fault:
        load([folder])
    place, _, problem = str(fault.value).partition(": ")
    assert (place[: len("rules/x.yaml:3:")], problem) == ("rules/x.yaml:3:", told)


def test_expectations_are_checked_with_the_list(folder: Path) -> None:
    expects = "expect: [{block: 'http://ads.test/'}, {block: 'http://other.test/'}]"
    (folder / "x.yaml").write_text(f"rules: [{{action: deny, list: {{source: ../lists/ads.txt}}, {expects}}}]\n")
    with pytest.raises(RuleFileError, match=r"expected http://other\.test/ to be blocked, but it is allowed"):
        load([folder])


def test_a_compiled_list_is_used_again_and_made_again_when_it_is_damaged(folder: Path) -> None:
    first = load([folder], shelf=shelf())
    (file,) = kept()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    octets, written = file.read_bytes(), file.stat().st_ino
    assert load([folder], shelf=shelf()) == first
    assert file.stat().st_ino == written
    file.write_bytes(octets[:-1] + b"!")
    again = load([folder], shelf=shelf())
    assert again == first
    assert isinstance(again.access.decide(subject("http://tracker.test/")), Denied)
    assert file.read_bytes() == octets


def test_the_same_set_is_made_of_what_was_read_whatever_has_become_of_the_list(folder: Path) -> None:
    rules = load([folder], shelf=shelf())
    Path("lists/ads.txt").write_text("other.test\n")
    same = compiled(rules.sources, shelf=shelf(), pins=rules.pins)
    assert same == rules
    assert isinstance(same.access.decide(subject("http://ads.test/")), Denied)
    for file in kept():
        file.unlink()
    with pytest.raises(RuleFileError, match="what another worker made of it is gone"):
        compiled(rules.sources, shelf=shelf(), pins=rules.pins)


FILTERS = """[Adblock Plus 2.0]
! Title: Ours
||ads.test^$script,image
@@||ads.test/fine/
shop.test##.banner
||x.test^$popup
"""


def test_a_list_of_filters_decides_by_its_filters_and_tells_what_it_ignores(folder: Path) -> None:
    Path("lists/ads.txt").write_text(FILTERS)
    rules = load([folder], shelf=shelf())
    verdict = rules.access.decide(subject("http://www.ads.test/a.js"))
    assert verdict == Denied(RuleRef("rules/../lists/ads.txt", 3, "ads"), "Advertising: ||ads.test^$script,image")
    for url in ("http://www.ads.test/fine/a.js", "http://shop.test/a.js"):
        assert isinstance(rules.access.decide(subject(url)), Allowed)
    (loaded,) = rules.lists
    assert loaded.report == Report(
        "adblock", lines=6, rules=2, cosmetic=1, ignored=(("popup", 1),), examples=loaded.report.examples
    )
    assert [(each.line, each.text) for each in loaded.report.examples] == [(6, "||x.test^$popup")]


def test_a_compiled_list_of_filters_is_used_again_and_made_again_when_it_is_damaged(folder: Path) -> None:
    Path("lists/ads.txt").write_text(FILTERS)
    first = load([folder], shelf=shelf())
    (file,) = kept()
    octets, written = file.read_bytes(), file.stat().st_ino
    again = load([folder], shelf=shelf())
    assert file.stat().st_ino == written
    assert (again, again.lists[0].report) == (first, first.lists[0].report)
    file.write_bytes(octets[:-2])
    damaged = load([folder], shelf=shelf())
    assert isinstance(damaged.access.decide(subject("http://ads.test/a.js")), Denied)
    assert file.read_bytes() == octets


@pytest.mark.parametrize(
    ("text", "line", "how"), [("www.ads.test", 2, "means"), ("http://ads.test/x", 2, "means"), ("TRACK", 3, "has")]
)
def test_lists_are_searched_too(folder: Path, text: str, line: int, how: str) -> None:
    rules = load([folder], shelf=shelf())
    (found,) = find(searchables(rules, shelf()), text)
    assert (found.file, found.line, found.key, found.how) == ("rules/../lists/ads.txt", line, "list", how)


def test_what_would_come_next_may_be_a_line_of_a_list(folder: Path) -> None:
    (folder / "a.yaml").write_text("rules: [{action: allow, match: {host: www.ads.test}}]\n")
    verdict = load([folder]).access.otherwise(subject("http://www.ads.test/"))
    assert verdict == Denied(RuleRef("rules/../lists/ads.txt", 2, "ads"), "Advertising: ads.test")


def test_a_large_list_is_compiled_by_another_process_to_the_same(folder: Path) -> None:
    Path("lists/ads.txt").write_text("".join(f"ads{number}.test\n" for number in range(20_000)))
    apart = load([folder], shelf=Shelf(Path("state/lists"), apart=True))
    (file,) = kept()
    octets = file.read_bytes()
    file.unlink()
    assert load([folder], shelf=shelf()) == apart
    assert kept()[0].read_bytes() == octets
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_url_without_a_copy_is_a_list_that_is_not_there(folder: Path) -> None:
    (folder / "x.yaml").write_text(RULE % "https://lists.test/ads.txt")
    for rules in (load([folder], shelf=shelf()), load([folder])):
        (loaded,) = rules.lists
        assert (loaded.digest, loaded.report) == ("", None)
        assert isinstance(rules.access.decide(subject("http://ads.test/")), Allowed)
        assert compiled(rules.sources, shelf=shelf(), pins=rules.pins) == rules


def test_a_changed_list_is_another_set_and_an_emptied_one_a_fault(folder: Path) -> None:
    told: Queue[Rules | RuleFileError] = Queue()
    in_force = load([folder], shelf=shelf())
    watcher = Watcher([folder], told.put, told.put, in_force, shelf=shelf())
    watcher.start()
    try:
        Path("lists/ads.txt").write_text("other.test\n")
        rules = told.get(timeout=20)
        assert isinstance(rules, Rules)
        assert isinstance(rules.access.decide(subject("http://other.test/")), Denied)
        Path("lists/ads.txt").write_text("")
        fault = told.get(timeout=20)
        assert isinstance(fault, RuleFileError)
        assert "is empty" in str(fault)
    finally:
        watcher.stop()


def test_an_emptied_list_of_a_known_format_is_a_fault_too(folder: Path) -> None:
    told: Queue[Rules | RuleFileError] = Queue()
    (folder / "x.yaml").write_text(RULE % "../lists/ads.txt, format: domains")
    watcher = Watcher([folder], told.put, told.put, load([folder], shelf=shelf()), shelf=shelf())
    watcher.start()
    try:
        Path("lists/ads.txt").write_text("# nothing\n")
        assert str(told.get(timeout=20)) == "rules/../lists/ads.txt: is empty; it held 2 entries"
    finally:
        watcher.stop()
