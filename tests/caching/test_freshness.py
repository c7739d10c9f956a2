"""RFC 9111 §4.2, sentence by sentence."""

from dataclasses import asdict, replace

import pytest

from forward_proxy.caching.directives import INFINITE
from forward_proxy.caching.freshness import freshness, freshness_lifetime, heuristic_lifetime
from forward_proxy.caching.options import Options
from tests.caching.messages import NOW, date, stored

SHARED = Options()
PRIVATE = Options(shared=False)
DAY = 24 * 3600


@pytest.mark.parametrize(
    ("lines", "shared", "private"),
    [
        (["Cache-Control: max-age=60"], 60, 60),
        (["Cache-Control: s-maxage=60"], 60, None),
        (["Cache-Control: max-age=10, s-maxage=60"], 60, 10),  # §4.2.1: s-maxage first.
        (["Cache-Control: s-maxage=1, max-age=60"], 1, 60),
        (["Cache-Control: max-age=60", f"Expires: {date(-9)}"], 60, 60),  # §5.3: Expires is then ignored.
        (["Cache-Control: max-age=x", f"Expires: {date(9)}"], 0, 0),
        ([f"Expires: {date(90)}"], 90, 90),
        ([f"Expires: {date(0)}"], 0, 0),
        ([f"Expires: {date(-90)}"], 0, 0),
        (["Expires: 0"], 0, 0),  # §5.3: invalid dates are in the past.
        (["Expires: "], 0, 0),
        ([f"Expires: {date(90)} "], 90, 90),
        ([f"Expires: {date(90)}", "Expires: 0"], 90, 90),  # §4.2.1: the first occurrence.
        (["Expires: 0", f"Expires: {date(90)}"], 0, 0),
        ([f"Expires: {date(90)}, {date(90)}"], 0, 0),
        ([f"Expires: {date(90).upper()}"], 90, 90),  # §4.2: matched case-insensitively.
        ([f"Expires: {date(90).replace('GMT', 'UTC')}"], 0, 0),  # §4.2: no other zone.
        ([f"Date: {date(400)}", f"Expires: {date(300)}"], 0, 0),
        ([f"Date: {date(-10)}", f"Expires: {date(10)}"], 20, 20),
        (["Date: yesterday", f"Expires: {date(10)}"], 10, 10),  # RFC 9110 §6.6.1: the time of receipt.
        (["Expires: Sun, 21 Nov 2286 04:46:39 GMT"], INFINITE, INFINITE),
        (["Cache-Control: no-cache"], None, None),
        (["Pragma: no-cache"], None, None),  # §5.4: without meaning in a response.
        ([], None, None),
    ],
)
def test_explicit_lifetime_4_2_1(lines: list[str], shared: int | None, private: int | None) -> None:
    assert freshness_lifetime(stored(*lines), SHARED) == shared
    assert freshness_lifetime(stored(*lines), PRIVATE) == private


@pytest.mark.parametrize(
    ("status", "cache_control", "lifetime"),
    [
        *((status, "x", 1000) for status in (200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501)),
        *((status, "x", None) for status in (201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504, 599)),
        (599, "public", 1000),
    ],
)
def test_heuristics_need_a_status_or_a_mark_4_2_2(status: int, cache_control: str, lifetime: int | None) -> None:
    one = stored(f"Last-Modified: {date(-10_000)}", f"Cache-Control: {cache_control}", status=status)
    assert heuristic_lifetime(one, SHARED) == lifetime


def test_private_marks_a_response_for_a_private_cache_5_2_2_7() -> None:
    one = stored(f"Last-Modified: {date(-10_000)}", "Cache-Control: private", status=403)
    assert (heuristic_lifetime(one, SHARED), heuristic_lifetime(one, PRIVATE)) == (None, 1000)


@pytest.mark.parametrize(
    ("modified", "options", "lifetime"),
    [
        (date(-100 * DAY), SHARED, 7 * DAY),
        (date(-100), Options(heuristic_fraction=0.5), 50),
        (date(+100), SHARED, 0),
        ("long ago", SHARED, None),
    ],
)
def test_heuristic_is_a_bounded_fraction_since_last_modified(
    modified: str, options: Options, lifetime: int | None
) -> None:
    assert heuristic_lifetime(stored(f"Last-Modified: {modified}"), options) == lifetime


def test_a_query_has_a_heuristic_only_by_choice() -> None:
    one = stored(f"Last-Modified: {date(-100)}", url="http://example.com/?")
    assert heuristic_lifetime(one, SHARED) is None
    assert heuristic_lifetime(one, Options(heuristics_with_query=True)) == 10


@pytest.mark.parametrize("explicit", ["Cache-Control: max-age=0", "Cache-Control: max-age=x", "Expires: 0"])
def test_no_heuristic_beside_an_explicit_time_4_2_2(explicit: str) -> None:
    sums = freshness(stored(explicit, f"Last-Modified: {date(-10_000)}"), NOW, SHARED)
    assert (sums.freshness_lifetime, sums.fresh) == (0, False)
    assert sums.basis in ("max-age", "Expires")


@pytest.mark.parametrize(
    ("age", "age_value"),
    [
        ("30", 30),
        ("0", 0),
        ("7200, 0", 7200),  # §5.1: of a list the first member.
        ("0, 7200", 0),
        ("abc", 0),  # §5.1: an invalid one is ignored.
        ("-7200", 0),
        ("7200.0", 0),
        ("7200;foo=1", 0),
        ("", 0),
        ("99999999999", INFINITE),
    ],
)
def test_age_value_5_1(age: str, age_value: int) -> None:
    assert freshness(stored(f"Age: {age}"), NOW, SHARED).age_value == age_value


def test_age_lines_are_a_list() -> None:
    assert freshness(stored("Age: 5", "Age: 9"), NOW, SHARED).age_value == 5


def test_every_sum_of_4_2_3() -> None:
    sums = freshness(stored(f"Date: {date(-40)}", "Age: 30", "Cache-Control: max-age=100", delay=4), NOW + 7, SHARED)
    assert asdict(sums) == {
        "now": NOW + 7,
        "request_time": NOW - 4,
        "response_time": NOW,
        "date_value": NOW - 40,
        "age_value": 30,
        "apparent_age": 40,
        "response_delay": 4,
        "corrected_age_value": 34,
        "corrected_initial_age": 40,
        "resident_time": 7,
        "current_age": 47,
        "freshness_lifetime": 100,
        "basis": "max-age",
    }
    assert (sums.fresh, sums.ttl) == (True, 53)


@pytest.mark.parametrize(
    ("lines", "delay", "later", "age"),
    [
        (["Age: 30"], 5, 0, 35),  # The value is relative to when the request was made.
        ([f"Date: {date(-99)}", "Age: 30"], 5, 0, 99),  # The larger of the two ways.
        ([f"Date: {date(+99)}"], 0, 3, 3),  # A negative apparent_age is zero.
        (["Date: never"], 0, 3, 3),
        ([], -5, 3, 3),  # A clock set back between request and response,
        ([], 0, -3, 0),  # and one set back since.
        (["Age: 2147483648"], 9, 9, INFINITE),
    ],
)
def test_current_age_4_2_3(lines: list[str], delay: int, later: int, age: int) -> None:
    assert freshness(stored(*lines, delay=delay), NOW + later, SHARED).current_age == age


@pytest.mark.parametrize(("later", "fresh"), [(59, True), (60, False), (61, False)])
def test_fresh_means_a_lifetime_beyond_the_age_4_2(later: int, fresh: bool) -> None:
    assert freshness(stored("Cache-Control: max-age=60"), NOW + later, SHARED).fresh is fresh


@pytest.mark.parametrize(("now", "ttl", "fresh"), [(9, 1, True), (10, 0, False), (40, -30, False), (200, -190, False)])
def test_a_soft_purge_ends_the_lifetime_at_its_moment(now: int, ttl: int, fresh: bool) -> None:
    purged = replace(stored("Cache-Control: max-age=60", "Age: 5"), stale_from=NOW + 10)
    sums = freshness(purged, NOW + now, SHARED)
    assert (sums.ttl, sums.fresh, sums.basis) == (ttl, fresh, "soft purge")


def test_a_soft_purge_makes_nothing_fresh() -> None:
    for line in ("Cache-Control: max-age=4", "Cache-Control: no-store"):
        purged = replace(stored(line), stale_from=NOW + 10)
        assert freshness(purged, NOW, SHARED) == freshness(replace(purged, stale_from=None), NOW, SHARED)


def test_what_was_purged_before_it_was_received_is_never_fresh() -> None:
    assert not freshness(replace(stored("Cache-Control: max-age=60"), stale_from=NOW - 5), NOW, SHARED).fresh
