"""Which of several settings holds for a subject?  An ordered list of choices; the first whose matcher fits wins.

Access actions, anonymity levels, inspection and cache overrides are all chosen this way.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from forward_proxy.matching.matcher import Matcher
from forward_proxy.matching.subject import RuleRef, Subject


@dataclass(frozen=True, slots=True)
class Choice[T]:
    """A value for the subjects that fit; where it was written and why."""

    value: T
    matcher: Matcher
    where: RuleRef
    reason: str = ""


def first_match[T](choices: Iterable[Choice[T]], subject: Subject) -> Choice[T] | None:
    """The first choice that fits; None when none does.  Never raises."""
    return next((choice for choice in choices if choice.matcher.matches(subject)), None)
