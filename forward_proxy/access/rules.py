"""Is this exchange allowed?  Grants, then ordered rules, first match wins; nothing matched: the default.

A rule with a budget (budgets.py) is passed over while some of that is left, and what is let through after all is use
of it.

A rule about the response is unknown while the request is judged, so it decides nothing then; when `needs_response` is
true the driver asks again once the response is here.  The verdict for every rule is made at load, but for lists and
services: theirs names the line of the list, or the service, that holds.
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field, replace

from forward_proxy.access.budgets import NO_USAGE, Account, Budget, Standing, Usage, is_about
from forward_proxy.access.byuser import ByUser
from forward_proxy.access.grants import NO_GRANTS, Grants
from forward_proxy.access.index import HostIndex
from forward_proxy.access.lists.listed import Listed
from forward_proxy.access.options import Action
from forward_proxy.matching.choice import Choice
from forward_proxy.matching.matcher import Matcher
from forward_proxy.matching.services import Services
from forward_proxy.matching.subject import RuleRef, Subject

NO_RULE = "no rule matched"


@dataclass(frozen=True, slots=True)
class Allowed:
    """Let it pass; the rule is None when it was the default.  It is use of the budgets of these accounts."""

    rule: RuleRef | None
    reason: str
    accounts: tuple[Account, ...] = ()


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
    """The rules in their order.  `needs_response` when any of them looks at the response; `listed` are those with a
    list."""

    rules: tuple[Choice[Action], ...] = ()
    default: Action = "allow"
    needs_response: bool = field(init=False)
    grants: Grants = field(init=False, default=NO_GRANTS)
    _by_user: ByUser = field(init=False, repr=False, compare=False)
    usage: Usage = field(init=False, default=NO_USAGE)
    budgets: Mapping[str, Budget] = field(init=False, repr=False, compare=False)
    listed: tuple[tuple[Choice[Action], Listed], ...] = field(init=False, repr=False, compare=False)
    _index: HostIndex = field(init=False, repr=False, compare=False)
    _verdicts: tuple[Verdict, ...] = field(init=False, repr=False, compare=False)
    _telling: tuple[Listed | Services | None, ...] = field(init=False, repr=False, compare=False)
    _budgets: tuple[Budget | None, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        verdicts = (*(_verdict(rule.value, rule.where, rule.reason) for rule in self.rules), self._by_default())
        object.__setattr__(self, "_verdicts", verdicts)
        lists = [list_of(rule.matcher) for rule in self.rules]
        with_list = tuple((rule, listed) for rule, listed in zip(self.rules, lists, strict=True) if listed is not None)
        object.__setattr__(self, "_telling", (*(_telling(rule.matcher) for rule in self.rules), None))
        object.__setattr__(self, "listed", with_list)
        budgets = tuple(budget_of(rule.matcher) for rule in self.rules)
        object.__setattr__(self, "_budgets", (*budgets, None))
        object.__setattr__(self, "budgets", {budget.rule: budget for budget in budgets if budget is not None})
        object.__setattr__(self, "_index", HostIndex.of([rule.matcher for rule in self.rules]))
        object.__setattr__(self, "_by_user", ByUser.of(self.rules))
        object.__setattr__(self, "needs_response", any(rule.matcher.needs_response for rule in self.rules))

    def granted(self, grants: Grants) -> "AccessRules":
        """The same rules below these grants; nothing is compiled anew."""
        made = copy(self)
        object.__setattr__(made, "grants", grants)
        return made

    def used(self, usage: Usage) -> "AccessRules":
        """The same rules, with this used of their budgets; nothing is compiled anew."""
        made = copy(self)
        object.__setattr__(made, "usage", usage)
        return made

    def decide(self, subject: Subject) -> Verdict:
        """The verdict of the newest grant that holds, else of the first rule that matches.  Never raises."""
        if self.grants and (found := self.grants.first(subject)) is not None:
            return _verdict(*found)
        place = self._index.first(subject)
        return self._verdict_of(place, subject) if self._budgets[place] is None else self._by_budgets(place, subject)

    def _by_budgets(self, place: int, subject: Subject) -> Verdict:
        """The verdict when a rule with a budget matches first, at this place."""
        accounts: list[Account] = []
        while (budget := self._budgets[place]) is not None:
            account = budget.account(subject)
            if self.usage.is_spent(budget, account, subject.at):
                verdict = self._verdict_of(place, subject)
                return self._spent(verdict.rule, verdict.reason, account, subject.at)
            accounts.append(account)
            place = self._index.first(subject, place + 1)
        verdict = self._verdict_of(place, subject)
        return replace(verdict, accounts=tuple(accounts)) if isinstance(verdict, Allowed) else verdict

    def standing(self, account: Account, at: int) -> Standing:
        """Where an account of one of these budgets stands at this second."""
        return self.usage.standing(self.budgets[account.rule], account, at)

    def spent(self, account: Account, at: int) -> Denied | None:
        """The verdict on what uses this account's budget at this second, once that is used up."""
        budget = self.budgets.get(account.rule)
        if budget is None or not self.usage.is_spent(budget, account, at):
            return None
        rule = self.rules[self._budgets.index(budget)]
        return self._spent(rule.where, rule.reason, account, at)

    def _spent(self, rule: RuleRef | None, reason: str, account: Account, at: int) -> Denied:
        told = self.standing(account, at).told
        return Denied(rule, f"{reason}: {told}" if reason else told)

    def of_client(self, subject: Subject) -> Iterator[Standing]:
        """Where all budgets stand of rules that are about this subject's client, whatever it asks for."""
        for rule in self.rules:
            budget = budget_of(rule.matcher)
            if budget is not None and is_about(rule.matcher, subject):
                yield self.standing(budget.account(subject), subject.at)

    def budget_by_user(self, subject: Subject) -> RuleRef | None:
        """The first rule with a budget that may be about this subject's client, by who uses it; None without one."""
        having = (rule for rule in self.rules if budget_of(rule.matcher) is not None)
        return next((rule.where for rule in having if is_about(rule.matcher, subject) is None), None)

    @property
    def asks_for_user(self) -> bool:
        """Whether any rule may depend on who uses the client."""
        return bool(self._by_user)

    def undecided_by_user(self, subject: Subject) -> RuleRef | None:
        """The first rule that only the client's user could have a say in this, or not; None when there is none."""
        if not self._by_user or subject.user is not None or (self.grants and self.grants.first(subject) is not None):
            return None
        decides = self._index.first(subject)
        while (budget := self._budgets[decides]) is not None:
            if self.usage.is_spent(budget, budget.account(subject), subject.at):
                break
            decides = self._index.first(subject, decides + 1)
        return self._by_user.first_open(subject, decides)

    def _verdict_of(self, place: int, subject: Subject) -> Verdict:
        telling = self._telling[place]
        if telling is None:
            return self._verdicts[place]
        rule = self.rules[place]
        if isinstance(telling, Listed):
            return self._by_list(rule, telling, subject)
        return _verdict(rule.value, rule.where, _naming(telling, rule.reason, subject))

    def about(self, subject: Subject) -> Iterator[Choice[Action]]:
        """The rules that are not about other hosts, in their order."""
        return (self.rules[place] for place in sorted((*self._index.filed(subject.host), *self._index.anywhere)))

    def place(self, subject: Subject) -> int:
        """Where among `rules` the one stands that decides, budgets used up; their number when the default does."""
        return self._index.first(subject)

    def otherwise(self, subject: Subject) -> Verdict:
        """The verdict without the rule that decides: that of the next one that matches, or of the default."""
        matching = (place for place in range(len(self.rules)) if self._decides(place, subject))
        next(matching, None)
        return self._verdict_of(next(matching, len(self.rules)), subject)

    def _decides(self, place: int, subject: Subject) -> bool:
        """Whether the rule at this place decides, if none before it does."""
        budget = self._budgets[place]
        spent = budget is None or self.usage.is_spent(budget, budget.account(subject), subject.at)
        return spent and self.rules[place].matcher.matches(subject)

    def decide_all(self, subjects: Iterable[Subject]) -> Verdict:
        """The verdict on an exchange that goes by several names: the first denial, else the first verdict."""
        allowed: list[Allowed] = []
        for subject in subjects:
            verdict = self.decide(subject)
            if isinstance(verdict, Denied):
                return verdict
            allowed.append(verdict)
        if not allowed:
            return self._by_default()
        accounts = dict.fromkeys(account for verdict in allowed for account in verdict.accounts)
        return replace(allowed[0], accounts=tuple(accounts)) if accounts else allowed[0]

    def trail(self, subject: Subject) -> tuple[Step, ...]:
        """Every rule that was tried, the deciding one last; if that did not match either, the default decided.

        Where a grant decides, it is all there is to tell.
        """
        if (found := self.grants.first(subject)) is not None:
            action, where, told = found
            return (Step(where, action, told, None),)
        steps: list[Step] = []
        for rule in self.rules:
            steps.append(self._rationed(_step(rule, subject), rule, subject))
            if steps[-1].matched:
                break
        return tuple(steps)

    def _rationed(self, step: Step, rule: Choice[Action], subject: Subject) -> Step:
        """The step as its budget, if it has one, has it."""
        budget = budget_of(rule.matcher)
        if budget is None or not step.matched:
            return step
        account = budget.account(subject)
        standing = self.standing(account, subject.at)
        if self.usage.is_spent(budget, account, subject.at):
            return replace(step, reason=f"{step.reason}: {standing.told}" if step.reason else standing.told)
        return replace(step, failing=f"{budget.key}: {standing.used} of {standing.limit} minutes used")

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


def budget_of(matcher: Matcher) -> Budget | None:
    """The budget that a rule has, if it has one."""
    return next((condition for condition in matcher.conditions if isinstance(condition, Budget)), None)


def _telling(matcher: Matcher) -> Listed | Services | None:
    """What has more to say than the rule that looks at it: its list, else its services."""
    services = (condition for condition in matcher.conditions if isinstance(condition, Services))
    return list_of(matcher) or next(services, None)


def _naming(services: Services, reason: str, subject: Subject) -> str:
    """The reason of a rule, and the service that it holds for."""
    return ": ".join(filter(None, (reason, services.name_of(subject.host))))


def _verdict(action: Action, rule: RuleRef | None, reason: str) -> Verdict:
    return Allowed(rule, reason) if action == "allow" else Denied(rule, reason)


def _step(rule: Choice[Action], subject: Subject) -> Step:
    failing, listed = rule.matcher.failing(subject), list_of(rule.matcher)
    found = listed.find(subject) if listed is not None and failing in (None, listed.key) else None
    if listed is not None and found is None and failing == listed.key and (listed.missing or not listed.digest):
        missing = ", ".join(listed.missing) if listed.digest else "it"
        return Step(rule.where, rule.value, rule.reason, f"list: there is no copy of {missing} yet")
    if listed is None or found is None:
        telling = _telling(rule.matcher) if failing is None else None
        reason = _naming(telling, rule.reason, subject) if isinstance(telling, Services) else rule.reason
        return Step(rule.where, rule.value, reason, failing)
    where = listed.place(found, rule.where)
    if failing is not None:
        over = ""
        if found.overrides is not None:
            other = listed.place(found.overrides, rule.where)
            over = f" over line {other.line}" if other.file == where.file else f" over {other}"
        return Step(where, rule.value, rule.reason, f"{failing}: {found.text} is excepted{over}")
    return Step(where, rule.value, listed.reason(found, rule.reason), None)
