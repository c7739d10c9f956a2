"""Which origins have failed lately, and are left alone for a while?  RFC 5861 §4: what fails is not hammered.

An origin rests after a failure, twice as long after each further one, until it answers again.  A person who asks for
something that nothing stored can answer is let through all the same.
"""

from collections import OrderedDict
from dataclasses import dataclass

FIRST_S = 1.0
LONGEST_S = 60.0
_MOST = 4096

type Origin = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Rest:
    """Until when, POSIX seconds, after how many failures, the last of which was this error of RFC 9209 §2.3."""

    until: float
    failures: int
    error: str


class Resting:
    """The origins, host and port, that rest; those that failed longest ago are forgotten first."""

    def __init__(self) -> None:
        self._rests: OrderedDict[Origin, Rest] = OrderedDict()
        self.answered_at = 0.0

    def failed(self, origin: Origin, error: str, now: float) -> None:
        """It gave no answer, or one that is an error."""
        before = self._rests.pop(origin, None)
        if before is not None and now < before.until:
            self._rests[origin] = Rest(before.until, before.failures, error)  # The same failure, asked about twice.
            return
        failures = before.failures + 1 if before else 1
        seconds = min(FIRST_S * 2.0 ** min(failures - 1, 16), LONGEST_S)
        self._rests[origin] = Rest(now + seconds, failures, error)
        if len(self._rests) > _MOST:
            self._rests.popitem(last=False)

    def answered(self, origin: Origin, now: float) -> None:
        """It gave an answer; so the network is there."""
        self._rests.pop(origin, None)
        self.answered_at = now

    def rest(self, origin: Origin, now: float) -> Rest | None:
        """Its rest, if it has one now."""
        rest = self._rests.get(origin)
        return rest if rest is not None and now < rest.until else None
