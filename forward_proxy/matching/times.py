"""Is it the time of day and week that the rule means?

A window runs from `from` up to but not including `to`, by the clock of one zone.  When `to` is not after `from` it
crosses midnight, and its day is the day it began: `fri, 22:00 to 06:00` ends on Saturday morning.  So it is with dates:
`on` says which days alone are meant, `except` which are not.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.days import NO_DATES, Dates
from forward_proxy.matching.subject import Subject

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = frozenset(range(7))
MIDNIGHT = 24 * 60

_CLOCK = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Window:
    """Days (Monday is 0) and minutes of the day by one zone's clock; `on` None means any date."""

    zone: tzinfo
    days: frozenset[int] = EVERY_DAY
    begins: int = 0
    ends: int = MIDNIGHT
    on: Dates | None = None
    but: Dates = NO_DATES

    def covers(self, at: int) -> bool:
        now = datetime.fromtimestamp(at, self.zone)
        minute = now.hour * 60 + now.minute
        if self.begins < self.ends:
            return self.begins <= minute < self.ends and self._is_of(now.date())
        if minute >= self.begins:
            return self._is_of(now.date())
        return minute < self.ends and self._is_of(now.date() - timedelta(days=1))

    def _is_of(self, day: date) -> bool:
        return day.weekday() in self.days and (self.on is None or day in self.on) and day not in self.but


@dataclass(frozen=True, slots=True)
class Times:
    """The key `time`."""

    windows: tuple[Window, ...]
    key: ClassVar[str] = "time"
    needs_response: ClassVar[bool] = False

    @classmethod
    def of(cls, windows: Sequence[Window]) -> "Times":
        return cls(tuple(windows))

    def holds(self, subject: Subject) -> bool:
        return any(window.covers(subject.at) for window in self.windows)


def read_days(text: str) -> frozenset[int] | Unreadable:
    """`sat`, or a range that may run over the week's end, such as `fri-mon`."""
    first, dash, last = text.partition("-")
    if first not in DAYS or (dash and last not in DAYS):
        return Unreadable(f"expected a day such as mon or a range such as mon-fri, not {text}")
    begin = DAYS.index(first)
    length = (DAYS.index(last) - begin) % 7 if dash else 0
    return frozenset((begin + step) % 7 for step in range(length + 1))


def read_clock(text: str) -> int | Unreadable:
    """Minutes since midnight; 24:00 is the end of the day."""
    match = _CLOCK.fullmatch(text)
    minutes = int(match[1]) * 60 + int(match[2]) if match else MIDNIGHT + 1
    return minutes if minutes <= MIDNIGHT else Unreadable(f'expected a time of day such as "09:00", not {text}')


def read_zone(text: str) -> ZoneInfo | Unreadable:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # A folder of the database is an OSError.
        return Unreadable(f"unknown time zone {text}; expected an IANA name such as Europe/Berlin")
