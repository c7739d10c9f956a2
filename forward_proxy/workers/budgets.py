"""What is used of budgets, as this process counts it and decides by it, together with all others.

Counting costs a request a look into a dictionary.  Every two seconds what was counted is written, in a thread, to where
all processes add it up (storage/budgets.py), the sum is read, and what runs on under a budget that is used up is cut.
So a budget that another worker has used up ends here as much later; a bonus counts from the next answer on.

Policies carry the use of budgets, and what is remembered of answers holds for one policy.  So there is a new one only
when an account has run out or has minutes again, and with the minute, beyond which nothing is remembered anyway.

Use that cannot be read or written makes every budget count as used up, which is said as the error it is, until it can.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakSet

from forward_proxy.access.budgets import NO_USAGE, Usage, Use
from forward_proxy.access.rules import AccessRules
from forward_proxy.errors import StorageError
from forward_proxy.policy.meter import Passage
from forward_proxy.storage.budgets import BudgetStore, Tallies, Tally

logger = logging.getLogger(__name__)

_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was read, and the numbers that say what had happened by then; none when it could not be read."""

    usage: Usage
    given: int = -1
    counted: int = -1


class UseOfBudgets:
    """The meter of this process; `store` is started, `clock` gives POSIX seconds.

    But for `of` everything is called in the loop that serves.
    """

    def __init__(self, store: BudgetStore, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._access = AccessRules()
        self._tallies: Tallies = {}
        self._passages: WeakSet[Passage] = WeakSet()
        self._read = _Reading(NO_USAGE)
        self._due = False  # A policy should be made by what was read.
        self._made_at = -1
        self._told = ""

    # What drivers tell.

    def count(self, use: Use) -> None:
        """This was let through now."""
        self._add(use, int(self._clock()) // 60)

    def begin(self, passage: Passage) -> None:
        """From here on its bytes are counted as they pass, and it may be cut, once."""
        self._passages.add(passage)

    def end(self, passage: Passage) -> None:
        """Nothing more passes there."""
        if passage in self._passages:
            self._look_at(passage, int(self._clock()) // 60)
            self._passages.discard(passage)

    # What decides.

    @property
    def outdated(self) -> bool:
        """Whether `of` has more to say than it did last; cheap enough to be asked for each request."""
        return self._due or (bool(self._access.budgets) and self._store.given != self._read.given)

    def of(self, access: AccessRules) -> AccessRules:
        """These rules, which are in force from now on, with what is used of their budgets.  Never raises."""
        now = int(self._clock())
        if not access.budgets:
            self._read = _Reading(NO_USAGE)
        elif access.budgets is not self._access.budgets or self._store.given != self._read.given:
            self._read = self._known({}, access, now)
        self._access = access.used(self._read.usage)
        self._due, self._made_at = False, now // 60
        return self._access

    # What happens every now and then.

    async def run(self) -> None:
        """Settle, from time to time, until cancelled; then once more."""
        try:
            while True:
                await asyncio.sleep(_EVERY_S)
                await self.settle()
        finally:
            now = int(self._clock())
            self._collect(now)
            if self._tallies:
                self._known(self._tallies, self._access, now)

    async def settle(self) -> None:
        """Write what was counted, read what is used by all, and cut what has no minutes left.  Never raises."""
        now, access = int(self._clock()), self._access
        self._cut(now)  # Before what has passed since the last minute's end would count as another one.
        self._collect(now)
        if self._tallies or (access.budgets and self._read.counted != self._store.counted):
            tallies, self._tallies = self._tallies, {}
            read = await asyncio.to_thread(self._known, tallies, access, now)
            if read.usage.unread:
                self._put_back(tallies)
            if access.budgets is self._access.budgets:  # Or they have been reloaded meanwhile.
                self._take(read, now)
        self._cut(now)

    def _take(self, read: _Reading, now: int) -> None:
        before, budgets = self._access.usage, self._access.budgets
        self._read = read
        self._due = self._due or (
            (read.usage.unread, read.usage.full) != (before.unread, before.full)
            or read.usage.without_rest(budgets, now) != before.without_rest(budgets, now)
            or (now // 60 != self._made_at and read.usage != before)
        )

    def _cut(self, now: int) -> None:
        if not self._passages:
            return
        access = self._access.used(self._read.usage)
        for passage in tuple(self._passages):
            denied = next(filter(None, (access.spent(account, now) for account in passage.accounts)), None)
            if denied is not None:
                self._passages.discard(passage)
                passage.cut(denied)

    def _known(self, tallies: Tallies, access: AccessRules, now: int) -> _Reading:
        """What is used once these are added; all of it counts as used when that cannot be known."""
        try:
            given = self._store.given
            if tallies:
                self._store.add(tallies, now)
            counted = self._store.counted
            read = _Reading(self._store.usage(access.budgets.values(), now), given, counted)
        except StorageError as fault:
            self._tell(f"{fault}; what was used of budgets is not known, so every budget counts as used up")
            return _Reading(Usage(unread=True), self._read.given)
        self._told = ""
        return read

    def _tell(self, line: str) -> None:
        """Once, not each time that it is still so."""
        if line != self._told:
            logger.error("%s", line)
        self._told = line

    def _collect(self, now: int) -> None:
        for passage in tuple(self._passages):
            self._look_at(passage, now // 60)

    def _look_at(self, passage: Passage, minute: int) -> None:
        passed = passage.passed()
        if passed > passage.counted:
            self._add(Use(passage.accounts, length=passed - passage.counted), minute)
            passage.counted = passed

    def _add(self, use: Use, minute: int) -> None:
        for account in use.accounts:
            tally = self._tallies.get((account, minute))
            if tally is None:
                tally = self._tallies[account, minute] = Tally()
            tally.add(use.opened, use.length)

    def _put_back(self, tallies: Tallies) -> None:
        for (account, minute), tally in tallies.items():
            self._add(Use((account,), tally.opened, tally.length), minute)
