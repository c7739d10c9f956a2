"""What would other rules have made of what went by?  Each past exchange judged by the rules in force and by the others.

Both are asked about the same facts, so a difference comes of the rules alone, not of what has changed since.  What the
log does not know (past.py) may leave it open which rule decides.  Then the log's own verdict settles it, if a rule that
is still there gave it: that rule did fit, and those before it did not.  What stays open counts as untold, and is no
difference if the same rules are in question on both sides.

Alike exchanges are judged once: the time counts by the minute, and only when a rule asks for it; a path only when one
asks for it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from forward_proxy.anonymity import Level
from forward_proxy.cleaning import Cleaned
from forward_proxy.history.judging import Judge
from forward_proxy.history.past import Past, Row, past
from forward_proxy.matching.subject import RuleRef
from forward_proxy.policy.door import CLOCK_STEP_S
from forward_proxy.policy.state import State

type Effect = Literal["denied", "freed", "cleaned", "bared", "opened", "unread", "untold"]

_REMEMBERED = 50_000
_STRICTER = {Level.OFF: 0, Level.STANDARD: 1, Level.STRICT: 2}
_NO_EFFECT: tuple["Change", ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One effect on an exchange; `rule` is who has it, None for the default or the settings."""

    effect: Effect
    rule: RuleRef | None = None


class Comparison:
    """The rules in force beside others; asked row by row, it remembers what it said of others alike."""

    def __init__(self, before: State, after: State) -> None:
        self._before, self._after = Judge(before), Judge(after)
        asks = self._before.asks | self._after.asks
        self._by_path, self._by_query, self._by_minute = "path" in asks, "url" in asks, "time" in asks
        self._by_client, self._by_type = not asks.isdisjoint(("client", "group")), "content_type" in asks
        self._by_names = self._before.removes or self._after.removes
        self._same = _pairs(self._before, self._after)
        self._said: dict[tuple[object, ...], tuple[Change, ...] | None] = {}

    def changes(self, row: Row) -> tuple[Change, ...] | None:
        """What would be otherwise; None when rules were not asked, or the record names no target.  Never raises."""
        key = (
            row.method,
            self._target_class(row),
            row.client if self._by_client else None,
            row.resource,
            row.page,
            int(row.started_at) // CLOCK_STEP_S if self._by_minute else None,
            row.content_type if self._by_type else None,
            row.verdict,
            row.rule,
            row.rule_id,
            row.error,
            row.outcome == "purge",
            row.status if row.error else None,
        )
        try:
            return self._said[key]
        except KeyError:
            seen = past(row)
            said = self._said[key] = None if seen is None else tuple(self._compared(seen))
            if len(self._said) > _REMEMBERED:
                self._said.clear()
            return said

    def _target_class(self, row: Row) -> str:
        """As much of the target as the rules can tell apart, and whether some of it is masked."""
        if self._by_query or row.method == "CONNECT" or (self._by_names and "?" in row.target):
            return row.target
        if self._by_path:
            return row.target.partition("?")[0] if "?" in row.target else row.target
        authority_end = row.target.find("/", 8)
        return row.target if authority_end < 0 else row.target[:authority_end]

    def _compared(self, seen: Past) -> Iterator[Change]:
        opened = opens = False
        if seen.subject.scheme == "https":
            opened, opens = self._before.opens(seen.subject), self._after.opens(seen.subject)
        if seen.is_tunnel and opens and not opened:
            yield Change("opened")  # What is inside would be judged, and nobody knows what that was.
            return
        if opened and not opens and not seen.is_tunnel:
            yield Change("unread")
        before, after = self._settled(seen, self._before.places(seen, opened), self._after.places(seen, opens))
        was, becomes = {*map(self._before.action, before)}, {*map(self._after.action, after)}
        if len(was) == len(becomes) == 1:
            if was != becomes:
                denied = "deny" in becomes
                deciding = self._after.where(after[-1]) if denied else self._before.where(before[-1])
                yield Change("denied" if denied else "freed", deciding)
            elif was == {"allow"}:
                yield from self._levels(seen)
                yield from self._targets(seen)
        elif before != tuple(map(self._same.get, after)):
            yield Change("untold", next(filter(None, map(self._after.where, after)), None))

    def _settled(
        self, seen: Past, before: tuple[int, ...], after: tuple[int, ...]
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The places that are left once the log's verdict is heard."""
        decided = self._before.place_of(*seen.by)
        if len(before) == 1 and len(after) == 1:
            return before, after
        if decided not in before or (self._before.action(decided) == "deny") != seen.was_denied:
            return before, after
        left = []
        for place in after:
            twin = self._same.get(place)
            if twin is not None and twin in before and twin < decided:
                continue  # It could have decided then, and did not.
            left.append(place)
            if twin == decided:
                break
        return (decided,), tuple(left)

    def _levels(self, seen: Past) -> Iterator[Change]:
        was, becomes = self._before.level(seen), self._after.level(seen)
        if was is not None and becomes is not None and was is not becomes:
            yield Change("cleaned" if _STRICTER[becomes] > _STRICTER[was] else "bared")

    def _targets(self, seen: Past) -> Iterator[Change]:
        was, becomes = self._before.cleaned(seen), self._after.cleaned(seen)
        more, less = _removed(becomes) - _removed(was), _removed(was) - _removed(becomes)
        if more and becomes is not None:
            yield Change("cleaned", next(each.by for each in becomes.removed if each.what in more))
        elif less and was is not None:
            yield Change("bared", next(each.by for each in was.removed if each.what in less))


def _removed(cleaned: Cleaned | None) -> frozenset[str]:
    return frozenset() if cleaned is None else frozenset(cleaned.names)


def _pairs(before: Judge, after: Judge) -> Mapping[int, int]:
    """For each rule of the other set the place of the same one in the set in force; the defaults are a pair too."""
    by_place = {(str(rule.where), rule.where.id): place for place, rule in enumerate(before.access.rules)}
    by_id = {rule.where.id: place for place, rule in enumerate(before.access.rules) if rule.where.id}
    pairs = {}
    for place, rule in enumerate(after.access.rules):
        twin = by_id.get(rule.where.id) if rule.where.id else by_place.get((str(rule.where), None))
        if twin is not None:
            other = before.access.rules[twin]
            if (other.value, other.matcher) == (rule.value, rule.matcher):
                pairs[place] = twin
    if before.access.default == after.access.default:
        pairs[len(after.access.rules)] = len(before.access.rules)
    return pairs


@dataclass(slots=True)
class Tally:
    """How many exchanges an effect had, by whom and what; `examples` are the first of different hosts."""

    exchanges: int = 0
    hosts: dict[str, int] = field(default_factory=dict)
    clients: dict[str, int] = field(default_factory=dict)
    pages: dict[str, int] = field(default_factory=dict)
    rules: dict[str, int] = field(default_factory=dict)
    examples: list[tuple[Row, RuleRef | None]] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """All that was found; times POSIX seconds, None when nothing was logged.  `unjudged` are no rules' exchanges."""

    records: int = 0
    exchanges: int = 0
    unjudged: int = 0
    first_at: float | None = None
    last_at: float | None = None
    effects: dict[Effect, Tally] = field(default_factory=dict)

    @property
    def newly_denied(self) -> int:
        return self.effects["denied"].exchanges if "denied" in self.effects else 0


MOST_NAMES = 20_000
_OTHERS = "(others)"
_EXAMPLES = 10


def compare(comparison: Comparison, rows: Iterable[Row | None]) -> Report:
    """The report on these rows; None stands for one that could not be read.  Holds counts by name, never the rows."""
    report = Report()
    changes_of, effects = comparison.changes, report.effects
    for row in rows:
        report.records += 1
        if row is None:
            report.unjudged += 1
            continue
        report.exchanges += row.exchanges
        if report.first_at is None:
            report.first_at = row.started_at
        report.last_at = row.started_at
        changes = changes_of(row)
        if changes is None:
            report.unjudged += row.exchanges
        elif changes:
            for change in changes:
                _count(effects.setdefault(change.effect, Tally()), row, change)
    return report


def _count(tally: Tally, row: Row, change: Change) -> None:
    tally.exchanges += row.exchanges
    if len(tally.examples) < _EXAMPLES and row.host not in tally.hosts:
        tally.examples.append((row, change.rule))
    named = (tally.hosts, row.host), (tally.clients, row.client), (tally.pages, row.page or "(none told)")
    for names, name in (*named, (tally.rules, _author(change))):
        if name not in names and len(names) >= MOST_NAMES:
            name = _OTHERS
        names[name] = names.get(name, 0) + row.exchanges


def _author(change: Change) -> str:
    if change.rule is None:
        return "the settings" if change.effect in ("cleaned", "bared", "opened", "unread") else "the default"
    return f"{change.rule.id} ({change.rule})" if change.rule.id else str(change.rule)
