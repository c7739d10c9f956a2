"""Who has refused our certificate, and for which host?  What is not opened because of that.

A program that does not trust our authority, or that accepts its maker's certificates only, cannot be helped by another
try.  What it asks next of that host is relayed unread, until what is remembered of the refusal is over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forward_proxy.message.hosts import IPAddress

LATELY_S = 120
_OF_WHO_ACCEPTS, _OF_OTHERS = 5, 2
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Refusal:
    """The client at this address refused a certificate for this canonical host; `why` in words, times POSIX seconds."""

    client: IPAddress
    host: str
    why: str
    since: int
    until: int

    @property
    def told(self) -> str:
        return f"not opened, since {self.client} refused the certificate for {self.host} ({self.why})"


@dataclass(frozen=True, slots=True)
class Refusals:
    """All that are remembered."""

    each: tuple[Refusal, ...] = ()
    _filed: Mapping[tuple[IPAddress, str], Refusal] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_filed", {(refusal.client, refusal.host): refusal for refusal in self.each})

    def of(self, names: Sequence[str], client: IPAddress, now: int) -> Refusal | None:
        """The refusal that holds for a connection under these names: all of them have to be refused.  Never raises."""
        found = [self._filed.get((client, name)) for name in names]
        return next(iter(found), None) if all(refusal and now < refusal.until for refusal in found) else None


NO_REFUSALS = Refusals()


@dataclass(frozen=True, slots=True)
class PassingThrough:
    """What is remembered: for `lasting_s`, nothing when that is 0; `despite_rules` also where rules may deny inside."""

    refusals: Refusals = NO_REFUSALS
    lasting_s: int = 0
    despite_rules: bool = False


OPENED = PassingThrough()


class HangUps:
    """Clients that left without an alert once they had seen a certificate, for `LATELY_S` seconds.

    Programs that pin certificates do so each time.  Browsers do so when they need no connection after all, and start
    pages are dropped each time; so of a client that has accepted a certificate before, more are asked for.
    """

    def __init__(self) -> None:
        self._lately: dict[tuple[IPAddress, Sequence[str]], tuple[int, float]] = {}
        self._accepting: dict[IPAddress, None] = {}

    def accepted(self, client: IPAddress, names: Sequence[str]) -> None:
        """It has said something inside, under these names."""
        self._lately.pop((client, names), None)
        if client not in self._accepting:
            _make_room(self._accepting)
            self._accepting[client] = None

    def enough(self, client: IPAddress, names: Sequence[str], began_at: float, now: float) -> bool:
        """Whether it did so often enough under these names, each connection begun after the one before was left.

        Times are POSIX seconds.
        """
        count, last_at = self._lately.pop((client, names), (0, 0.0))
        if now - LATELY_S >= last_at:
            count = 0
        count += not count or last_at <= began_at
        if count >= (_OF_WHO_ACCEPTS if client in self._accepting else _OF_OTHERS):
            return True
        _make_room(self._lately)
        self._lately[client, names] = count, now
        return False


def _make_room(table: dict[Any, Any]) -> None:
    """What has been there longest goes."""
    if len(table) >= _MOST:
        del table[next(iter(table))]
