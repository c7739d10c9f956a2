from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.days import NO_DATES, Dates, read_dates


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("2026-12-25", ["2026-12-25"], ["2026-12-24", "2027-12-25"]),
        ("2026-12-21/2027-01-06", ["2026-12-21", "2027-01-01", "2027-01-06"], ["2026-12-20", "2027-01-07"]),
        ("12-25", ["2026-12-25", "2030-12-25"], ["2026-12-26"]),
        ("02-29", ["2028-02-29"], ["2026-02-28", "2026-03-01"]),
    ],
)
def test_days(text: str, inside: list[str], outside: list[str]) -> None:
    dates = read_dates(text)
    assert isinstance(dates, Dates)
    assert all(date.fromisoformat(day) in dates for day in inside)
    assert not any(date.fromisoformat(day) in dates for day in outside)


def test_several_are_all_of_them_and_none_is_none() -> None:
    read = [read_dates(text) for text in ("2026-12-24", "12-25")]
    both = Dates.of(each for each in read if isinstance(each, Dates))
    assert date(2026, 12, 24) in both
    assert date(2029, 12, 25) in both
    assert Dates.of([]) == NO_DATES


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2026-13-01", "expected a date such as 2026-12-25"),
        ("2027-02-29", "expected a date"),
        ("02-30", "expected a date"),
        ("20261225", "expected a date"),
        ("2026-12-25/", "expected a date"),
        ("2026-W52-5", "expected a date"),
        ("2027-01-06/2026-12-21", "2027-01-06/2026-12-21 ends before it begins"),
    ],
)
def test_what_is_no_date_is_told(text: str, told: str) -> None:
    read = read_dates(text)
    assert isinstance(read, Unreadable)
    assert read.text.startswith(told)


@given(st.text() | st.from_regex(r"[0-9]{1,4}-[0-9]{2}(-[0-9]{2})?(/[0-9-]+)?", fullmatch=True))
def test_reading_never_raises(text: str) -> None:
    read_dates(text)
