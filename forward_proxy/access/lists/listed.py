"""Is the request on this list?  The condition that a rule has in place of a long match."""

from dataclasses import dataclass, field
from typing import ClassVar

from forward_proxy.access.lists.found import Found, Searched
from forward_proxy.matching.subject import RuleRef, Subject


@dataclass(frozen=True, slots=True)
class Listed:
    """The key `list`: the name of the list for people, what tells its content from another, and what is searched."""

    name: str
    digest: str
    searched: Searched = field(compare=False)
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

    def place(self, found: Found, rule: RuleRef) -> RuleRef:
        """Where the line of the list stands, under the id of the rule."""
        return RuleRef(self.name, found.line, rule.id)

    def reason(self, found: Found, reason: str) -> str:
        """Why the rule decides: its own reason, and what the line says."""
        return f"{reason}: {found.text}" if reason else f"listed: {found.text}"


@dataclass(frozen=True, slots=True)
class NotThere:
    """A list of which there is no copy yet: nothing is on it."""

    def find(self, subject: Subject) -> Found | None:
        return None
