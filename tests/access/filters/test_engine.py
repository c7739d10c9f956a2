"""Which filter has the last word, and what it says of itself."""

from itertools import permutations

import pytest

from forward_proxy.access.lists.found import Found
from tests.access.filters.asking import blocks, found, read, request

BLOCK, IMPORTANT, EXCEPTION = "||example.com^", "/banner/$important", "@@/ad.js$script"


def test_nothing_is_found_where_nothing_blocks() -> None:
    assert found((BLOCK, EXCEPTION), request("https://other.example/ad.js")) is None


def test_a_block_names_its_line_and_text() -> None:
    assert found(("! head", "||example.com^$script"), request()) == Found(2, "||example.com^$script")
    assert found(("! head", BLOCK), request()) == Found(2, BLOCK)
    assert found("0.0.0.0 a.example example.com # ads", request()) == Found(1, "0.0.0.0 a.example example.com # ads")


def test_an_exception_names_what_it_overrides() -> None:
    assert found((BLOCK, EXCEPTION), request()) == Found(2, EXCEPTION, exception=True, overrides=Found(1, BLOCK))


def test_an_important_filter_passes_over_exceptions() -> None:
    exception = Found(1, EXCEPTION, exception=True)
    assert found((EXCEPTION, IMPORTANT), request()) == Found(2, IMPORTANT, important=True, overrides=exception)
    assert found((EXCEPTION, IMPORTANT, BLOCK), request()) == Found(2, IMPORTANT, important=True, overrides=exception)
    assert found(IMPORTANT, request()) == Found(1, IMPORTANT, important=True)


@pytest.mark.parametrize("lines", list(permutations((BLOCK, IMPORTANT, EXCEPTION))))
def test_order_does_not_matter(lines: tuple[str, ...]) -> None:
    assert blocks(lines, request())


@pytest.mark.parametrize("lines", list(permutations((BLOCK, EXCEPTION))))
def test_an_exception_may_come_first(lines: tuple[str, ...]) -> None:
    assert not blocks(lines, request())


def test_an_exception_for_documents_is_for_all_that_the_pages_ask_for() -> None:
    trust = "@@||news.example^$document"
    assert not blocks((BLOCK, trust), request(page="www.news.example"))
    assert blocks((BLOCK, trust), request(page="other.example"))
    assert blocks((BLOCK, trust), request(page=None))
    assert found((BLOCK, trust), request()) == Found(2, trust, exception=True, overrides=Found(1, BLOCK))
    assert blocks((BLOCK, "@@||news.example/path^$document"), request()), "of the page only the host is known"
    assert blocks((BLOCK, "@@||news.example^$document,domain=a.example"), request())
    assert blocks((BLOCK, "@@||news.example^$script"), request())


def test_an_important_exception_is_an_exception() -> None:
    assert blocks((IMPORTANT, "@@/ad.js$important"), request())
    assert not blocks((BLOCK, "@@/ad.js$important"), request())


@pytest.mark.parametrize(
    ("filter_", "bad"),
    [
        (BLOCK, "||example.com^$badfilter"),
        ("||example.com^$script,third-party", "||example.com^$badfilter,3p,script"),
        ("||example.com^$domain=a.example|news.example", "||example.com^$domain=news.example|a.example,badfilter"),
        ("/banner\\/ad/", "/banner\\/ad/$badfilter"),
    ],
)
def test_badfilter_removes_what_says_the_same(filter_: str, bad: str) -> None:
    assert blocks(filter_, request())
    assert not blocks((filter_, bad), request())
    assert not blocks((bad, filter_), request())


def test_badfilter_removes_nothing_else() -> None:
    assert blocks(("||example.com^$script", "||example.com^$badfilter"), request())
    assert blocks((BLOCK, "||example.com^$script,badfilter"), request())
    assert blocks((BLOCK, EXCEPTION, "@@/ad.js$script,badfilter"), request())


def test_it_answers_the_same_again() -> None:
    filters = read(BLOCK, EXCEPTION, IMPORTANT)
    assert filters.find(request()) == filters.find(request())
