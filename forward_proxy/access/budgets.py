"""How many minutes of a day's budget are used, and is it used up?

A rule with a budget denies once its minutes are used up.  Until then it is passed over, and what is let through after
all is use of it.  A minute of the clock is used when, of all that is use of this budget in that minute,

- a page was opened (the resource is `document`), or
- at least LEAST_BYTES of content went through, both ways together: answers, uploads, messages of WebSockets, and the
  bytes of tunnels that are not opened.

So a tab that only polls in the background uses nothing, while a film, a call or a download does as long as it flows.
However many sites, connections and clients that share the budget are at it, a minute is used once.

A minute that has begun may be used to its end: the budget is used up from the end of its last minute on.  The day
begins when the clock of the zone first shows `resets`, so days of 23 and of 25 hours have one beginning, too.  What was
used stays filed under minutes of the clock, so a clock that was wrong for a while gives and takes no more than those.

All times are POSIX seconds; a minute is POSIX seconds // 60.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from typing import ClassVar, Literal, NamedTuple

from forward_proxy.matching.conditions import Condition
from forward_proxy.matching.matcher import Matcher, Not
from forward_proxy.matching.subject import Resource, Subject
from forward_proxy.message.hosts import unmapped

LEAST_BYTES = 100_000
MOST_MINUTES = 24 * 60
_WHO = frozenset(("client", "user", "listener", "group"))

type Per = Literal["client", "group"]


class Account(NamedTuple):
    """Whose use is counted together: the id of the rule, and a client's address, or "" for all whom it matches."""

    rule: str
    client: str


@dataclass(frozen=True, slots=True)
class Use:
    """What was let through at one time, for these budgets: whether it opened a page, and how many bytes it was."""

    accounts: tuple[Account, ...]
    opened: bool = False
    length: int = 0


@dataclass(frozen=True, slots=True)
class Used:
    """Of one account on the day from `begins` to before `ends`.

    `minutes` are used, this one included; `last` is the latest of them; `bonus` was given on top of the budget.
    """

    begins: int = 0
    ends: int = 0
    minutes: int = 0
    last: int = -1
    bonus: int = 0


@dataclass(frozen=True, slots=True)
class Budget:
    """Minutes a day; in a matcher it stands as the condition that its rule has one, and holds.

    `resets` is the minute of the day, by the clock of the zone, with which the day begins.
    """

    rule: str
    minutes: int
    per: Per
    resets: int
    zone: tzinfo
    key: ClassVar[str] = "budget"
    needs_response: ClassVar[bool] = False

    def holds(self, subject: Subject) -> bool:
        """Whether it is used up is not a fact of the exchange: AccessRules ask for that."""
        return True

    def account(self, subject: Subject) -> Account:
        """Whose use this exchange is."""
        client = "" if self.per == "group" or subject.client is None else str(unmapped(subject.client))
        return Account(self.rule, client)

    def day(self, at: int) -> tuple[int, int]:
        """When the day that this is in began, and when the next one begins."""
        today = datetime.fromtimestamp(at, self.zone).date()
        if at < self._begins(today):
            today -= timedelta(days=1)
        return self._begins(today), self._begins(today + timedelta(days=1))

    def _begins(self, day: date) -> int:
        clock = time(self.resets // 60, self.resets % 60)
        return int(datetime.combine(day, clock, self.zone).timestamp())


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an account stands at a moment, in minutes: `used`, of `limit`, the bonus included; None is not known.

    `ends` is when the day ends, and `told` says it all in words.
    """

    account: Account
    used: int | None
    limit: int
    bonus: int
    ends: int
    told: str

    @property
    def left(self) -> int:
        return 0 if self.used is None else max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used of all budgets, as far as it is known; what is not among the accounts is not used.

    `unread`: nothing is known, so everything counts as used up.  `full`: what is not among the accounts cannot be
    counted any more, so it counts as used up.  `assumed` are minutes that every account has used, for expectations.
    """

    accounts: Mapping[Account, Used] = field(default_factory=dict)
    unread: bool = False
    full: bool = False
    assumed: int = 0

    def is_spent(self, budget: Budget, account: Account, at: int) -> bool:
        """Whether this account of the budget is used up at this second.  Never raises."""
        if self.unread or (self.full and account not in self.accounts):
            return True
        used = self._used(account, at)
        return used.minutes - (used.last == at // 60) >= _limit(budget, used)

    def standing(self, budget: Budget, account: Account, at: int) -> Standing:
        """Where this account of the budget stands.  Never raises."""
        used, (_, ends) = self._used(account, at), budget.day(at)
        unknown = self.unread or (self.full and account not in self.accounts)
        limit = _limit(budget, used)
        if unknown:
            return Standing(account, None, limit, used.bonus, ends, _unknown(unread=self.unread))
        told = f"{_known(used.minutes, limit)}, more {_moment(budget, ends, at)}"
        return Standing(account, used.minutes, limit, used.bonus, ends, told)

    def without_rest(self, budgets: Mapping[str, Budget], at: int) -> frozenset[Account]:
        """Which of the accounts that are known have no minute left but the one that runs."""
        return frozenset(
            account
            for account in self.accounts
            if (budget := budgets.get(account.rule)) is not None
            and (used := self._used(account, at)).minutes >= _limit(budget, used)
        )

    def _used(self, account: Account, at: int) -> Used:
        # The account without a client has what was given to every client.
        used = self.accounts.get(account) or self.accounts.get(Account(account.rule, ""))
        return used if used is not None and used.begins <= at < used.ends else Used(minutes=self.assumed)


NO_USAGE = Usage()


def is_about(matcher: Matcher, subject: Subject) -> bool | None:
    """Whether a match that also asks who the client is means this one, whatever else it asks for.

    None when it is not known who uses the client, and that would settle it.
    """
    return Matcher(tuple(condition for condition in matcher.conditions if _asks_who(condition))).truth(subject)


def _asks_who(condition: Condition) -> bool:
    if isinstance(condition, Not):
        return all(map(_asks_who, condition.inner.conditions))
    return condition.key in _WHO


def _limit(budget: Budget, used: Used) -> int:
    return max(0, budget.minutes + used.bonus)


def _known(used: int, limit: int) -> str:
    left = f", {limit - used} left" if used < limit else ""
    return f"{used} of {limit} minutes used today{left}"


def _unknown(*, unread: bool) -> str:
    why = "what was used today cannot be read" if unread else "too many others have used it for one more to be counted"
    return f"{why}, so it counts as used up"


def _moment(budget: Budget, ends: int, at: int) -> str:
    """`at 04:00`, `tomorrow at 04:00`."""
    new, now = (datetime.fromtimestamp(moment, budget.zone) for moment in (ends, at))
    return f"{'' if new.date() == now.date() else 'tomorrow '}at {new:%H:%M}"


def opens(resource: Resource) -> bool:
    """Whether a person has opened a page by asking for this."""
    return resource == "document"
