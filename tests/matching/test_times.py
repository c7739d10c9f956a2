from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest

from tests.matching.requests import matcher, problems, subject

BERLIN = ZoneInfo("Europe/Berlin")


def holds(window: object, moment: str, zone: tzinfo = UTC) -> bool:
    at = int(datetime.fromisoformat(moment).replace(tzinfo=zone).timestamp())
    return matcher({"time": window}, zone).matches(subject(at=at))


@pytest.mark.parametrize(
    ("window", "moment", "expected"),
    [
        # 2026-11-23 is a Monday.
        ({"days": "mon-fri", "from": "09:00", "to": "17:00"}, "2026-11-23T09:00:00", True),
        ({"days": "mon-fri", "from": "09:00", "to": "17:00"}, "2026-11-23T08:59:59", False),
        ({"days": "mon-fri", "from": "09:00", "to": "17:00"}, "2026-11-23T16:59:59", True),
        ({"days": "mon-fri", "from": "09:00", "to": "17:00"}, "2026-11-23T17:00:00", False),
        ({"days": "mon-fri", "from": "09:00", "to": "17:00"}, "2026-11-22T10:00:00", False),
        ({"days": "sat"}, "2026-11-28T23:59:59", True),
        ({"days": "sat"}, "2026-11-29T00:00:00", False),
        ({"days": ["mon", "wed-thu"]}, "2026-11-26T12:00:00", True),
        ({"days": ["mon", "wed-thu"]}, "2026-11-24T12:00:00", False),
        ({"days": "fri-mon"}, "2026-11-22T12:00:00", True),
        ({"days": "fri-mon"}, "2026-11-24T12:00:00", False),
        ({"from": "17:00", "to": "24:00"}, "2026-11-23T23:59:59", True),
    ],
)
def test_a_window_begins_at_from_and_ends_before_to(window: object, moment: str, expected: bool) -> None:
    assert holds(window, moment) is expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-27T21:59:59", False),
        ("2026-11-27T22:00:00", True),
        ("2026-11-28T05:59:59", True),  # Saturday morning, of the window that began on Friday.
        ("2026-11-28T06:00:00", False),
        ("2026-11-27T03:00:00", False),  # Friday morning, of Thursday's window.
        ("2026-11-28T23:00:00", False),
    ],
)
def test_a_window_past_midnight_belongs_to_the_day_it_began(moment: str, expected: bool) -> None:
    assert holds({"days": "fri", "from": "22:00", "to": "06:00"}, moment) is expected


def test_sunday_night_reaches_into_monday() -> None:
    assert holds({"days": "sun", "from": "22:00", "to": "06:00"}, "2026-11-23T01:00:00")


def test_equal_ends_are_a_whole_day_from_there() -> None:
    window = {"days": "mon", "from": "08:00", "to": "08:00"}
    assert [holds(window, f"2026-11-{time}:00") for time in ("23T07:59", "23T08:00", "24T07:59", "24T08:00")] == [
        False,
        True,
        True,
        False,
    ]


def test_any_window_of_a_list_may_hold() -> None:
    lunch_or_night = [{"from": "12:00", "to": "13:00"}, {"from": "22:00", "to": "06:00"}]
    assert [holds(lunch_or_night, f"2026-11-23T{hour}:30:00") for hour in ("12", "15", "23")] == [True, False, True]


def test_the_clock_is_the_rules_own_zone_and_else_the_one_of_the_set() -> None:
    """09:30 in Berlin, in winter and in summer; 08:30 and 07:30 in UTC."""
    for moment in ("2026-01-05T09:30", "2026-07-06T09:30"):
        assert holds({"from": "09:00", "to": "10:00"}, moment, BERLIN)
        assert holds({"from": "09:00", "to": "10:00", "zone": "Europe/Berlin"}, moment, BERLIN)
        assert not holds({"from": "09:00", "to": "10:00", "zone": "UTC"}, moment, BERLIN)


@pytest.mark.parametrize(
    ("window", "found"),
    [
        ({}, [("time", "expected days, or from and to")]),
        ("noon", [("time", "expected a mapping of days, from, to and zone")]),
        ({"from": "09:00"}, [("time", "from and to need each other")]),
        ({"days": "Mon"}, [("time.days", "expected a day such as mon or a range such as mon-fri, not Mon")]),
        ({"days": []}, [("time.days", "expected at least one value")]),
        ({"days": ["mon", "x"]}, [("time.days.1", "expected a day such as mon or a range such as mon-fri, not x")]),
        ({"from": "9", "to": "24:01"}, [
            ("time.from", 'expected a time of day such as "09:00", not 9'),
            ("time.to", 'expected a time of day such as "09:00", not 24:01'),
        ]),
        ({"from": "24:00", "to": "06:00"}, [("time.from", "a window cannot begin at the end of the day; write 00:00")]),
        ({"days": "mon", "day": "tue"}, [("time.day", "unknown key; did you mean days?")]),
    ],
)  # fmt: skip
def test_what_is_no_window_is_told(window: object, found: list[tuple[str, str]]) -> None:
    assert problems({"time": window}) == found


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "Europe", "../etc/passwd", "/etc/passwd", "x" * 1000, "a\0b"])
def test_what_is_no_zone_is_told_and_opens_no_other_file(zone: str) -> None:
    text = f"unknown time zone {zone}; expected an IANA name such as Europe/Berlin"
    assert problems({"time": {"days": "mon", "zone": zone}}) == [("time.zone", text)]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-12-23T21:00", False),
        ("2026-12-24T21:59", False),
        ("2026-12-24T22:00", True),
        ("2026-12-25T05:59", True),
        ("2026-12-25T06:00", False),
        ("2026-12-25T22:00", False),
        ("2026-12-26T05:00", False),
    ],
)
def test_a_date_is_the_one_on_which_the_window_began(moment: str, expected: bool) -> None:
    """Christmas Eve 2026 is a Thursday."""
    night = {"from": "22:00", "to": "06:00"}
    assert holds(night | {"on": "2026-12-24"}, moment) is expected
    assert holds(night | {"days": "thu-sat", "on": ["12-24", "12-25"], "except": "2026-12-25"}, moment) is expected


def test_by_the_calendar_of_the_window_s_zone() -> None:
    """Half past eleven in the evening in London is the next day in Berlin."""
    for zone, expected in (("Europe/London", False), ("Europe/Berlin", True)):
        assert holds({"on": "2026-12-25", "zone": zone}, "2026-12-24T23:30") is expected
