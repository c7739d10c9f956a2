import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.importing.privoxy import read_privoxy
from tests.importing.verdicts import carried, denies, left, loaded

ACTIONS = """\
# My actions
{{settings}}
for-privoxy-version=3.0.11
{{alias}}
+ads = +block{Advertisement} +handle-as-image
shop = -block -filter
{{description}}
Mine
{-block}
.early.test
{ +ads +hide-referrer{conditional-block} }
.ads.test
banner*.test
www.exact.test/pic/
ad?.[a-c]x.test
adserver.
/.*/banners/
/(.*/)?count\\.gif$
.port.test:8080
192.0.2.7
{ +block{Two \\
lines} }
.two.test     # Really
{ shop }
good.ads.test
{ +filter{banners-by-size} }
.filtered.test
{+block}
TAG:^text/html$
bad[.test
.x.test/a|b
"""


@pytest.mark.parametrize(
    ("url", "denied"),
    [
        ("http://ads.test/", True),
        ("http://x.ads.test/y", True),
        ("http://good.ads.test/", False),
        ("http://x.good.ads.test/", True),
        ("http://banner7.test/", True),
        ("http://banner.x.test/", False),
        ("http://www.exact.test/pic/1", True),
        ("http://www.exact.test/PIC/1", True),
        ("http://www.exact.test/x/pic/1", False),
        ("http://x.www.exact.test/pic/1", False),
        ("http://ad1.bx.test/", True),
        ("http://ad12.bx.test/", False),
        ("http://ad1.dx.test/", False),
        ("http://adserver.anything.test/", True),
        ("http://x.adserver.test/", False),
        ("http://a.test/x/banners/1", True),
        ("http://a.test/banners/1", False),
        ("http://a.test/count.gif", True),
        ("http://a.test/x/COUNT.gif", True),
        ("http://a.test/count.gif?x", False),
        ("http://port.test:8080/", True),
        ("http://port.test/", False),
        ("http://192.0.2.7/", True),
        ("http://two.test/", True),
        ("http://filtered.test/", False),
        ("http://early.test/", False),
    ],
)
def test_the_last_section_that_matches_counts_as_in_privoxy(url: str, denied: bool) -> None:
    assert denies(read_privoxy(ACTIONS), url) == denied


def test_everything_else_is_told_with_its_line() -> None:
    found = read_privoxy(ACTIONS)
    told = [(line.place, line.text) for line in found.lines if line.outcome == "not carried"]
    assert told == [
        ("10", ".early.test"),
        ("11", "+handle-as-image"),
        ("11", "+hide-referrer{conditional-block}"),
        ("24", "-filter"),
        ("26", "+filter{banners-by-size}"),
        ("27", ".filtered.test"),
        ("29", "TAG:^text/html$"),
        ("30", "bad[.test"),
        ("31", ".x.test/a|b"),
    ]
    assert left(found)["10"] == "nothing before it is blocked"
    assert "alternatives that are in no group" in left(found)["31"]
    assert sorted(map(int, carried(found))) == [12, 13, 14, 15, 16, 17, 18, 19, 20, 23, 25]
    reasons = {rule.where.id: rule.reason for rule in loaded(found).access.rules}
    assert (reasons["privoxy-12"], reasons["privoxy-23"]) == ("Privoxy: Advertisement", "Privoxy: Two lines")


def test_aliases_that_stand_for_themselves_end() -> None:
    found = read_privoxy("{{alias}}\na = +b +a\n+b = a a +block{x}\n{a}\n.ads.test\n")
    assert denies(found, "http://ads.test/")


def test_expressions_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forward_proxy.importing.carried.MAX_EXPRESSIONS", 2)
    found = read_privoxy("{+block}\n/a\n/b\n/c\n.host.test\n")
    assert sorted(carried(found)) == ["2", "3", "5"]
    assert left(found) == {"4": "more than 2 entries with expressions"}


LINES = st.sampled_from(
    ["{+block}", "{-block}", "{{alias}}", "x = +block", "{x}", ".a.test", "a*", "/x", "[", "{", "/(", "a.test:99999",
     "\\", "*", ".", "..", "/", "{+block{x}", "\x00/", "a.b.c./x"]
)  # fmt: skip


@given(st.lists(LINES, max_size=12).map("\n".join))
def test_whatever_is_carried_loads(text: str) -> None:
    found = read_privoxy(text)
    assert len(loaded(found).access.rules) == len(found.entries)
