"""What became of another program's configuration?  Entries for a rule file, and an outcome for every line of it.

An entry is only made when the grammar of rules takes it, so what is written loads.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path
from typing import Literal

from forward_proxy.matching.grammar import compile_match
from forward_proxy.matching.matcher import Matcher
from forward_proxy.rulefiles.listentries import ListEntry, read_list

type Values = str | Sequence[str] | Mapping[str, "Values"] | Sequence[Mapping[str, "Values"]]
type Match = Mapping[str, Values]
type Outcome = Literal["carried", "setting", "not carried"]

MAX_VALUE = 2_000
MAX_EXPRESSIONS = 5_000


@dataclass(frozen=True, slots=True)
class Source:
    """A list of an entry, and the line that says so; `name` is what its owner calls it.

    With `why_not` it is written as a comment.
    """

    place: str
    text: str
    source: str
    format: str = ""
    name: str = ""
    why_not: str = ""

    @property
    def is_file(self) -> bool:
        return "://" not in self.source


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the section `rules` or `cache`; `action` is None for a cache entry, which is a bypass.

    With `lists` it is about what is on any of them.
    """

    id: str
    action: Literal["allow", "deny"] | None
    match: Match
    reason: str
    lists: tuple[Source, ...] = ()

    @property
    def is_comment(self) -> bool:
        """Whether all of it is written as a comment."""
        return bool(self.lists) and all(each.why_not for each in self.lists)


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
        of_lists = (problem_of_list(each) for each in entry.lists)
        problem = self._refused(entry) or problem_of(entry.match) or next(filter(None, of_lists), None)
        if problem is not None:
            self.leave(place, text, problem)
            return False
        self._ids.add(entry.id)
        self.entries.append(entry)
        self.lines.append(Line(place, cut(text), "carried", entry.id))
        return True

    @property
    def in_force(self) -> list[Entry]:
        """The entries that are no comments."""
        return [entry for entry in self.entries if not entry.is_comment]

    def carry_lists(self, entry: Entry) -> None:
        """Take the entry with those of its lists that can be named, each with its own outcome."""
        taken = []
        for each in entry.lists:
            if (problem := problem_of_list(each)) is not None:
                self.leave(each.place, each.text, problem)
                continue
            taken.append(each)
            if each.why_not:
                self.leave(each.place, each.text, f"{each.why_not}; it is written as a comment")
            else:
                self.lines.append(Line(each.place, cut(each.text), "carried", entry.id))
        if taken:
            self._ids.add(entry.id)
            self.entries.append(replace(entry, lists=tuple(taken)))

    def leave_files(self, is_there: Callable[[str], bool]) -> None:
        """Lists in files that are not there become comments: rules that name them would not load."""
        for number, entry in enumerate(self.entries):
            missing = {each.place: each.source for each in entry.lists if each.is_file and not is_there(each.source)}
            if not missing:
                continue
            # The lists of one line are one thing: without one of them it would say less than it did.
            lists = (
                replace(each, why_not=each.why_not or f"there is no file {missing[each.place]}")
                if each.place in missing
                else each
                for each in entry.lists
            )
            entry = self.entries[number] = replace(entry, lists=tuple(lists))
            self.lines = [_without(line, entry, missing) for line in self.lines]

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


def problem_of_list(source: Source) -> str | None:
    """Why a rule cannot name this list; None when it can."""
    told = {"source": source.source} | ({"format": source.format} if source.format else {})
    read = read_list(told, Path())
    return None if isinstance(read, ListEntry) else read[0].text


def _without(line: Line, entry: Entry, missing: Mapping[str, str]) -> Line:
    """The line of a list that is not there, or of the entry that is nothing without it."""
    ids = line.detail.split(", ")
    if line.outcome != "carried" or entry.id not in ids or not (line.place in missing or entry.is_comment):
        return line
    if len(ids) > 1:
        return replace(line, detail=", ".join(each for each in ids if each != entry.id))
    why = f"there is no file {missing.get(line.place) or next(iter(missing.values()))}; it is written as a comment"
    return replace(line, outcome="not carried", detail=why)


def cut(text: str) -> str:
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…"
