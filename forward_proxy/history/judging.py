"""What could a set of rules have said of a past exchange, given what the log does not know?

A rule that asks for something unknown, and that all else it asks for fits, is in doubt: it may have decided or not.
So several rules could have decided, in their order; the last of them fits for certain, or is the default.
"""

from collections.abc import Iterable
from dataclasses import replace

from forward_proxy.access.budgets import Budget
from forward_proxy.access.rules import AccessRules
from forward_proxy.anonymity import Level
from forward_proxy.cleaning import Cleaned, Tracking, lists_among
from forward_proxy.history.past import Past
from forward_proxy.matching.choice import Choice, first_match
from forward_proxy.matching.conditions import Condition
from forward_proxy.matching.groups import Groups
from forward_proxy.matching.matcher import Matcher, Not
from forward_proxy.matching.subject import RuleRef, Subject
from forward_proxy.matching.subjects import same_client
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.targets import TargetUri, parse_target_uri
from forward_proxy.policy.state import State

# Each asks for the one fact it is named after; any other condition may ask for all of them.
_PLAIN = frozenset(
    (
        "host",
        "port",
        "scheme",
        "method",
        "resource",
        "third_party",
        "client",
        "listener",
        "user",
        "group",
        "content_type",
        "path",
        "url",
        "time",
    )
)


class Judge:
    """One set of rules, asked about the past; `asks` are all keys that any of its entries asks for."""

    def __init__(self, state: State) -> None:
        self.access: AccessRules = state.access
        self._state = state
        self._tracking = Tracking(state.tracking, lists_among(state.access.rules))
        self.removes = bool(self._tracking)
        self._asked = tuple(keys_of(rule.matcher) for rule in state.access.rules)
        chosen: Iterable[Choice[object]] = (*state.anonymity, *state.inspect, *state.tracking)
        self._level_asks = frozenset[str]().union(*(keys_of(choice.matcher) for choice in state.anonymity))
        self.asks = frozenset[str]().union(*self._asked, *(keys_of(choice.matcher) for choice in chosen))
        named = [(rule.where, place) for place, rule in enumerate(state.access.rules)]
        self._by_id = {where.id: place for where, place in named if where.id}
        self._by_text = {str(where): place for where, place in named if not where.id}
        self._doubtful: dict[frozenset[str], tuple[int, ...]] = {}

    def places(self, past: Past, opens: bool) -> tuple[int, ...]:
        """Places of the rules that could have decided, in their order; the number of rules stands for the default.

        `opens` is whether the TLS connection of an https request is opened, so that there is a request to judge.
        """
        subject = past.subject
        if subject.scheme == "https" and not opens and not subject.is_tunnel:
            return self._possible(tunnel_of(subject), frozenset())
        first = self._possible(subject, past.unknown)
        if past.content_type is None or not self.access.needs_response:
            return first
        refused = tuple(place for place in first if self.action(place) == "deny")
        if len(refused) == len(first):
            return first
        # What was let through was judged once more when its response came.
        told = self._possible(replace(subject, content_type=past.content_type), past.unknown)
        return tuple(sorted({*refused, *told}))

    def action(self, place: int) -> str:
        return self.access.rules[place].value if place < len(self.access.rules) else self.access.default

    def where(self, place: int) -> RuleRef | None:
        """Where that rule stands; None for the default."""
        return self.access.rules[place].where if place < len(self.access.rules) else None

    def place_of(self, rule: str | None, rule_id: str | None) -> int | None:
        """The place of the rule that the log names so, by its id if it has one; None when it is not there any more."""
        if rule is None:
            return len(self.access.rules)
        return self._by_id.get(rule_id) if rule_id else self._by_text.get(rule)

    def opens(self, subject: Subject) -> bool:
        """Whether the TLS connection of such a request is opened."""
        if not self._state.inspect_by_default:
            return False
        if not self._state.inspect:
            return True
        choice = first_match(self._state.inspect, subject if subject.is_tunnel else tunnel_of(subject))
        return choice is None or choice.value == "always"

    def level(self, past: Past) -> Level | None:
        """The anonymity level that it would go out with; None for a tunnel, and when that cannot be told."""
        if past.is_tunnel or past.unknown & self._level_asks:
            return None
        choice = first_match(self._state.anonymity, past.subject)
        return self._state.default_level if choice is None else choice.value

    def cleaned(self, past: Past) -> Cleaned | None:
        """What would have been removed from its target, as far as the log has it."""
        target = parse_target_uri(past.subject.url) if "?" in past.subject.url else None
        if past.is_tunnel or not isinstance(target, TargetUri) or self.level(past) in (None, Level.OFF):
            return None
        head = RequestHead(past.subject.method, target)
        cleaned = self._tracking.clean(head, past.subject, navigation=past.subject.resource == "document")
        return None if cleaned is None or cleaned.left else cleaned

    def _possible(self, subject: Subject, unknown: frozenset[str]) -> tuple[int, ...]:
        doubtful = self._in_doubt(unknown)
        certain = self.access.place(subject)
        while certain in doubtful:  # It fits what the log has, and that is not the whole.
            rest = range(certain + 1, len(self.access.rules))
            fits = (place for place in rest if self.access.rules[place].matcher.matches(subject))
            certain = next(fits, len(self.access.rules))
        perhaps = (place for place in doubtful if place < certain)
        return (*(place for place in perhaps if _may_fit(self.access.rules[place].matcher, subject, unknown)), certain)

    def _in_doubt(self, unknown: frozenset[str]) -> tuple[int, ...]:
        """Places of the rules that ask for any of these keys."""
        found = self._doubtful.get(unknown)
        if found is None:
            # What was used of a budget back then is never known.
            budgets = self.access.budgets
            rationed = {place for place, rule in enumerate(self.access.rules) if rule.where.id in budgets}
            found = tuple(place for place, asked in enumerate(self._asked) if asked & unknown or place in rationed)
            self._doubtful[unknown] = found
        return found


def tunnel_of(subject: Subject) -> Subject:
    """What rules see of such a request when it is inside a tunnel that is not opened."""
    authority = subject.url.partition("://")[2].partition("/")[0].partition("?")[0]
    url = f"{subject.scheme}://{authority}"
    tunnel = Subject("CONNECT", subject.scheme, subject.host, subject.port, "", url, subject.at)
    return same_client(tunnel, subject)


def keys_of(matcher: Matcher) -> frozenset[str]:
    """Every key that a match asks for, those inside `not` too."""
    return frozenset[str]().union(*map(_keys, matcher.conditions))


def _keys(condition: Condition) -> frozenset[str]:
    if isinstance(condition, Not):
        return keys_of(condition.inner)
    if isinstance(condition, Groups):
        members = condition.members
        told = (("user", members.users), ("listener", members.listeners))
        return frozenset(("group", *(key for key, those in told if those)))
    if isinstance(condition, Budget):
        return frozenset()
    return frozenset((condition.key,)) if condition.key in _PLAIN else _PLAIN


def _may_fit(matcher: Matcher, subject: Subject, unknown: frozenset[str]) -> bool:
    """Whether all that is known of the subject fits."""
    return all(condition.holds(subject) for condition in matcher.conditions if not _keys(condition) & unknown)
