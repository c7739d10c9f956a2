"""Which filter has the last word over a request?  Important ones before exceptions, exceptions before all others.

What filters do besides blocking is asked apart: parameters to be removed, field lines to be added.  Of these each has
a say, but for those that an exception of the same kind and value takes out.

A filter is filed under one key (index.py) and read when a request first comes near it; what has been read is kept.
Most filters mean a host and nothing else, and are one entry in one table.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from forward_proxy.access.filters.index import Index, words_of
from forward_proxy.access.filters.lines import Expression, Filter, read_line
from forward_proxy.access.filters.modifiers import FIELDS, Kind, Modifier, Parameters, Removal
from forward_proxy.access.filters.patterns import FOLDED_MARKS, MARKS
from forward_proxy.access.filters.resolving import as_resolved
from forward_proxy.access.filters.scopes import DOCUMENT, KINDS, TUNNEL
from forward_proxy.access.filters.tokens import Words
from forward_proxy.access.lists.found import Addition, Found, Replacement
from forward_proxy.access.surrogates import NONE, canonical_name
from forward_proxy.matching.automata import Automaton
from forward_proxy.matching.hosts import suffixes
from forward_proxy.matching.subject import Subject

# Parameters are removed of requests that change nothing: those of a form that is sent are what somebody wrote.
_SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of a list by line.

    `hosts` are those that mean a host and all below it for whatever a page is made of, behind `=` that host alone.
    `texts` are the filters as
    written, without those that are `||host^` and no more; `needles` what a marked URL holds if they do.  `blocking` has
    the important ones too.  `modifying` are those that do something else, by its kind, `sparing` the exceptions from
    them.  `trusted` are the exceptions for all that the pages of a host ask for.  `automata` are the regular
    expressions.  Filters `for_resolvers` are asked what a resolver would be asked (resolving.py).
    """

    hosts: Mapping[str, int] = field(default_factory=dict)
    texts: Mapping[int, str] = field(default_factory=dict)
    needles: Mapping[int, bytes] = field(default_factory=dict)
    important: Index = field(default_factory=Index)
    exceptions: Index = field(default_factory=Index)
    blocking: Index = field(default_factory=Index)
    modifying: Mapping[Kind, Index] = field(default_factory=dict)
    sparing: Index = field(default_factory=Index)
    trusted: Mapping[str, int] = field(default_factory=dict)
    automata: Mapping[str, Automaton] = field(default_factory=dict)
    for_resolvers: bool = False
    _words: Words = field(init=False, repr=False, compare=False)
    # The filters that a request came near.
    _read: dict[int, Filter] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_words", words_of(self._indexes()))

    def find(self, subject: Subject) -> Found | None:
        """What blocks the request, or the exception that frees it; None when nothing blocks it.  Never raises.

        `overrides` is what an exception frees from, or the exception that an important filter passes over.  Of a tunnel
        that nobody looks into only what holds for everything inside is found.
        """
        seen = self._seen(subject)
        line = self._blocked(seen)
        if line is None:
            return None
        important = line in self._read and self._read[line].scope.important
        text = self.texts.get(line) or self._host_text(subject.host)
        exception = self._exception(seen)
        if exception is None:
            return Found(line, text, important=important)
        if (insisting := self._first(self.important, seen)) is not None:
            return Found(insisting, self.texts[insisting], important=True, overrides=exception)
        return Found(exception.line, exception.text, exception=True, overrides=Found(line, text, important=important))

    def replacement(self, subject: Subject) -> Replacement | None:
        """What stands in for the response if the request is denied: by priority, then by importance, then by name, so
        that the order of lines means nothing.  Never raises."""
        if "redirect" not in self.modifying:
            return None
        wanted = [
            (-modifier.priority, not self._filter(line).scope.important, modifier.value, line)
            for line, modifier in self._modifiers("redirect", self._seen(subject))
            if canonical_name(modifier.value)
        ]
        if not wanted:
            return None
        *_, name, line = min(wanted)
        return None if name == NONE else Replacement(line, self.texts[line], name)

    def removals(self, subject: Subject) -> tuple[Removal, ...]:
        """What has parameters of the query removed: of a request that asks to be given something, and no more.

        Never raises.
        """
        if "removeparam" not in self.modifying or "?" not in subject.url or subject.method not in _SAFE:
            return ()
        removing = self._modifiers("removeparam", self._seen(subject))
        return tuple(self._removal(line, modifier) for line, modifier in removing)

    def additions(self, subject: Subject) -> tuple[Addition, ...]:
        """What has field lines added to the response, each value once.  Never raises."""
        kinds = [kind for kind in FIELDS if kind in self.modifying]
        if not kinds or subject.resource not in ("document", "frame"):
            return ()
        seen, added = self._seen(subject), dict[tuple[bytes, str], Addition]()
        for kind in kinds:
            for line, modifier in self._modifiers(kind, seen):
                addition = Addition(line, self.texts[line], FIELDS[kind], modifier.value.encode())
                added.setdefault((addition.name, modifier.value), addition)
        return tuple(sorted(added.values(), key=lambda addition: addition.line))

    def may_find_inside(self, tunnel: Subject) -> bool:
        """Whether a filter that means more than a host may block something inside.  Never raises."""
        if self.for_resolvers:
            return False
        names = tuple(suffixes(tunnel.host))
        return self.blocking.may_hold_at(names) or self.important.may_hold_at(names)

    def _seen(self, subject: Subject) -> "_Seen":
        if not self.for_resolvers:
            return _Seen(subject, self._words, subject.url)
        return _Seen(as_resolved(subject), self._words, subject.host)

    def _indexes(self) -> tuple[Index, ...]:
        return self.important, self.exceptions, self.blocking, *self.modifying.values(), self.sparing

    def _removal(self, line: int, modifier: Modifier) -> Removal:
        parameters = Parameters.of(modifier.value)
        automaton = self.automata[parameters.expression] if parameters.expression else None
        return Removal(line, self.texts[line], parameters, automaton)

    def _modifiers(self, kind: Kind, seen: "_Seen") -> list[tuple[int, Modifier]]:
        """The lines that do this for the request, but for those that are spared it."""
        found = [(line, self._filter(line)) for line in self._holding(self.modifying[kind], seen)]
        if not found:
            return []
        sparing = [self._filter(line).scope.modifier for line in self._holding(self.sparing, seen)]
        spared = {modifier.value for modifier in sparing if modifier is not None and modifier.kind == kind}
        page = seen.subject.host if seen.kind == DOCUMENT else seen.subject.page
        all_spared = "" in spared or self._trusted(page) is not None
        return [
            (line, modifier)
            for line, filter_ in found
            if (modifier := filter_.scope.modifier) is not None
            and (filter_.scope.important or not (all_spared or modifier.value in spared))
        ]

    def excepted(self, subject: Subject) -> Found | None:
        """The exception that holds for the request, whether anything here blocks it or not.  Never raises."""
        return self._exception(self._seen(subject))

    def _blocked(self, seen: "_Seen") -> int | None:
        if seen.kind != DOCUMENT:
            hosts = self.hosts
            if self.for_resolvers and (line := hosts.get(f"={seen.subject.host}")) is not None:
                return line
            for name in suffixes(seen.subject.host):
                if name in hosts:
                    return hosts[name]
        return self._first(self.blocking, seen)

    def host_texts(self) -> Iterator[tuple[int, str]]:
        """The lines of `hosts`, and the filters that say the same."""
        return ((line, name.removeprefix("=") if name[0] == "=" else f"||{name}^") for name, line in self.hosts.items())

    def _host_text(self, host: str) -> str:
        if f"={host}" in self.hosts:
            return host
        return f"||{next(name for name in suffixes(host) if name in self.hosts)}^"

    def _exception(self, seen: "_Seen") -> Found | None:
        line = self._first(self.exceptions, seen)
        if line is None:
            line = self._trusted(seen.subject.page)
        return None if line is None else Found(line, self.texts[line], exception=True)

    def _trusted(self, page: str | None) -> int | None:
        if page is None or not self.trusted:
            return None
        return next((self.trusted[name] for name in suffixes(page) if name in self.trusted), None)

    def _first(self, index: Index, seen: "_Seen") -> int | None:
        return next(self._holding(index, seen), None)

    def _holding(self, index: Index, seen: "_Seen") -> Iterator[int]:
        """The lines that hold for the request, in rising order."""
        subject, kind, marked, needles = seen.subject, seen.kind, seen.marked, self.needles
        before = 0
        for line in index.near(seen.words, subject.host, subject.page):
            if needles[line] in marked and line != before:
                filter_ = self._filter(line)
                if filter_.scope.holds(subject, kind) and self._fits(filter_, seen):
                    before = line
                    yield line

    def _filter(self, line: int) -> Filter:
        if (known := self._read.get(line)) is not None:
            return known
        filter_ = read_line(self.texts[line], self.for_resolvers)
        if not isinstance(filter_, Filter):
            raise TypeError(f"line {line} is no filter")  # Only filters are filed.
        self._read[line] = filter_
        return filter_

    def _fits(self, filter_: Filter, seen: "_Seen") -> bool:
        pattern = filter_.pattern
        if isinstance(pattern, Expression):
            return self._expression_fits(pattern, seen)
        if pattern.ends and seen.kind == TUNNEL:
            return False
        if filter_.scope.match_case:
            url, marked = seen.cased, seen.cased.translate(MARKS) + seen.end
        else:
            url, marked = seen.url, seen.marked
        if filter_.site is not None:
            return filter_.site in suffixes(seen.subject.host) and pattern.fits(url, marked, (seen.host_end,))
        return pattern.fits(url, marked, seen.labels() if filter_.labels else (0,))

    def _expression_fits(self, expression: Expression, seen: "_Seen") -> bool:
        if seen.kind == TUNNEL and not expression.is_open:
            return False
        url = seen.searched
        return self.automata[expression.source].found_in(url[: len(url) - expression.spare])


class _Seen:
    """A request as patterns see it: its URL, and the URL with its separators marked, both in lower case.

    Regular expressions are looked for in `searched`.
    """

    __slots__ = ("cased", "end", "host_end", "kind", "marked", "searched", "subject", "url", "words")

    def __init__(self, subject: Subject, words: Words, searched: str) -> None:
        self.subject, self.searched = subject, searched
        host = subject.host
        if subject.method == "CONNECT":
            self.kind, self.end = TUNNEL, b""
            self.cased = f"{subject.url}/".encode("ascii", "replace")
        else:
            self.kind, self.end = KINDS[subject.resource], b"^"
            self.cased = subject.url.encode("ascii", "replace")
        self.url = self.cased.lower()
        self.marked = self.cased.translate(FOLDED_MARKS) + self.end
        self.words = words.found_in(self.cased)
        self.host_end = len(subject.scheme) + 3 + len(host) + (2 if ":" in host else 0)

    def labels(self) -> Iterable[int]:
        """Where the labels of the host begin."""
        begin = len(self.subject.scheme) + 3
        yield begin
        while (begin := self.url.find(b".", begin, self.host_end) + 1) > 0:
            yield begin
