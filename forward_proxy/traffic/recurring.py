"""Exchanges that come again and again, alike but for their times: how are they counted without a record of each?

Within one period of the log, some 200 ms, the first 16 are records of their own, fewer when the log is crowded.  What
follows in that period is counted, and becomes one record at its end: `exchanges` says for how many it stands.

One thread counts and another takes, without a lock: each writes fields that the other only reads, `counted` only ever
grows, and what a period's list holds is looked at once more when the next period ends.  So whoever was about to count
or to join the list while it was taken loses nothing.
"""

from dataclasses import fields, replace
from operator import attrgetter
from typing import Any

from forward_proxy.traffic.record import Record

_SINGLY = 16
_NAMES = tuple(field.name for field in fields(Record))
_STARTED_AT, _FIRST_BYTE_AT, _ENDED_AT = map(_NAMES.index, ("started_at", "first_byte_at", "ended_at"))
_values_of = attrgetter(*_NAMES)

type _Period = list["Recurring"]


class Recurring:
    """The same client, request and answer at other times; `record` has the times of one of them.

    For one thread to tell the log of, and for one log.
    """

    __slots__ = ("_values", "counted", "counted_in", "ended_at", "record", "single", "single_in", "started_at", "taken")

    def __init__(self, record: Record) -> None:
        self.record = record
        self._values: tuple[Any, ...] | None = None
        self.single = 0
        self.single_in: _Period | None = None
        self.counted = 0
        self.counted_in: _Period | None = None
        self.started_at = self.ended_at = 0.0
        self.taken = 0  # Of those counted; the other thread's.

    def one(self, started_at: float, ended_at: float) -> Record:
        """The record of one exchange."""
        if self._values is None:
            self._values = _values_of(self.record)
        values = [*self._values]  # `replace` would take five times as long.
        values[_STARTED_AT] = started_at
        values[_FIRST_BYTE_AT] = values[_ENDED_AT] = ended_at
        return Record(*values)

    def take(self) -> Record | None:
        """The record of all that were counted since it was last asked for; None when there were none."""
        exchanges = self.counted - self.taken
        if exchanges == 0:
            return None
        self.taken += exchanges
        if exchanges == 1:
            return self.one(self.started_at, self.ended_at)
        return replace(
            self.record,
            started_at=self.started_at,
            first_byte_at=None,
            ended_at=self.ended_at,
            request_bytes=self.record.request_bytes * exchanges,
            response_bytes=self.record.response_bytes * exchanges,
            exchanges=exchanges,
        )


class Counting:
    """What is counted in this period, and in the one before."""

    def __init__(self) -> None:
        self._period: _Period = []
        self._before: _Period = []

    @property
    def is_settled(self) -> bool:
        """Whether everything counted has been taken."""
        return not self._period and not self._before

    def goes_on(self, recurring: Recurring, ended_at: float) -> bool:
        """Counts an exchange that is counted in this period; False when it is not."""
        if recurring.counted_in is not self._period:
            return False
        recurring.counted += 1
        recurring.ended_at = ended_at
        return True

    def begins(self, recurring: Recurring, started_at: float, ended_at: float, *, crowded: bool) -> bool:
        """Counts from this exchange on for the rest of the period; False when it is to be a record of its own."""
        period = self._period
        if recurring.single_in is not period:
            recurring.single_in, recurring.single = period, 0
        if recurring.single < _SINGLY and not crowded:
            recurring.single += 1
            return False
        recurring.started_at, recurring.ended_at = started_at, ended_at
        recurring.counted += 1
        recurring.counted_in = period
        period.append(recurring)
        return True

    def take(self) -> list[Record]:
        """Ends the period; the records of what was counted."""
        before, self._before = self._before, self._period
        self._period = []
        return [record for recurring in (*before, *self._before) if (record := recurring.take())]
