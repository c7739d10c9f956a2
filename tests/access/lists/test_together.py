"""Several lists in one entry: one order of precedence, and each line by its own list and number."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forward_proxy.access.filters import Filters, parse_together
from forward_proxy.access.lists.domains import DomainList
from forward_proxy.access.lists.found import Found, Searched
from forward_proxy.access.lists.listed import Origins
from forward_proxy.access.lists.together import Together
from forward_proxy.matching.subject import Subject
from tests.access.filters.test_any_text import FILTER, REQUESTS
from tests.access.lists.lists import compiled
from tests.matching.requests import subject

BLOCKING = "||ads.test^\n||cdn.test^$important\n||good.ads.test^$script\n"
FREEING = "! title\n@@||good.ads.test^\n@@||cdn.test^\n@@||names.test^\n||ads.test^$badfilter,script\n"
NAMES = compiled("names.test\nx.names.test\nzone.test\n")
ZONE = compiled("free.zone.test CNAME rpz-passthru.\n*.far.test CNAME .\nfree.ads.test CNAME rpz-passthru.\n", "rpz")


def filters(*texts: str) -> Filters:
    return parse_together([(str(number), text) for number, text in enumerate(texts)])[0]


TOGETHER = Together(((0, filters(BLOCKING, FREEING)), (8, NAMES), (11, ZONE)))


def test_lines_tell_their_list_and_its_own_number() -> None:
    origins = Origins(("a", "empty", "b", "c"), (0, 3, 3, 8))
    told = [origins.of(line) for line in (1, 3, 4, 8, 9)]
    assert told == [("a", 1), ("a", 3), ("b", 1), ("b", 5), ("c", 1)]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://ads.test/a.js", Found(1, "||ads.test^")),
        ("http://x.names.test/", Found(7, "@@||names.test^", exception=True, overrides=Found(10, "x.names.test"))),
        ("http://zone.test/", Found(11, "zone.test")),
        (
            "http://free.zone.test/",
            Found(12, "free.zone.test", exception=True, overrides=Found(11, "zone.test")),
        ),
        ("http://x.far.test/", Found(13, "*.far.test")),
        (
            "http://free.ads.test/a.js",
            Found(14, "free.ads.test", exception=True, overrides=Found(1, "||ads.test^")),
        ),
        (
            "http://good.ads.test/a.js",
            Found(5, "@@||good.ads.test^", exception=True, overrides=Found(1, "||ads.test^")),
        ),
        (
            "http://cdn.test/a.js",
            Found(2, "||cdn.test^$important", important=True, overrides=Found(6, "@@||cdn.test^", exception=True)),
        ),
        ("http://other.test/", None),
    ],
)
def test_an_exception_of_one_list_frees_from_all_and_what_is_important_passes_over_it(
    url: str, found: Found | None
) -> None:
    assert TOGETHER.find(subject(url)) == found


def test_badfilter_of_one_list_takes_out_filters_of_another() -> None:
    together = filters("||ads.test/x$script\n", "||ads.test/x$script,badfilter\n")
    assert together.find(subject("http://ads.test/x.js")) is None


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_order_of_lists_changes_no_verdict(order: tuple[int, int]) -> None:
    lists = NAMES, filters(FREEING)
    together = Together(tuple((place * 100, lists[each]) for place, each in enumerate(order)))
    told = together.find(subject("http://names.test/"))
    assert told is not None
    assert told.exception


def test_important_passes_over_the_exception_of_a_zone() -> None:
    zone = compiled("x.test CNAME rpz-passthru.\n", "rpz")
    told = Together(((0, filters("||x.test^$important,all\n")), (1, zone))).find(subject("http://x.test/"))
    assert told == Found(1, "||x.test^$important,all", important=True, overrides=Found(2, "x.test", exception=True))


def test_each_text_has_its_own_conditions_and_report() -> None:
    filters_, (first, second) = parse_together(
        [("a", "! Title: a\n!#if false\n||a.test^\n||same.test^"), ("b", "||b.test^\n||b.test^\n||x$popup\n")]
    )
    assert (first.lines, first.filters, first.conditional) == (4, 0, 2)
    assert (second.lines, second.filters, second.duplicates) == (3, 1, 1)
    assert [(each.line, each.text) for each in second.ignored] == [(3, "||x$popup")]
    assert filters_.find(subject("http://b.test/a.js")) == Found(5, "||b.test^")


def test_what_one_list_says_after_another_is_its_duplicate() -> None:
    _, (first, second) = parse_together([("a", "||a.test^\n/x/*\n"), ("b", "||a.test^\n/x/*\n||a.test^$~document\n")])
    assert (first.filters, first.duplicates) == (2, 0)
    assert (second.filters, second.duplicates) == (0, 3)


def test_it_is_a_list_that_may_be_asked_for_its_exception_alone() -> None:
    assert isinstance(NAMES, DomainList)
    told = TOGETHER.excepted(subject("http://good.ads.test/"))
    assert told == Found(5, "@@||good.ads.test^", exception=True)
    assert TOGETHER.excepted(subject("http://x.far.test/")) is None


SEVERAL = st.lists(st.lists(FILTER, max_size=4), min_size=2, max_size=3)


@settings(deadline=None)
@given(SEVERAL.flatmap(lambda lists: st.tuples(st.just(lists), st.permutations(lists))))
def test_lists_of_filters_in_any_order_decide_as_one_list_of_all_their_lines(
    lists: tuple[list[list[str]], list[list[str]]],
) -> None:
    given_, other = (["\n".join(lines) for lines in several] for several in lists)
    one, _ = parse_together([("all", "\n".join(given_))])
    for texts in (given_, other):
        filters_, reports = parse_together([(str(place), text) for place, text in enumerate(texts)])
        assert sum(report.filters for report in reports) == len(filters_.hosts) + len(filters_.needles)
        for asked in REQUESTS:
            assert outcome(Together(((0, NAMES), (3, filters_), (99, ZONE))), asked) == outcome(
                Together(((0, ZONE), (3, one), (99, NAMES))), asked
            )
            assert outcome(filters_, asked) == outcome(one, asked)


def outcome(searched: Searched, asked: Subject) -> bool | None:
    found = searched.find(asked)
    return None if found is None else found.exception


def test_what_lists_do_besides_blocking_is_told_by_their_own_lines() -> None:
    first = filters("! title\n||a.test^$removeparam=x\n||a.test^$csp=script-src 'self'\n")
    second = filters("/ad.js$script,redirect=noopjs\n||a.test^$removeparam=y\n||a.test^$csp=img-src 'self'\n")
    together = Together(((0, first), (3, second)))
    page = subject("http://a.test/?x=1&y=2", resource="document")
    assert [removal.line for removal in together.removals(page)] == [2, 5]
    assert [removal.takes("y=2") for removal in together.removals(page)] == [False, True]
    assert [addition.line for addition in together.additions(page)] == [3, 6]
    replacement = together.replacement(subject("http://b.test/ad.js", resource="script"))
    assert replacement is not None
    assert (replacement.line, replacement.surrogate) == (4, "noop.js")
    assert Together(((0, NAMES),)).replacement(page) is None
