"""Which rules do something?  Hits from the log, rules without any, rules that can have none, and what denials saved.

A rule in the log is the rule of its id, or without one the rule that stands where it stood, or that names the list
whose line decided; what was counted for others is told apart, since they are gone or have moved.  A line of a list is
known by what it says: its number changes with every edition.

What a denial saved is the request, and as many bytes as an answer of the same host for the same kind of resource came
to on the average, or where that was never let through, of any host.  Of a kind that was never let through nothing is
known.  What a denied page or script would have asked for in its turn, nobody can say; it is not counted.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from forward_proxy.access.grants import PLACE
from forward_proxy.access.lists.listed import Listed
from forward_proxy.access.options import Action
from forward_proxy.access.rules import AccessRules, list_of
from forward_proxy.access.shadows import shadowed
from forward_proxy.matching.choice import Choice
from forward_proxy.matching.subject import RuleRef
from forward_proxy.traffic.hits import Decided, Hits

MOST_LINES = 100


@dataclass(frozen=True, slots=True)
class Saved:
    """What denials kept from being sent: `requests`, and `bytes`, an estimate for those in `estimated`.

    `bytes` is None when nothing can be estimated.
    """

    requests: int = 0
    estimated: int = 0
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class RuleUse:
    """One rule in force.  `hits` are exchanges it decided; `last_at` is POSIX seconds.  A rule with `shadowed_by` can
    never decide."""

    where: RuleRef
    action: Action
    hits: int
    saved: Saved
    last_at: float | None
    shadowed_by: tuple[RuleRef, ...]


@dataclass(frozen=True, slots=True)
class LineUse:
    """A line of a list that decided: its number and text when it last did."""

    line: int
    text: str
    hits: int
    last_at: float


@dataclass(frozen=True, slots=True)
class ListUse:
    """A list of a rule: `lines_hit` are lines that decided, `lines` those that did most often.

    It is not in force when the rule does not name it any more.
    """

    rule: RuleRef
    name: str
    in_force: bool
    hits: int
    saved: Saved
    last_at: float | None
    lines_hit: int
    lines: tuple[LineUse, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """The rules and their lists in their order; hits of grants, and of rules that are not in force any more, by the
    name the log has."""

    rules: tuple[RuleUse, ...]
    lists: tuple[ListUse, ...]
    grants: tuple[tuple[str, int], ...]
    gone: tuple[tuple[str, int], ...]


def usage(access: AccessRules, decided: Decided) -> Usage:
    """What each rule did by these counts."""
    places = _Places(access)
    mine: dict[int, list[Hits]] = {}
    gone: Counter[str] = Counter()
    grants: Counter[str] = Counter()
    for hits in decided.hits:
        place = places.of(hits)
        if place is not None:
            mine.setdefault(place, []).append(hits)
        elif hits.rule.startswith(f"{PLACE}:") and hits.rule_id is None:
            grants[hits.rule] += hits.exchanges
        else:
            gone[f"{hits.rule_id} ({hits.rule})" if hits.rule_id else hits.rule] += hits.exchanges
    never = shadowed(access.rules)
    rules: list[RuleUse] = []
    lists: list[ListUse] = []
    for place, rule in enumerate(access.rules):
        hits_of = mine.get(place, [])
        counts = sum(each.exchanges for each in hits_of), _saved(hits_of, decided), _last(hits_of)
        rules.append(RuleUse(rule.where, rule.value, *counts, never.get(place, ())))
        if (listed := list_of(rule.matcher)) is not None:
            lists += _lists(rule, listed, hits_of, decided)
    return Usage(tuple(rules), tuple(lists), _most_first(grants), _most_first(gone))


class _Places:
    """Where among the rules the one stands that the log names."""

    def __init__(self, access: AccessRules) -> None:
        named = [(rule.where, place) for place, rule in enumerate(access.rules)]
        self._by_id = {where.id: place for where, place in named if where.id}
        self._by_text = {str(where): place for where, place in named if not where.id}
        self._by_list: dict[str, int] = {}
        for place, rule in enumerate(access.rules):
            if (listed := list_of(rule.matcher)) is not None and not rule.where.id:
                for name in _names(listed):
                    self._by_list.setdefault(name, place)

    def of(self, hits: Hits) -> int | None:
        if hits.rule_id:
            return self._by_id.get(hits.rule_id)
        place = self._by_text.get(hits.rule)
        return self._by_list.get(_split(hits.rule)[0]) if place is None else place


def _names(listed: Listed) -> tuple[str, ...]:
    """The lists of a rule, and what they include."""
    there = () if not listed.digest else (listed.name,) if listed.origins is None else listed.origins.names
    return (*there, *listed.missing)


def _lists(rule: Choice[Action], listed: Listed, hits: Sequence[Hits], decided: Decided) -> Iterable[ListUse]:
    by_name: dict[str, list[Hits]] = {name: [] for name in _names(listed)}
    known = set(by_name)
    for each in hits:
        by_name.setdefault(_split(each.rule)[0], []).append(each)
    prefix = listed.reason_before(rule.reason)
    for name, mine in by_name.items():
        lines = _lines(mine, prefix)
        total = sum(each.exchanges for each in mine)
        yield ListUse(
            rule.where,
            name,
            name in known,
            total,
            _saved(mine, decided),
            _last(mine),
            len(lines),
            tuple(lines[:MOST_LINES]),
        )


def _lines(hits: Iterable[Hits], prefix: str) -> list[LineUse]:
    """By what they say, most hits first."""
    latest: dict[str, Hits] = {}
    counts: Counter[str] = Counter()
    for each in hits:
        counts[each.reason] += each.exchanges
        if each.reason not in latest or each.last_at > latest[each.reason].last_at:
            latest[each.reason] = each
    return [
        LineUse(_split(latest[reason].rule)[1], reason.removeprefix(prefix), count, latest[reason].last_at)
        for reason, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def _split(rule: str) -> tuple[str, int]:
    name, _, line = rule.rpartition(":")
    return name, int(line) if line.isascii() and line.isdigit() and len(line) < 16 else 0


def _saved(hits: Iterable[Hits], decided: Decided) -> Saved:
    requests = estimated = 0
    octets = 0.0
    for each in hits:
        if not each.denied:
            continue
        requests += each.exchanges
        kind = each.resource or ""
        mean = decided.host_bytes.get((each.host, kind), decided.mean_bytes.get(kind))
        if mean is not None:
            estimated += each.exchanges
            octets += each.exchanges * mean
    return Saved(requests, estimated, int(octets) if estimated else None)


def _last(hits: Iterable[Hits]) -> float | None:
    return max((each.last_at for each in hits), default=None)


def _most_first(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
