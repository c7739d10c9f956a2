"""Who has refused our certificate, and for which host?  What is not opened because of that.

A program that does not trust our authority, or that accepts its maker's certificates only, cannot be helped by another
try.  What it asks next of that host is relayed unread, until what is remembered of the refusal is over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from forward_proxy.message.hosts import IPAddress


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
