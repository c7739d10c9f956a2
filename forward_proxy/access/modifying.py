"""What do lists have done, besides allowing and denying?

Field lines that are added to the response to a request that is let through, and what is put in place of a response that
is denied, by whichever rule.  A list has its say wherever it stands among the rules, for the requests that its entry is
for; of what a person allows for a while nothing is changed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from forward_proxy.access.lists.found import Adding, Replacing
from forward_proxy.access.lists.listed import Listed
from forward_proxy.access.rules import AccessRules
from forward_proxy.matching.subject import RuleRef, Subject

# Policies are for what a browser makes a page of.
_PAGES = ("document", "frame")
# To a page that a person goes to the page that denies is the answer, and nothing stands in for a connection.
_NEVER_REPLACED = ("document", "websocket")


@dataclass(frozen=True, slots=True)
class Added:
    """A field line that is added to the response, and where the line of the list stands that says so."""

    name: bytes
    value: bytes
    rule: RuleRef

    def __str__(self) -> str:
        return f"{self.name.decode('ascii')}: {self.value.decode('ascii')} ({self.rule})"


@dataclass(frozen=True, slots=True)
class Replaced:
    """The name of a surrogate (access/surrogates), and where the line of the list stands that says so."""

    surrogate: str
    rule: RuleRef


def additions(access: AccessRules, subject: Subject) -> tuple[Added, ...]:
    """What is added to the response if the request is let through.  Never raises."""
    if subject.resource not in _PAGES or (access.grants and access.grants.first(subject) is not None):
        return ()
    return tuple(
        Added(each.name, each.value, listed.place(each, rule))
        for rule, listed in _lists_for(access, subject)
        if isinstance(listed.searched, Adding)
        for each in listed.searched.additions(subject)
    )


def replaced(access: AccessRules, subject: Subject) -> Replaced | None:
    """What is put in place if the request is denied, by the first list that says so.  Never raises."""
    if subject.is_tunnel or subject.resource in _NEVER_REPLACED:
        return None
    for rule, listed in _lists_for(access, subject):
        if isinstance(listed.searched, Replacing) and (found := listed.searched.replacement(subject)) is not None:
            return Replaced(found.surrogate, listed.place(found, rule))
    return None


def _lists_for(access: AccessRules, subject: Subject) -> Iterator[tuple[RuleRef, Listed]]:
    """The lists whose entry is for this request, whatever is on them."""
    for rule, listed in access.listed:
        if all(condition is listed or condition.holds(subject) for condition in rule.matcher.conditions):
            yield rule.where, listed
