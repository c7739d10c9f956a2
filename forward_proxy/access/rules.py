"""Is this exchange allowed?  Grants, then ordered rules, first match wins; nothing matched: the default.

A rule about the response is unknown while the request is judged, so it decides nothing then; when `needs_response` is
true the driver asks again once the response is here.  The verdict for every rule is made at load, but for lists: theirs
names the line of the list that holds.
"""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field

from forward_proxy.access.grants import NO_GRANTS, Grants
from forward_proxy.access.index import HostIndex
from forward_proxy.access.lists.listed import Listed
from forward_proxy.access.options import Action
from forward_proxy.matching.choice import Choice
from forward_proxy.matching.groups import asks_for_user
from forward_proxy.matching.matcher import Matcher
from forward_proxy.matching.subject import RuleRef, Subject

NO_RULE = "no rule matched"


@dataclass(frozen=True, slots=True)
class Allowed:
    """Let it pass; the rule is None when it was the default."""

    rule: RuleRef | None
    reason: str


@dataclass(frozen=True, slots=True)
class Denied:
    """Refuse it; the rule is None when it was the default."""

    rule: RuleRef | None
    reason: str


type Verdict = Allowed | Denied


@dataclass(frozen=True, slots=True)
class Step:
    """One rule as it was tried; `failing` is the first key that did not match, None when the rule decided.

    `rule` is where a list's line stands when that decided.
    """

    rule: RuleRef
    action: Action
    reason: str
    failing: str | None

    @property
    def matched(self) -> bool:
        return self.failing is None


@dataclass(frozen=True, slots=True)
class AccessRules:
    """The rules in their order.  `needs_response` when any of them looks at the response."""

    rules: tuple[Choice[Action], ...] = ()
    default: Action = "allow"
    needs_response: bool = field(init=False)
    grants: Grants = field(init=False, default=NO_GRANTS)
    _by_user: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _index: HostIndex = field(init=False, repr=False, compare=False)
    _verdicts: tuple[Verdict, ...] = field(init=False, repr=False, compare=False)
    _lists: tuple[Listed | None, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        verdicts = (*(_verdict(rule.value, rule.where, rule.reason) for rule in self.rules), self._by_default())
        object.__setattr__(self, "_verdicts", verdicts)
        object.__setattr__(self, "_lists", (*(list_of(rule.matcher) for rule in self.rules), None))
        object.__setattr__(self, "_index", HostIndex.of([rule.matcher for rule in self.rules]))
        by_user = (place for place, rule in enumerate(self.rules) if asks_for_user(rule.matcher))
        object.__setattr__(self, "_by_user", tuple(by_user))
        object.__setattr__(self, "needs_response", any(rule.matcher.needs_response for rule in self.rules))

    def granted(self, grants: Grants) -> "AccessRules":
        """The same rules below these grants; nothing is compiled anew."""
        made = copy(self)
        object.__setattr__(made, "grants", grants)
        return made

    def decide(self, subject: Subject) -> Verdict:
        """The verdict of the newest grant that holds, else of the first rule that matches.  Never raises."""
        if self.grants and (found := self.grants.first(subject)) is not None:
            return _verdict(*found)
        return self._verdict_of(self._index.first(subject), subject)

    @property
    def asks_for_user(self) -> bool:
        """Whether any rule may depend on who uses the client."""
        return bool(self._by_user)

    def undecided_by_user(self, subject: Subject) -> RuleRef | None:
        """The first rule, before the one that decides, of which only its user could tell whether it matches."""
        if not self._by_user or subject.user is not None or (self.grants and self.grants.first(subject) is not None):
            return None
        decides = self._index.first(subject)
        earlier = (self.rules[place] for place in self._by_user if place < decides)
        return next((rule.where for rule in earlier if rule.matcher.truth(subject) is None), None)

    def _verdict_of(self, place: int, subject: Subject) -> Verdict:
        listed = self._lists[place]
        return self._verdicts[place] if listed is None else self._by_list(self.rules[place], listed, subject)

    def place(self, subject: Subject) -> int:
        """Where among `rules` the one stands that decides; their number when the default does."""
        return self._index.first(subject)

    def otherwise(self, subject: Subject) -> Verdict:
        """The verdict without the rule that decides: that of the next one that matches, or of the default."""
        later = range(self.place(subject) + 1, len(self.rules))
        matching = (place for place in later if self.rules[place].matcher.matches(subject))
        return self._verdict_of(next(matching, len(self.rules)), subject)

    def decide_all(self, subjects: Iterable[Subject]) -> Verdict:
        """The verdict on an exchange that goes by several names: the first denial, else the first verdict."""
        verdicts = [self.decide(subject) for subject in subjects]
        denials = (verdict for verdict in verdicts if isinstance(verdict, Denied))
        return next(denials, verdicts[0] if verdicts else self._by_default())

    def trail(self, subject: Subject) -> tuple[Step, ...]:
        """Every rule that was tried, the deciding one last; if that did not match either, the default decided.

        Where a grant decides, it is all there is to tell.
        """
        if (found := self.grants.first(subject)) is not None:
            action, where, told = found
            return (Step(where, action, told, None),)
        steps: list[Step] = []
        for rule in self.rules:
            steps.append(_step(rule, subject))
            if steps[-1].matched:
                break
        return tuple(steps)

    def _by_list(self, rule: Choice[Action], listed: Listed, subject: Subject) -> Verdict:
        found = listed.find(subject)
        if found is None:  # It matched, so it is there; were it not, the rule decides all the same.
            return _verdict(rule.value, rule.where, rule.reason)
        return _verdict(rule.value, listed.place(found, rule.where), listed.reason(found, rule.reason))

    def _by_default(self) -> Verdict:
        return _verdict(self.default, None, f"{NO_RULE}; the default is {self.default}")


def list_of(matcher: Matcher) -> Listed | None:
    """The list that a rule looks at, if it does."""
    return next((condition for condition in matcher.conditions if isinstance(condition, Listed)), None)


def _verdict(action: Action, rule: RuleRef | None, reason: str) -> Verdict:
    return Allowed(rule, reason) if action == "allow" else Denied(rule, reason)


def _step(rule: Choice[Action], subject: Subject) -> Step:
    failing, listed = rule.matcher.failing(subject), list_of(rule.matcher)
    found = listed.find(subject) if listed is not None and failing in (None, listed.key) else None
    if listed is not None and not listed.digest and failing == listed.key:
        return Step(rule.where, rule.value, rule.reason, "list: there is no copy of it yet")
    if listed is None or found is None:
        return Step(rule.where, rule.value, rule.reason, failing)
    where = listed.place(found, rule.where)
    if failing is not None:
        over = f" over line {found.overrides.line}" if found.overrides else ""
        return Step(where, rule.value, rule.reason, f"{failing}: {found.text} is excepted{over}")
    return Step(where, rule.value, listed.reason(found, rule.reason), None)
