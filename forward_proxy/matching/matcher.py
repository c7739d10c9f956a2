"""Does a subject fit a match?  Every key given must hold; `not` holds when what is inside it does not.

A matcher is compiled once (grammar.py) and never changes.  Facts that cannot be told follow Kleene's three-valued
logic: one False makes the whole False, whatever else is unknown; otherwise one unknown makes it unknown; `not` leaves
unknown as it is.  A match that is unknown does not fit, so learning more never takes back a fit.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from forward_proxy.matching.conditions import Condition
from forward_proxy.matching.hosts import Hosts
from forward_proxy.matching.subject import Subject


@dataclass(frozen=True, slots=True)
class Matcher:
    """Conditions in the order they are tried, cheap ones first; none at all fits everything."""

    conditions: tuple[Condition, ...] = ()
    needs_response: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "needs_response", any(condition.needs_response for condition in self.conditions))

    def matches(self, subject: Subject) -> bool:
        """Whether every condition holds.  Never raises."""
        for condition in self.conditions:  # noqa: SIM110 -- tried for every rule of every request; all() takes twice as long
            if not condition.holds(subject):
                return False
        return True

    def failing(self, subject: Subject) -> str | None:
        """The first key that does not hold, or cannot be told; None when the subject fits."""
        return next((condition.key for condition in self.conditions if not condition.holds(subject)), None)

    def truth(self, subject: Subject) -> bool | None:
        """Whether the subject fits, None when that cannot be told yet."""
        truths = [condition.holds(subject) for condition in self.conditions]
        return False if False in truths else None if None in truths else True

    @property
    def hosts(self) -> Hosts | None:
        """The condition on the host that every fitting subject meets, for an index."""
        return next((condition for condition in self.conditions if isinstance(condition, Hosts)), None)


@dataclass(frozen=True, slots=True)
class Not:
    """The key `not`."""

    inner: Matcher
    key: ClassVar[str] = "not"

    @property
    def needs_response(self) -> bool:
        return self.inner.needs_response

    def holds(self, subject: Subject) -> bool | None:
        truth = self.inner.truth(subject)
        return None if truth is None else not truth
