"""Which rule is it of which only its user could tell whether it matches?

Such a rule matters when it stands before the one that decides otherwise.  A list that changes requests and responses
has its say wherever it stands; and what it says of the requests inside a tunnel is not known before they come, while
who the user is has to be.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from forward_proxy.access.lists.found import Adding, Removing
from forward_proxy.access.lists.listed import Listed
from forward_proxy.matching.choice import Choice
from forward_proxy.matching.groups import asks_for_user
from forward_proxy.matching.matcher import Matcher
from forward_proxy.matching.subject import RuleRef, Subject


@dataclass(frozen=True, slots=True)
class _Rule:
    """One that may depend on the user: its place, its match without the list, and the list if it has one."""

    place: int
    where: RuleRef
    matcher: Matcher
    listed: Listed | None

    def is_open(self, subject: Subject, decides: int) -> bool:
        """Whether the user is all that is missing to say if it has a say before the rule at `decides`."""
        listed = self.listed
        if listed is None:
            return self.place < decides and self.matcher.truth(subject) is None
        if self.matcher.truth(subject) is not None:
            return False
        reads_on = isinstance(listed.searched, Adding | Removing)
        if subject.is_tunnel and reads_on:
            return True
        return (self.place < decides and listed.holds(subject)) or (reads_on and _changes(listed, subject))


@dataclass(frozen=True, slots=True)
class ByUser:
    """All of them, in their order; false when there are none."""

    rules: tuple[_Rule, ...] = ()

    @classmethod
    def of(cls, rules: Sequence[Choice[object]]) -> "ByUser":
        return cls(tuple(_found(rules)))

    def __bool__(self) -> bool:
        return bool(self.rules)

    def first_open(self, subject: Subject, decides: int) -> RuleRef | None:
        """Where the first of them stands that could have a say before the rule at this place, if any can."""
        return next((rule.where for rule in self.rules if rule.is_open(subject, decides)), None)


def _found(rules: Sequence[Choice[object]]) -> Iterable[_Rule]:
    for place, rule in enumerate(rules):
        if asks_for_user(rule.matcher):
            conditions = rule.matcher.conditions
            listed = next((each for each in conditions if isinstance(each, Listed)), None)
            others = replace(rule.matcher, conditions=tuple(each for each in conditions if each is not listed))
            yield _Rule(place, rule.where, others, listed)


def _changes(listed: Listed, subject: Subject) -> bool:
    """Whether the list has something changed in this request or the response to it."""
    searched = listed.searched
    if isinstance(searched, Adding) and searched.additions(subject):
        return True
    return isinstance(searched, Removing) and bool(searched.removals(subject))
