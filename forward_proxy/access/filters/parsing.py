"""What does the text of an adblock list hold?  Reads every line, keeps what can be acted on, accounts for the rest.

Never raises.  Regular expressions are compiled here, with a bound on each and on all; of filters that have to be
tried for every URL, or for every URL with the same word, a list has so many and no more.  So no list stalls the process
that reads it or a request that is judged by it.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from forward_proxy.access.filters.conditions import Branches
from forward_proxy.access.filters.engine import Filters
from forward_proxy.access.filters.index import MAX_ALIKE, Index, index_of, is_everywhere
from forward_proxy.access.filters.lines import (
    Cosmetic,
    Expression,
    Filter,
    HostsLine,
    read_line,
)
from forward_proxy.access.filters.modifiers import Kind
from forward_proxy.access.filters.report import Ignored, Refused, Report
from forward_proxy.access.lists.reading import text_lines
from forward_proxy.access.surrogates import canonical_name
from forward_proxy.matching.automata import Automaton, compile_within
from forward_proxy.matching.expressions import ExpressionError
from forward_proxy.message.hosts import canonical_host

# Steps, of which a second has some 200,000: for one expression, and for all of a list.
MAX_WORK = 50_000
MAX_WORK_TOGETHER = 2_000_000
# Filters that have to be tried for every URL.
MAX_EVERYWHERE = 1000
MAX_EXPRESSIONS_EVERYWHERE = 50
_ALIKE = Refused("alike", f"{MAX_ALIKE:,} filters before it hold for the same word, host or page")

_PLAIN = re.compile(r"\|\|([a-z0-9_-]+(?:\.[a-z0-9_-]+)+)\^")


def parse_filters(text: str, name: str, for_resolvers: bool = False) -> tuple[Filters, Report]:
    """The filters of a list, and what became of its lines; `name` is what the operator calls it."""
    filters, (report,) = parse_together([(name, text)], for_resolvers)
    return filters, report


def parse_together(texts: Sequence[tuple[str, str]], for_resolvers: bool = False) -> tuple[Filters, tuple[Report, ...]]:
    """The filters of several texts as one list, and what became of the lines of each; names come before texts.

    Filters are for browsers, or else for resolvers (resolving.py).  The lines of the filters go on counting from one
    text to the next, those of the reports begin anew.
    """
    reader = _ListReader(for_resolvers)
    for name, text in texts:
        reader.begin(name)
        for number, line in enumerate(text_lines(text.removeprefix("\ufeff")), reader.part.before + 1):
            reader.read(number, line.strip())
    return reader.finish()


class _Part:
    """What became of the lines of one text so far; `before` are those of the texts before it."""

    def __init__(self, name: str, before: int) -> None:
        self.name = name
        self.before = before
        self.lines = self.filters = self.cosmetic = self.duplicates = self.removed = self.conditional = 0
        self.ignored: list[Ignored] = []
        self.branches = Branches()

    def finish(self) -> Report:
        return Report(
            self.name,
            lines=self.lines,
            filters=self.filters,
            cosmetic=self.cosmetic,
            duplicates=self.duplicates,
            removed=self.removed,
            conditional=self.conditional,
            ignored=tuple(self.ignored),
        )


class _ListReader:
    """Gathers the lines of one list, of one text or several."""

    def __init__(self, for_resolvers: bool) -> None:
        self.for_resolvers = for_resolvers
        self.parts: list[_Part] = []
        self.hosts: dict[str, int] = {}
        self.texts: dict[int, str] = {}
        self.filters: dict[int, Filter] = {}
        self.bad: set[Filter] = set()
        self.automata: dict[str, Automaton] = {}
        self.work = self.everywhere = self.expressions_everywhere = 0
        self.said: set[str] = set()
        self.left_out: set[int] = set()

    @property
    def part(self) -> _Part:
        """The one that is being read."""
        return self.parts[-1]

    def begin(self, name: str) -> None:
        before = self.part.before + self.part.lines if self.parts else 0
        self.parts.append(_Part(name, before))

    def of(self, number: int) -> _Part:
        """The one that the line stands in."""
        return self.parts[bisect_left(self.parts, number, key=lambda part: part.before) - 1]

    def read(self, number: int, text: str) -> None:
        part = self.part
        part.lines = number - part.before
        if text.startswith("!"):
            self.directive(number, text)
        elif not part.branches.hold:
            part.conditional += bool(text)
        elif (plain := _PLAIN.fullmatch(text)) and canonical_host(plain[1]) == plain[1]:
            self.add_host(number, plain[1], None)
        else:
            self.other(number, text)

    def other(self, number: int, text: str) -> None:
        match read_line(text, self.for_resolvers):
            case Filter() as filter_:
                self.add(number, text, filter_)
            case HostsLine(hosts):
                for host in hosts:
                    if self.for_resolvers:
                        self.add_host(number, f"={host}", None)
                    else:
                        self.add_host(number, host, text)
            case Cosmetic():
                self.part.cosmetic += 1
            case Refused() as refused:
                self.ignore(number, text, refused)

    def add_host(self, number: int, host: str, text: str | None) -> None:
        if host in self.hosts:
            self.part.duplicates += 1
            return
        self.hosts[host] = number
        if text is not None:
            self.texts[number] = text

    def add(self, number: int, text: str, filter_: Filter) -> None:
        if filter_.scope.bad:
            self.bad.add(replace(filter_, scope=replace(filter_.scope, bad=False)))
        elif text in self.said:
            self.part.duplicates += 1
        elif (refused := self.too_many(filter_) or self.compile(filter_)) is not None:
            self.ignore(number, text, refused)
        else:
            self.said.add(text)
            self.note(number, text, filter_)
            self.filters[number] = filter_
            self.texts[number] = text

    def note(self, number: int, text: str, filter_: Filter) -> None:
        """A filter that cannot do all that it says."""
        modifier = filter_.scope.modifier
        if modifier and modifier.kind == "redirect" and filter_.blocks and not canonical_name(modifier.value):
            self.ignore(
                number, text, Refused("redirect", f"no surrogate is called {modifier.value[:80]}; it only blocks")
            )

    def too_many(self, filter_: Filter) -> Refused | None:
        if not is_everywhere(filter_):
            return None
        is_expression = isinstance(filter_.pattern, Expression)
        if self.everywhere == MAX_EVERYWHERE or (
            is_expression and self.expressions_everywhere == MAX_EXPRESSIONS_EVERYWHERE
        ):
            return Refused("everywhere", "the list has too many filters that have to be tried for every URL")
        self.everywhere += 1
        self.expressions_everywhere += is_expression
        return None

    def compile(self, filter_: Filter) -> Refused | None:
        for source in filter_.expressions:
            if source not in self.automata and (refused := self.compile_one(source)) is not None:
                return refused
        return None

    def compile_one(self, source: str) -> Refused | None:
        if self.work > MAX_WORK_TOGETHER:
            return Refused("expression", "the regular expressions before it are as much work as a list may be")
        try:
            self.automata[source], work = compile_within(source, MAX_WORK)
        except ExpressionError as error:
            self.work += MAX_WORK
            return Refused("expression", f"regular expression: {error}")
        self.work += work
        return None

    def ignore(self, number: int, text: str, refused: Refused) -> None:
        part = self.of(number)
        part.ignored.append(Ignored(number - part.before, text, refused.kind, refused.reason))

    def directive(self, number: int, text: str) -> None:
        """What is included has been found before (conditions.includes_in)."""
        word, _, rest = text.partition(" ")
        if word.startswith("!#") and (problem := self.part.branches.read(word, rest)) is not None:
            self.ignore(number, text, Refused("condition", problem))

    def finish(self) -> tuple[Filters, tuple[Report, ...]]:
        self.remove_bad()
        self.file_hosts()
        filters = list(self.filters.items())
        trusted: dict[str, int] = {}
        for number, filter_ in filters:
            if filter_.exception and filter_.site and filter_.is_host and filter_.scope.trusts_pages:
                trusted.setdefault(filter_.site, number)
        blocking = [item for item in filters if item[1].blocks]
        modifying: dict[Kind, list[tuple[int, Filter]]] = {}
        for number, filter_ in filters:
            if not filter_.exception and (modifier := filter_.scope.modifier) is not None:
                modifying.setdefault(modifier.kind, []).append((number, filter_))
        found = Filters(
            self.hosts,
            self.texts,
            {number: filter_.needle for number, filter_ in filters},
            self.filed([item for item in blocking if item[1].scope.important]),
            self.filed([item for item in filters if item[1].exception and item[1].scope.modifier is None]),
            self.filed(blocking),
            {kind: self.filed(several) for kind, several in modifying.items()},
            self.filed([item for item in filters if item[1].exception and item[1].scope.modifier is not None]),
            trusted,
            self.automata,
            self.for_resolvers,
        )
        for number in (*self.hosts.values(), *self.filters.keys() - self.left_out):
            self.of(number).filters += 1
        for number in sorted(self.left_out):
            self.ignore(number, self.texts[number], _ALIKE)
        return found, tuple(part.finish() for part in self.parts)

    def filed(self, filters: Sequence[tuple[int, Filter]]) -> Index:
        index, left_out = index_of(filters)
        self.left_out.update(left_out)
        return index

    def remove_bad(self) -> None:
        """A filter with `badfilter` takes out those that say the same without it, however they spell it."""
        if not self.bad:
            return
        for number in [number for number, filter_ in self.filters.items() if filter_ in self.bad]:
            del self.filters[number], self.texts[number]
            self.of(number).removed += 1
        for bad in self.bad:
            if bad.is_plain and (line := self.hosts.pop(bad.site or "", None)) is not None:
                self.of(line).removed += 1

    def file_hosts(self) -> None:
        """Filters that mean a host and no more, however they are written, go where all those are."""
        for number, filter_ in list(self.filters.items()):
            if filter_.is_plain and (site := filter_.site):
                if site in self.hosts:
                    self.of(number).duplicates += 1
                    del self.texts[number]
                else:
                    self.hosts[site] = number
                del self.filters[number]
