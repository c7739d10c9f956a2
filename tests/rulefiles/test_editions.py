"""What a list includes: where paths lead, what bounds it, and how an edition is kept as one file."""

from pathlib import Path

import pytest

from forward_proxy.access.lists.reading import Included
from forward_proxy.access.rules import Denied
from forward_proxy.matching.subject import RuleRef
from forward_proxy.rulefiles.editions import (
    MAX_DEPTH,
    MAX_INCLUDES,
    Edition,
    Include,
    Unusable,
    as_one_file,
    edition,
    kept_edition,
    parts_of,
)
from forward_proxy.rulefiles.finding import find, searchables
from forward_proxy.rulefiles.listentries import ListEntry
from forward_proxy.rulefiles.rules import compiled, load
from forward_proxy.rulefiles.shelf import Shelf
from tests.matching.requests import subject

URL = ListEntry("https://lists.test/a/main.txt", None)


def from_urls(content: str, there: dict[str, str], max_bytes: int = 10_000) -> Edition:
    """The edition of `URL` when these URLs have these contents."""

    def read(name: str) -> bytes | Unusable:
        return there[name].encode() if name in there else Unusable("answered 404")

    found = edition(URL, content.encode(), read, max_bytes)
    assert isinstance(found, Edition)
    return found


def problems(found: Edition) -> list[tuple[int, str, str]]:
    return [(include.line, include.path, include.problem) for include in found.includes if include.problem]


def test_a_path_starts_at_the_url_that_names_it() -> None:
    there = {
        "https://lists.test/a/more.txt": "!#include /b/deep.txt\n||more.test^\n",
        "https://lists.test/b/deep.txt": "!#include ./deeper.txt?x\n",
        "https://lists.test/b/deeper.txt?x": "||deeper.test^\n",
    }
    found = from_urls("||main.test^\n!#include more.txt\n", there)
    assert [part.name for part in found.parts] == [URL.name, *there]
    assert found.includes == (
        Include(URL.name, 2, "more.txt", "https://lists.test/a/more.txt"),
        Include("https://lists.test/a/more.txt", 1, "/b/deep.txt", "https://lists.test/b/deep.txt"),
        Include("https://lists.test/b/deep.txt", 1, "./deeper.txt?x", "https://lists.test/b/deeper.txt?x"),
    )


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("https://other.test/a/more.txt", "leads to another origin"),
        ("http://lists.test/a/more.txt", "leads to another origin"),
        ("//lists.test:8443/x", "leads to another origin"),
        ("file:///etc/passwd", "scheme is neither http nor https"),
        ("gone.txt", "answered 404"),
        ("main.txt", "is included already"),
        ("../a/main.txt", "is included already"),
        ("", "is included already"),
        ("a b", "white space or control character in the target"),
    ],
)
def test_what_cannot_be_had_is_told_and_left_out(path: str, problem: str) -> None:
    found = from_urls(f"||main.test^\n!#include {path}\n", {})
    assert len(found.parts) == 1
    assert problems(found) == [(2, path, problem if path != "file:///etc/passwd" else found.includes[0].problem)]


def test_nothing_is_included_where_a_condition_is_false() -> None:
    found = from_urls(
        "!#if env_mobile\n!#include a.txt\n!#else\n!#include b.txt\n!#endif\n!#if !env_mobile\n!#include c.txt\n",
        {f"https://lists.test/a/{name}.txt": "||x.test^\n" for name in "abc"},
    )
    assert [include.path for include in found.includes] == ["b.txt", "c.txt"]


def test_lists_that_include_each_other_come_to_an_end() -> None:
    there = {"https://lists.test/a/b.txt": "!#include main.txt\n!#include b.txt\n||b.test^\n"}
    found = from_urls("!#include b.txt\n", there)
    assert [part.name for part in found.parts] == [URL.name, *there]
    assert problems(found) == [(1, "main.txt", "is included already"), (2, "b.txt", "is included already")]


def test_depth_number_and_size_are_bounded() -> None:
    deep = {f"https://lists.test/a/{number}": f"!#include {number + 1}\n" for number in range(20)}
    found = from_urls("!#include 0\n", deep)
    assert len(found.parts) == 1 + MAX_DEPTH
    assert problems(found) == [(1, str(MAX_DEPTH), f"more than {MAX_DEPTH} lists that include each other")]
    many = {f"https://lists.test/a/{number}": f"||n{number}.test^\n" for number in range(MAX_INCLUDES + 1)}
    found = from_urls("".join(f"!#include {number}\n" for number in range(MAX_INCLUDES + 1)), many)
    assert len(found.parts) == 1 + MAX_INCLUDES
    assert problems(found) == [(33, "32", f"more than {MAX_INCLUDES} lists are included")]
    found = from_urls("!#include big\n", {"https://lists.test/a/big": "||x.test^\n" * 200}, 1000)
    assert problems(found) == [(1, "big", "too large together with the rest")]
    endless = from_urls("!#include gone\n" * 100_000, {})
    assert len(endless.includes) < 100


def test_only_lists_of_filters_include_others() -> None:
    found = from_urls("# x\nads.test\n# !#include more.txt\n", {})
    assert (found.format, found.includes) == ("domains", ())


def test_an_edition_is_kept_as_one_file_and_read_back_the_same() -> None:
    found = from_urls(
        "||main.test^\n!#include more.txt\n!#include gone.txt\n", {"https://lists.test/a/more.txt": "||more.test^\n"}
    )
    again = kept_edition(URL, as_one_file(found.parts))
    assert isinstance(again, Edition)
    assert again.parts == found.parts
    assert problems(again) == [(3, "gone.txt", "could not be fetched")]
    plain = from_urls("||main.test^\n", {})
    assert as_one_file(plain.parts) == b"||main.test^\n"


@pytest.mark.parametrize(
    "said",
    ['[["https://lists.test/a/main.txt", 5]]', "[", "{}", '[["x", -1]]', '[["x", 1e9]]', "[[1]]", '[["x", Infinity]]'],
)
def test_a_list_cannot_pass_for_a_kept_edition_and_a_damaged_one_is_told(said: str) -> None:
    forged = f"forward-proxy edition 1\n{said}\n||x.test^\n||y.test^\n"
    found = edition(ListEntry(URL.name, None, "adblock"), forged.encode(), lambda _: b"")
    assert isinstance(found, Edition)
    assert as_one_file(found.parts) != forged.encode()
    assert parts_of(URL.name, as_one_file(found.parts)) == found.parts
    assert parts_of(URL.name, forged.encode()) is None
    assert kept_edition(URL, forged.encode()) == Unusable("its copy is damaged")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder `rules` with a list of filters that includes others below it."""
    monkeypatch.chdir(tmp_path)
    Path("rules/more").mkdir(parents=True)
    Path("state").mkdir()
    Path("rules/x.yaml").write_text("rules: [{id: ads, action: deny, list: {source: main.txt}}]\n")
    Path("rules/main.txt").write_text("||main.test^\n!#include more/a.txt\n||more.test^$popup\n")
    Path("rules/more/a.txt").write_text("! A\n||a.test^\n@@||main.test/fine/\n!#include b.txt\n||a.test^$popup\n")
    Path("rules/more/b.txt").write_text("||b.test^\n||a.test^\n")
    return Path("rules")


def test_a_line_is_told_by_the_file_that_is_included(folder: Path) -> None:
    rules = load([folder], shelf=Shelf(Path("state/lists")))
    verdict = rules.access.decide(subject("http://b.test/x.js"))
    assert verdict == Denied(RuleRef("rules/more/b.txt", 1, "ads"), "listed: ||b.test^")
    (step,) = rules.access.trail(subject("http://main.test/fine/x.js"))
    assert step.rule == RuleRef("rules/more/a.txt", 3, "ads")
    assert step.failing == "list: @@||main.test/fine/ is excepted over rules/main.txt:1"
    (loaded,) = rules.lists
    assert loaded.report is not None
    assert (loaded.report.lines, loaded.report.rules, loaded.report.duplicates) == (10, 4, 1)
    assert [(each.file, each.line) for each in loaded.report.examples] == [("", 3), ("rules/more/a.txt", 5)]
    assert loaded.report.includes == (
        Included(2, "more/a.txt", "", "rules/more/a.txt", 5, 2),
        Included(4, "b.txt", "rules/more/a.txt", "rules/more/b.txt", 2, 1),
    )
    assert [(each.file, each.line) for each in find(searchables(rules, Shelf()), "b.test^")] == [
        ("rules/more/b.txt", 1)
    ]


def test_another_worker_makes_the_same_of_it_and_a_change_inside_is_seen(folder: Path) -> None:
    shelf = Shelf(Path("state/lists"))
    rules = load([folder], shelf=shelf)
    assert load([folder], shelf=shelf).opened[0] is rules.opened[0]
    Path("rules/more/b.txt").write_text("||c.test^\n")
    same = compiled(rules.sources, shelf=Shelf(Path("state/lists")), pins=rules.pins)
    assert same == rules
    assert same.lists[0].report == rules.lists[0].report
    assert same.access.decide(subject("http://b.test/x.js")) == rules.access.decide(subject("http://b.test/x.js"))
    other = load([folder], shelf=shelf)
    assert other.digest != rules.digest
    assert isinstance(other.access.decide(subject("http://c.test/x.js")), Denied)
    assert shelf.looked_in == {Path("rules"), Path("rules/more")}


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("../secret.txt", "leads out of the folder of the list"),
        ("/etc/hostname", "leads out of the folder of the list"),
        ("link.txt", "leads out of the folder of the list"),
        ("https://lists.test/x.txt", "expected a path that starts at the folder of this file"),
        ("none.txt", "there is no such file"),
        ("more", "not a file"),
        ("more/../main.txt", "is included already"),
    ],
)
def test_a_file_includes_nothing_from_outside_its_folder(folder: Path, path: str, problem: str) -> None:
    Path("secret.txt").write_text("||secret.test^\n")
    (folder / "link.txt").symlink_to(Path("secret.txt").absolute())
    (folder / "main.txt").write_text(f"||main.test^\n!#include {path}\n")
    (loaded,) = load([folder]).lists
    assert loaded.report is not None
    assert [(each.path, each.problem) for each in loaded.report.includes] == [(path, problem)]
    assert loaded.report.rules == 1


def test_includes_are_found_however_lines_end() -> None:
    for end in (b"\n", b"\r\n", b"\r"):
        content = end.join((b"! head", b"!#include more.txt", b"||a.test^", b""))
        found = edition(URL, content, lambda name: b"||b.test^")
        assert isinstance(found, Edition)
        assert [(each.line, each.path) for each in found.includes] == [(2, "more.txt")]
