"""Who has failed lately, and is left alone for a while?  RFC 5861 §4: what fails is not hammered.

An origin that cannot be connected to rests as a whole; one that answers with an error, or hangs up, may do so for one
target alone, so that only this target rests.  A rest is twice as long after each further failure, and ends with an
answer.  A person who asks for something that nothing stored can answer is let through all the same.
"""

from collections import OrderedDict
from dataclasses import dataclass

from forward_proxy.message.targets import TargetUri

FIRST_S = 1.0
LONGEST_S = 60.0
_MOST = 4096
# Of RFC 9209 §2.3: before anything was said about the target.
_OF_ORIGINS = frozenset(
    (
        "dns_timeout", "dns_error", "destination_unavailable", "destination_ip_unroutable", "connection_refused",
        "connection_timeout",
    )
)  # fmt: skip

type Failing = tuple[str, int] | TargetUri


@dataclass(frozen=True, slots=True)
class Rest:
    """Until when, POSIX seconds, after how many failures, the last of which was this error of RFC 9209 §2.3."""

    until: float
    failures: int
    error: str


class Resting:
    """The origins, host and port, and targets that rest; those that failed longest ago are forgotten first."""

    def __init__(self) -> None:
        self._rests: OrderedDict[Failing, Rest] = OrderedDict()
        self.answered_at = 0.0

    def failed(self, target: TargetUri, error: str, now: float) -> None:
        """There was no answer, or one that is an error."""
        failing: Failing = (target.host, target.port) if error in _OF_ORIGINS else target
        before = self._rests.pop(failing, None)
        if before is not None and now < before.until:
            self._rests[failing] = Rest(before.until, before.failures, error)  # The same failure, asked about twice.
            return
        failures = before.failures + 1 if before else 1
        seconds = min(FIRST_S * 2.0 ** min(failures - 1, 16), LONGEST_S)
        self._rests[failing] = Rest(now + seconds, failures, error)
        if len(self._rests) > _MOST:
            self._rests.popitem(last=False)

    def answered(self, target: TargetUri, now: float) -> None:
        """There was an answer: the target is well, its origin and the network are there."""
        self._rests.pop(target, None)
        self._rests.pop((target.host, target.port), None)
        self.answered_at = now

    def rest(self, target: TargetUri, now: float) -> Rest | None:
        """The rest that keeps this target from being asked for now, if one does."""
        for failing in ((target.host, target.port), target):
            if (rest := self._rests.get(failing)) is not None and now < rest.until:
                return rest
        return None
