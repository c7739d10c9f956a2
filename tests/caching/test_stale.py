"""RFC 9111 §4.2.4 and RFC 5861: leave to reuse what is stale."""

import pytest

from forward_proxy.caching.directives import directives
from forward_proxy.caching.freshness import freshness
from forward_proxy.caching.options import Options
from forward_proxy.caching.stale import client_accepts, forbids_stale, stands_in, within_revalidation_window
from tests.caching.messages import NOW, section, stored

SHARED = Options()
PRIVATE = Options(shared=False)
TEN_STALE = freshness(stored("Cache-Control: max-age=60", at=-70), NOW, SHARED)


@pytest.mark.parametrize(
    ("cache_control", "shared", "private"),
    [
        ("must-revalidate", True, True),
        ("no-cache", True, True),
        ('no-cache="x"', False, False),
        ("proxy-revalidate", True, False),  # §5.2.2.8: not for private caches.
        ("s-maxage=60", True, False),  # §5.2.2.10: has the meaning of proxy-revalidate.
        ("max-age=60", False, False),
        ("immutable", False, False),
    ],
)
def test_directives_that_forbid_it(cache_control: str, shared: bool, private: bool) -> None:
    said = directives(section(f"Cache-Control: {cache_control}"))
    assert (forbids_stale(said, SHARED), forbids_stale(said, PRIVATE)) == (shared, private)


@pytest.mark.parametrize(
    ("wants", "accepted"),
    [
        ("max-stale", True),  # §5.2.1.2: without a value, any staleness.
        ("max-stale=10", True),
        ("max-stale=9", False),
        ("max-stale=x", False),
        ("max-stale=", False),
        ("max-age=99", False),
    ],
)
def test_max_stale_5_2_1_2(wants: str, accepted: bool) -> None:
    assert client_accepts(directives(section(f"Cache-Control: {wants}")), TEN_STALE) is accepted


@pytest.mark.parametrize(
    ("wants", "said", "allowed"),
    [
        ("x", "stale-while-revalidate=10", True),
        ("x", "stale-while-revalidate=9", False),
        ("x", "stale-while-revalidate", False),
        ("x", "x", False),
        ("max-age=99", "stale-while-revalidate=10", False),
        ("min-fresh=0", "stale-while-revalidate=10", False),
    ],
)
def test_stale_while_revalidate_rfc_5861_3(wants: str, said: str, allowed: bool) -> None:
    pair = directives(section(f"Cache-Control: {wants}")), directives(section(f"Cache-Control: {said}"))
    assert within_revalidation_window(*pair, TEN_STALE, SHARED) is allowed


@pytest.mark.parametrize(
    ("wants", "said", "allowed"),
    [
        ("x", "x", True),
        ("x", "stale-while-revalidate=9, stale-if-error=9", False),  # What the origin says counts.
        ("max-age=99", "x", False),
    ],
)
def test_a_grace_of_the_operators_where_the_response_names_none(wants: str, said: str, allowed: bool) -> None:
    pair = directives(section(f"Cache-Control: {wants}")), directives(section(f"Cache-Control: {said}"))
    enough, short = Options(stale_while_revalidate_s=10), Options(stale_while_revalidate_s=9)
    assert within_revalidation_window(*pair, TEN_STALE, enough) is allowed
    assert not within_revalidation_window(*pair, TEN_STALE, short)
    enough, short = Options(stale_if_error_s=10), Options(stale_if_error_s=9)
    assert stands_in(*pair, TEN_STALE, enough, answered=True) is allowed
    assert not stands_in(*pair, TEN_STALE, short, answered=True)


@pytest.mark.parametrize(
    ("wants", "said", "allowed"),
    [
        ("x", "x", False),
        ("x", "stale-if-error=10", True),  # RFC 5861 §4.
        ("x", "stale-if-error=9", False),
        ("stale-if-error=10", "x", True),
        ("max-stale=10", "x", True),
        ("max-age=99", "stale-if-error=10", False),  # §5.2.1.1: no wish for anything stale.
        ("max-age=99, max-stale", "stale-if-error=10", True),
    ],
)
def test_in_place_of_an_error(wants: str, said: str, allowed: bool) -> None:
    pair = directives(section(f"Cache-Control: {wants}")), directives(section(f"Cache-Control: {said}"))
    assert stands_in(*pair, TEN_STALE, SHARED, answered=True) is allowed
    assert stands_in(*pair, TEN_STALE, Options(disconnected_stale_s=0), answered=False) is allowed
    assert stands_in(*pair, TEN_STALE, SHARED, answered=False)


@pytest.mark.parametrize(("seconds", "allowed"), [(9, False), (10, True)])
def test_a_disconnected_cache_by_the_operators_choice_4_2_4(seconds: int, allowed: bool) -> None:
    nothing = directives(section())
    options = Options(disconnected_stale_s=seconds)
    assert stands_in(nothing, nothing, TEN_STALE, options, answered=False) is allowed
    assert not stands_in(nothing, nothing, TEN_STALE, options, answered=True)
