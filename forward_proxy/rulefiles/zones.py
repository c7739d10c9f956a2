"""By which clock are times read when a rule names no zone?  The one asked for, else this machine's own."""

import time
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from forward_proxy.errors import SettingsError
from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.times import read_zone


def zone_named(name: str | None) -> tzinfo:
    """The IANA zone of this name, the machine's own for None; raises SettingsError."""
    if name is None:
        return LocalZone()
    zone: ZoneInfo | Unreadable = read_zone(name)
    if isinstance(zone, Unreadable):
        raise SettingsError(f"zone: {zone.text}")
    return zone


class LocalZone(tzinfo):
    """The zone the operating system shows local time in, however it is configured (TZ, /etc/localtime)."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        if moment is None:
            return None
        as_local = (*moment.timetuple()[:8], 1 - 2 * moment.fold if moment.fold else -1)
        return timedelta(seconds=time.localtime(time.mktime(as_local)).tm_gmtoff)

    def dst(self, moment: datetime | None) -> timedelta | None:
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        return None if moment is None else time.localtime(moment.timestamp()).tm_zone

    def fromutc(self, moment: datetime) -> datetime:
        since_epoch = (moment.replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001 -- UTC by contract
        return moment + timedelta(seconds=time.localtime(since_epoch).tm_gmtoff)
