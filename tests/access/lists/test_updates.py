import pytest

from forward_proxy.access.filters import parse_together
from forward_proxy.access.lists.listed import NotThere
from forward_proxy.access.lists.updates import (
    LEAST_ASKED,
    SHOWN,
    Denials,
    Difference,
    Entries,
    Use,
    difference,
    doubts,
    newly_denied,
)
from forward_proxy.access.rules import AccessRules
from forward_proxy.matching.subject import Resource
from tests.access.lists.lists import compiled
from tests.access.rulesets import rules
from tests.matching.requests import subject


def names(text: str, format_name: str = "auto") -> Entries:
    return Entries(compiled(text, format_name), range(1000))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (0, 0, ("it holds no rule",)),
        (10, 0, ("it holds no rule",)),
        (0, 1, ()),
        (10, 7, ()),
        (10, 6, ("it shrank by 40%, from 10 to 6 rules",)),
        (10, 1000, ()),
    ],
)
def test_an_edition_that_is_empty_or_has_shrunk_is_in_doubt(before: int, after: int, told: tuple[str, ...]) -> None:
    assert doubts(before, after, 0.3) == told


def test_a_difference_counts_all_and_names_some() -> None:
    before, after = names("a.test\nb.test\n"), names("b.test\nc.test\n")
    assert difference(before, after) == Difference(1, 1, ("c.test",), ("a.test",))
    assert difference(before, before) == Difference()
    assert difference(Entries(NotThere(), range(0)), after).added == 2
    many = names("".join(f"h{number}.test\n" for number in range(25_000)))
    told = difference(before, many)
    assert (told.added, told.removed, len(told.examples_added)) == (25_000, 2, SHOWN)


def test_a_difference_of_filters_is_told_by_their_text_wherever_they_stand() -> None:
    before, _ = parse_together([("a", "||a.test^\n/x/*$script\n||b.test^\n"), ("b", "||other.test^\n")])
    after, _ = parse_together([("a", "! New\n||b.test^\n||a.test^\n0.0.0.0 c.test\n@@||a.test/y\n"), ("b", "||z^\n")])
    told = difference(Entries(before, range(1, 4)), Entries(after, range(1, 6)))
    assert told == Difference(2, 1, ("0.0.0.0 c.test", "@@||a.test/y"), ("/x/*$script",))


def test_a_difference_of_expressions_is_told_too() -> None:
    before, after = names("^ads[0-9]\\.\n^old\\.\n", "regex"), names("^ads[0-9]\\.\n^new\\.\n", "regex")
    assert difference(before, after) == Difference(1, 1, ("^new\\.",), ("^old\\.",))


def test_a_list_that_came_in_another_format_is_other_entries() -> None:
    filters, _ = parse_together([("a", "||a.test^\n")])
    assert difference(names("a.test\n"), Entries(filters, range(1, 2))) == Difference(1, 1, ("||a.test^",), ("a.test",))


BEFORE, AFTER = AccessRules(), rules(("deny", {"host": "tracker.test"}))


def use(url: str, page: str | None = None, resource: Resource = "script", exchanges: int = 1) -> Use:
    third_party = None if page is None else page != "tracker.test"
    return Use(subject(url, page=page, third_party=third_party, resource=resource), exchanges)


@pytest.mark.parametrize(
    "one",
    [
        use("http://www.tracker.test/", resource="document"),
        use("http://www.tracker.test/", "search.test", "document"),
        use("http://www.tracker.test/app.js", "tracker.test"),
        use("http://www.tracker.test/api"),
    ],
)
def test_a_single_host_is_a_doubt_that_somebody_went_to_or_that_no_other_site_had_asked_for(one: Use) -> None:
    (doubt,) = newly_denied(BEFORE, AFTER, [one]).doubts
    assert doubt == "it would deny 1 host in use, such as www.tracker.test"
    assert newly_denied(AFTER, AFTER, [one]) == Denials()


def test_what_pages_have_other_sites_asked_for_is_a_doubt_when_it_is_a_large_share() -> None:
    tracked = use("http://x.tracker.test/t.js", "news.test")
    others = use("http://cdn.test/a.js", "news.test", exchanges=LEAST_ASKED)
    few = newly_denied(BEFORE, AFTER, [tracked, others])
    assert (few.third_parties, few.doubts) == (("x.tracker.test",), ())
    many = use("http://cdn.tracker.test/t.js", "news.test", exchanges=10)
    (doubt,) = newly_denied(BEFORE, AFTER, [tracked, others, many]).doubts
    assert doubt == "it would deny 10% of what pages ask of other sites, such as cdn.tracker.test, x.tracker.test"


def test_of_few_requests_no_share_is_a_doubt() -> None:
    tracked = use("http://x.tracker.test/t.js", "news.test", exchanges=LEAST_ASKED - 1)
    assert newly_denied(BEFORE, AFTER, [tracked]).doubts == ()
