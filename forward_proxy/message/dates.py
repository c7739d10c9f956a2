"""HTTP dates as POSIX seconds.  RFC 9110 §5.6.7.

Each of the three forms is one pattern; case does not matter, as RFC 9111 §4.2 asks of caches.  A two-digit year is
taken as the one not more than 50 years ahead of `now`, as §5.6.7 demands.  Anything else is None: the caller decides
what an invalid date means (§5.3 of RFC 9111 says: expired).
"""

import re
from calendar import timegm
from datetime import UTC, datetime

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = {name.encode(): number for number, name in enumerate(_MONTHS, 1)}
_IMF = re.compile(
    rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT", re.IGNORECASE
)
_RFC850 = re.compile(
    rb"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d\d)-([A-Z][a-z]{2})-(\d\d) (\d\d):(\d\d):(\d\d) GMT",
    re.IGNORECASE,
)
_ASCTIME = re.compile(
    rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})",
    re.IGNORECASE,
)


def parse_date(value: bytes, now: int) -> int | None:
    """POSIX seconds of an HTTP date, None when it is not one.  Never raises."""
    if match := _IMF.fullmatch(value):
        day, month, year, *clock = match.groups()
    elif match := _RFC850.fullmatch(value):
        day, month, short_year, *clock = match.groups()
        this_year = datetime.fromtimestamp(now, UTC).year
        full = this_year - this_year % 100 + int(short_year)
        year = b"%d" % (full - 100 if full > this_year + 50 else full + 100 if full <= this_year - 50 else full)
    elif match := _ASCTIME.fullmatch(value):
        month, day, *clock, year = match.groups()
    else:
        return None
    hour, minute, second = map(int, clock)
    month = month.title()
    if month not in _MONTH or hour > 23 or minute > 59 or second > 60:
        return None
    try:
        midnight = datetime(int(year), _MONTH[month], int(day), tzinfo=UTC)
    except ValueError:
        return None
    return timegm(midnight.timetuple()) + hour * 3600 + minute * 60 + second


def format_date(at: int) -> bytes:
    """IMF-fixdate of POSIX seconds, in English whatever the locale."""
    t = datetime.fromtimestamp(at, UTC)
    return (f"{_DAYS[t.weekday()]}, {t.day:02} {_MONTHS[t.month - 1]} {t.year:04} {t:%H:%M:%S} GMT").encode("ascii")
