"""Is it one of these days?  Dates, ranges of them, and days that come every year."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from forward_proxy.matching.conditions import Unreadable

_YEARLY = re.compile(r"([0-9]{2})-([0-9]{2})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LEAP_YEAR = 2024


@dataclass(frozen=True, slots=True)
class Dates:
    """Ranges with both ends, and month and day of what comes every year."""

    ranges: tuple[tuple[date, date], ...] = ()
    yearly: frozenset[tuple[int, int]] = frozenset()

    @classmethod
    def of(cls, parts: Iterable["Dates"]) -> "Dates":
        """All the days of these."""
        parts = tuple(parts)
        return cls(
            tuple(each for part in parts for each in part.ranges),
            frozenset().union(*(part.yearly for part in parts)),
        )

    def __contains__(self, day: date) -> bool:
        return (day.month, day.day) in self.yearly or any(first <= day <= last for first, last in self.ranges)


NO_DATES = Dates()


def read_dates(text: str) -> Dates | Unreadable:
    """`2026-12-25`, `2026-12-21/2027-01-06` with both ends, or `12-25` of every year."""
    wrong = Unreadable(f"expected a date such as 2026-12-25, 2026-12-21/2027-01-06 or 12-25, not {text}")
    try:
        if match := _YEARLY.fullmatch(text):
            day = date(_LEAP_YEAR, int(match[1]), int(match[2]))
            return Dates(yearly=frozenset(((day.month, day.day),)))
        first, slash, last = text.partition("/")
        if not _DATE.fullmatch(first) or (slash and not _DATE.fullmatch(last)):
            return wrong
        begins = date.fromisoformat(first)
        ends = date.fromisoformat(last) if slash else begins
    except ValueError:
        return wrong
    return Dates(((begins, ends),)) if begins <= ends else Unreadable(f"{text} ends before it begins")
