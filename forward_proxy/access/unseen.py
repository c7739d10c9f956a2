"""Could a rule deny something inside a tunnel that the tunnel itself does not tell?

A tunnel shows host, port, client and time.  Rules that look at more, such as a path or the type of a response, and
lists of filters, are asked about each request inside when it is opened; where it is not, they never are.  What cannot
be told counts as a denial here: rather too much is kept open to rules than too little.
"""

from forward_proxy.access.budgets import Budget
from forward_proxy.access.lists.found import LookingInside
from forward_proxy.access.lists.listed import Listed
from forward_proxy.access.rules import AccessRules
from forward_proxy.matching.conditions import Condition
from forward_proxy.matching.matcher import Matcher, Not
from forward_proxy.matching.subject import RuleRef, Subject

# Whatever is inside a tunnel, these answer as they do for the tunnel.
_TOLD = frozenset(("service", "host", "port", "scheme", "client", "listener", "user", "group", "time", "budget"))


def denied_unseen(rules: AccessRules, tunnel: Subject) -> RuleRef | None:
    """The first rule or grant that may deny something inside this tunnel, though not the tunnel; None: none can."""
    if tunnel.client is not None:
        grant = rules.grants.denial_near(tunnel.host, tunnel.client, tunnel.at)
        if grant is not None:
            return grant.where
    for rule in rules.about(tunnel):
        conditions = rule.matcher.conditions
        told = [condition for condition in conditions if _is_told(condition, tunnel)]
        if any(condition.holds(tunnel) is False for condition in told):
            continue  # Nor does it hold inside.
        if len(told) < len(conditions) or rule.matcher.truth(tunnel) is None:
            if rule.value == "deny":
                return rule.where
        elif not any(isinstance(condition, Budget) for condition in conditions):
            return None  # It decides the tunnel, and alike all that is inside.
    return None


def _is_told(condition: Condition, tunnel: Subject) -> bool:
    """Whether a tunnel tells all that this condition looks at."""
    match condition:
        case Listed(searched=searched):
            return not isinstance(searched, LookingInside) or not searched.may_find_inside(tunnel)
        case Not(inner=Matcher(conditions=conditions)):
            return all(_is_told(each, tunnel) for each in conditions)
    return condition.key in _TOLD
