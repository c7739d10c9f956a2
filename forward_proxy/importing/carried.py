"""What became of another program's configuration?  Entries for a rule file, and an outcome for every line of it.

An entry is only made when the grammar of rules takes it, so what is written loads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Literal

from forward_proxy.matching.grammar import compile_match
from forward_proxy.matching.matcher import Matcher

type Values = str | Sequence[str] | Mapping[str, "Values"] | Sequence[Mapping[str, "Values"]]
type Match = Mapping[str, Values]
type Outcome = Literal["carried", "setting", "not carried"]

MAX_VALUE = 2_000
MAX_EXPRESSIONS = 5_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the section `rules` or `cache`; `action` is None for a cache entry, which is a bypass."""

    id: str
    action: Literal["allow", "deny"] | None
    match: Match
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one line: `detail` is the entry's id, the setting that says the same, or why it was not carried.

    `place` is the line's number, or where in an archive it stands.
    """

    place: str
    text: str
    outcome: Outcome
    detail: str


@dataclass(slots=True)
class Imported:
    """Entries in the order in which they are to be asked, and the report by line."""

    entries: list[Entry] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    _ids: set[str] = field(default_factory=set)
    _expressions: int = 0

    def carry(self, place: str, text: str, entry: Entry) -> bool:
        """Take the entry, unless the grammar of rules does not."""
        problem = self._refused(entry) or problem_of(entry.match)
        if problem is not None:
            self.leave(place, text, problem)
            return False
        self._ids.add(entry.id)
        self.entries.append(entry)
        self.lines.append(Line(place, cut(text), "carried", entry.id))
        return True

    def _refused(self, entry: Entry) -> str | None:
        """Why the entry is not looked at; compiling an expression is what costs."""
        if entry.id in self._ids:
            return "an entry of its number is there already"
        if "url" not in entry.match:
            return None
        self._expressions += 1
        return None if self._expressions <= MAX_EXPRESSIONS else f"more than {MAX_EXPRESSIONS} entries with expressions"

    def set(self, place: str, text: str, setting: str) -> None:
        self.lines.append(Line(place, cut(text), "setting", setting))

    def leave(self, place: str, text: str, why: str) -> None:
        self.lines.append(Line(place, cut(text), "not carried", why))


def problem_of(match: Match) -> str | None:
    """Why the grammar of rules does not take this match; None when it does."""
    compiled = compile_match(match, UTC)
    if isinstance(compiled, Matcher):
        return None
    problem = compiled[0]
    return ": ".join(filter(None, (".".join(map(str, problem.path)), problem.text)))


def cut(text: str) -> str:
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…"
