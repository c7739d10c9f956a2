"""What became of the lines of a list."""

import pytest

from forward_proxy.access.filters import parse_filters
from forward_proxy.access.filters.index import MAX_ALIKE
from forward_proxy.access.filters.parsing import MAX_EVERYWHERE, MAX_EXPRESSIONS_EVERYWHERE
from tests.access.filters.asking import blocks, reason, reported, request

LIST = """[Adblock Plus 2.0]
! Title: A list
! Expires: 4 days (update frequency)
||ads.example^
||ads.example^
/banner/*$script
/banner/*$script
example.com##.ad
example.com#@#.ad
example.com#?#div:has(> .ad)
example.com#$#body { color: red }
example.com#%#//scriptlet('x')
example.com$$script[tag-content="ad"]
[$path=/x]example.com##a[href]
##.generic
# a comment
||track.example^$popup
0.0.0.0 hosts.example www.hosts.example
127.0.0.1 localhost
!#include more.txt
"""


def test_every_line_is_accounted_for() -> None:
    _, report = parse_filters(LIST, "a.txt")
    assert report.name == "a.txt"
    assert (report.lines, report.filters, report.duplicates, report.cosmetic) == (20, 4, 2, 8)
    (popup,) = report.ignored
    assert (popup.line, popup.text, popup.kind) == (17, "||track.example^$popup", "popup")
    assert report.kinds == {"popup": 1}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("true", True),
        ("false", False),
        ("ext_ublock", False),
        ("!ext_ublock", True),
        ("(adguard && !adguard_ext_safari)", False),
        ("!(adguard || ext_ublock)", True),
        ("true && !false || x", True),
        ("x || true && x", False),
    ],
)
def test_conditions(condition: str, holds: bool) -> None:
    lines = (f"!#if {condition}", "||example.com^", "!#else", "||other.example^", "!#endif", "||third.example^")
    assert blocks(lines, request()) is holds
    assert blocks(lines, request("https://other.example/")) is not holds
    assert blocks(lines, request("https://third.example/"))
    assert reported(*lines)[1].conditional == 1


@pytest.mark.parametrize("condition", ["", "(", "a b", "&& a", "a &&", "a ?", "!" * 201 + "a", "(a"])
def test_a_condition_that_cannot_be_read_does_not_hold(condition: str) -> None:
    filters, report = reported(f"!#if {condition}", "||example.com^", "!#endif")
    assert filters.find(request()) is None
    assert report.kinds == {"condition": 1}


def test_conditions_nest() -> None:
    lines = ("!#if x", "!#if true", "||example.com^", "!#endif", "||example.com^", "!#endif", "||a.example^")
    assert not blocks(lines, request())
    assert blocks(lines, request("https://a.example/"))
    assert reported("!#endif", "!#else")[1].kinds == {"condition": 2}


def test_a_badfilter_is_counted_as_what_it_removes() -> None:
    _, report = reported("||a.example^", "||a.example^$3p", "||a.example^$badfilter", "||a.example^$3p,badfilter")
    assert (report.filters, report.removed) == (0, 2)


def test_the_same_host_said_in_two_ways_is_a_duplicate() -> None:
    _, report = reported("||a.example^", "0.0.0.0 a.example", "||A.example^", "a.example")
    assert (report.filters, report.duplicates) == (1, 3)


def test_of_filters_for_every_url_a_list_has_so_many_and_no_more() -> None:
    _, report = reported(*(f"/a[dx]{number}/" for number in range(MAX_EXPRESSIONS_EVERYWHERE + 2)))
    assert (report.filters, report.kinds) == (MAX_EXPRESSIONS_EVERYWHERE, {"everywhere": 2})
    _, report = reported(*(f"a{number}a" for number in range(MAX_EVERYWHERE + 2)), "/banner/*")
    assert (report.filters, report.kinds) == (MAX_EVERYWHERE + 1, {"everywhere": 2})


def test_expressions_of_a_list_may_be_so_much_work_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forward_proxy.access.filters.parsing.MAX_WORK_TOGETHER", 60_000)
    _, report = reported(r"/\/a\/(a|b)*a.{300}c/", r"/\/b\/(a|b)*a.{300}c/", r"/\/banner\/x/")
    one, other, after = (ignored.reason for ignored in report.ignored)
    assert "too large" in one
    assert "too large" in other
    assert "as much work as a list may be" in after


def test_lines_are_numbered_as_editors_do() -> None:
    _, report = parse_filters("! a\x0cb\u2028c\r\n||a.example^$popup\r||b.example^$popup\n", "x")
    assert [line.line for line in report.ignored] == [2, 3]
    assert report.lines == 3


def test_nothing_of_a_list_is_lost_by_windows_line_ends_or_a_byte_order_mark() -> None:
    filters, report = parse_filters("\ufeff[Adblock Plus 2.0]\r\n||example.com^\r\n", "x")
    assert filters.find(request()) is not None
    assert (report.filters, report.ignored) == (1, ())


@pytest.mark.parametrize(
    "line",
    [
        "/banner^$script,domain=~x{}.example",
        "@@/banner^$script,domain=~x{}.example",
        "||ads.example^$domain=~x{}.example",
        "-a$script,domain=news.example,to=~x{}.example",
        "/banner^$script,domain=~x{}.example,important",
        "/banner^$removeparam,domain=~x{}.example",
    ],
)
def test_filters_that_nothing_tells_apart_are_bounded(line: str) -> None:
    """Each of them is tried for every URL with that word, of that host or asked for by that page."""
    found, report = reported(*map(line.format, range(MAX_ALIKE + 2)), "||other.example^$script")
    assert (report.filters, report.kinds) == (MAX_ALIKE + 1, {"alike": 2})
    assert [(each.line, each.text) for each in report.ignored] == [
        (MAX_ALIKE + each + 1, line.format(MAX_ALIKE + each)) for each in range(2)
    ]
    assert found.find(request("https://other.example/a.js")) is not None


@pytest.mark.parametrize("line", ["||a.example/" + "x" * 2_000, "/a" + "*b" * 101, "*".join("abc") * 60])
def test_a_pattern_is_bounded(line: str) -> None:
    assert reason(line)[0] == "pattern"
    assert reported(line[:200])[1].filters == 1
