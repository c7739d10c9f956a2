"""Is the request on this list?  The condition that a rule has in place of a long match."""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from forward_proxy.access.lists.found import Found, Searched
from forward_proxy.matching.subject import RuleRef, Subject


class Numbered(Protocol):
    """Anything that a line of a list says."""

    @property
    def line(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Origins:
    """Where the lines of several files stand that are asked as one list: the name of each file, and how many lines
    there are before its first."""

    names: tuple[str, ...]
    before: tuple[int, ...]

    def of(self, line: int) -> tuple[str, int]:
        """The file and the line in it."""
        place = bisect_left(self.before, line) - 1
        return self.names[place], line - self.before[place]


@dataclass(frozen=True, slots=True)
class Listed:
    """The key `list`: the name of the list for people, what tells its content from another, and what is searched.

    Of several lists, `names` are those of all; `missing` of those there is no copy of yet.  `origins` is None when all
    lines are of the list that is named.
    """

    name: str
    digest: str
    searched: Searched = field(compare=False)
    origins: Origins | None = None
    missing: tuple[str, ...] = ()
    key: ClassVar[str] = "list"
    needs_response: ClassVar[bool] = False
    # What was found last, and for whom: where the list decides it is asked once more, for its line.
    _last: list[tuple[Subject | None, Found | None]] = field(
        init=False, repr=False, compare=False, default_factory=lambda: [(None, None)]
    )

    def holds(self, subject: Subject) -> bool:
        found = self.find(subject)
        return found is not None and not found.exception

    def find(self, subject: Subject) -> Found | None:
        asked, found = self._last[0]
        if asked is not subject:
            found = self.searched.find(subject)
            self._last[0] = subject, found
        return found

    def place(self, found: Numbered, rule: RuleRef) -> RuleRef:
        """Where the line of the list stands, under the id of the rule."""
        name, line = (self.name, found.line) if self.origins is None else self.origins.of(found.line)
        return RuleRef(name, line, rule.id)

    def reason(self, found: Found, reason: str) -> str:
        """Why the rule decides: its own reason, and what the line says."""
        return f"{self.reason_before(reason)}{found.text}"

    def reason_before(self, reason: str) -> str:
        """What is told before what the line says."""
        return f"{reason}: " if reason else "listed: "


@dataclass(frozen=True, slots=True)
class NotThere:
    """A list of which there is no copy yet: nothing is on it."""

    def find(self, subject: Subject) -> Found | None:
        return None

    def excepted(self, subject: Subject) -> Found | None:
        return None
