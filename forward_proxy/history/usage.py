"""Which rules do something?  Hits from the log, rules without any, rules that can have none, and what denials saved.

A rule in the log is the rule of its id, or without one the rule that stands where it stood; what was counted for
others is told apart, since they are gone or have moved.  What a denial saved is the request, and as many bytes as an
answer for the same kind of resource came to on the average; of a kind that was never let through, it is not known.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from forward_proxy.access.options import Action
from forward_proxy.access.rules import AccessRules
from forward_proxy.access.shadows import shadowed
from forward_proxy.matching.subject import RuleRef
from forward_proxy.traffic.hits import Decided, Hits


@dataclass(frozen=True, slots=True)
class RuleUse:
    """One rule in force.  `hits` are exchanges it decided, `saved_requests` those it kept from being sent.

    `saved_bytes` is an estimate, None when no part of it can be estimated; `last_at` is POSIX seconds.  A rule with
    `shadowed_by` can never decide.
    """

    where: RuleRef
    action: Action
    hits: int
    saved_requests: int
    saved_bytes: int | None
    last_at: float | None
    shadowed_by: tuple[RuleRef, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """The rules in their order, and hits of rules that are not in force any more, by the name the log has."""

    rules: tuple[RuleUse, ...]
    gone: tuple[tuple[str, int], ...]


def usage(access: AccessRules, decided: Decided) -> Usage:
    """What each rule did by these counts."""
    by_id = {rule.where.id: place for place, rule in enumerate(access.rules) if rule.where.id}
    by_text = {str(rule.where): place for place, rule in enumerate(access.rules) if not rule.where.id}
    mine: dict[int, list[Hits]] = {}
    gone: Counter[str] = Counter()
    for hits in decided.hits:
        place = by_id.get(hits.rule_id) if hits.rule_id else by_text.get(hits.rule)
        if place is None:
            gone[f"{hits.rule_id} ({hits.rule})" if hits.rule_id else hits.rule] += hits.exchanges
        else:
            mine.setdefault(place, []).append(hits)
    never = shadowed(access.rules)
    uses = (
        _use(rule.where, rule.value, mine.get(place, ()), decided.mean_bytes, never.get(place, ()))
        for place, rule in enumerate(access.rules)
    )
    return Usage(tuple(uses), tuple(sorted(gone.items(), key=lambda item: (-item[1], item[0]))))


def _use(
    where: RuleRef,
    action: Action,
    hits: Sequence[Hits],
    mean_bytes: Mapping[str, float],
    shadowed_by: tuple[RuleRef, ...],
) -> RuleUse:
    saved = [each for each in hits if each.denied]
    means = ((each.exchanges, mean_bytes.get(each.resource or "")) for each in saved)
    known = [exchanges * mean for exchanges, mean in means if mean is not None]
    return RuleUse(
        where,
        action,
        sum(each.exchanges for each in hits),
        sum(each.exchanges for each in saved),
        int(sum(known)) if known else None,
        max((each.last_at for each in hits), default=None),
        shadowed_by,
    )
