"""Which filter has the last word over a request?  Important ones before exceptions, exceptions before all others.

A filter is filed under one key (index.py) and read when a request first comes near it; what has been read is kept.
Most filters mean a host and nothing else, and are one entry in one table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from forward_proxy.access.filters.index import Index, words_of
from forward_proxy.access.filters.lines import Expression, Filter, read_line
from forward_proxy.access.filters.patterns import FOLDED_MARKS, MARKS
from forward_proxy.access.filters.scopes import DOCUMENT, KINDS, TUNNEL
from forward_proxy.access.filters.tokens import Words
from forward_proxy.access.lists.found import Found
from forward_proxy.matching.automata import Automaton
from forward_proxy.matching.hosts import suffixes
from forward_proxy.matching.subject import Subject


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of a list by line.

    `hosts` are those that mean a host and all below it for whatever a page is made of.  `texts` are the filters as
    written, without those that are `||host^` and no more; `needles` what a marked URL holds if they do.  `blocking` has
    the important ones too.  `trusted` are the exceptions for all that the pages of a host ask for.  `automata` are the
    regular expressions.
    """

    hosts: Mapping[str, int] = field(default_factory=dict)
    texts: Mapping[int, str] = field(default_factory=dict)
    needles: Mapping[int, bytes] = field(default_factory=dict)
    important: Index = field(default_factory=Index)
    exceptions: Index = field(default_factory=Index)
    blocking: Index = field(default_factory=Index)
    trusted: Mapping[str, int] = field(default_factory=dict)
    automata: Mapping[str, Automaton] = field(default_factory=dict)
    _words: Words = field(init=False, repr=False, compare=False)
    # The filters that a request came near.
    _read: dict[int, Filter] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_words", words_of((self.important, self.exceptions, self.blocking)))

    def find(self, subject: Subject) -> Found | None:
        """What blocks the request, or the exception that frees it; None when nothing blocks it.  Never raises.

        `overrides` is what an exception frees from, or the exception that an important filter passes over.  Of a tunnel
        that nobody looks into only what holds for everything inside is found.
        """
        seen = _Seen(subject, self._words)
        line = self._blocked(seen)
        if line is None:
            return None
        important = line in self._read and self._read[line].scope.important
        blocked = Found(line, self.texts.get(line) or self._host_text(subject.host), important=important)
        exception = self._exception(seen)
        if exception is None:
            return blocked
        if (line := self._first(self.important, seen)) is not None:
            return Found(line, self.texts[line], important=True, overrides=exception)
        return Found(exception.line, exception.text, exception=True, overrides=blocked)

    def _blocked(self, seen: "_Seen") -> int | None:
        if seen.kind != DOCUMENT:
            hosts = self.hosts
            for name in suffixes(seen.subject.host):
                if name in hosts:
                    return hosts[name]
        return self._first(self.blocking, seen)

    def _host_text(self, host: str) -> str:
        return f"||{next(name for name in suffixes(host) if name in self.hosts)}^"

    def _exception(self, seen: "_Seen") -> Found | None:
        line = self._first(self.exceptions, seen)
        if line is None and self.trusted and seen.subject.page is not None:
            line = next((self.trusted[name] for name in suffixes(seen.subject.page) if name in self.trusted), None)
        return None if line is None else Found(line, self.texts[line], exception=True)

    def _first(self, index: Index, seen: "_Seen") -> int | None:
        subject, kind, marked, needles = seen.subject, seen.kind, seen.marked, self.needles
        for line in index.near(seen.words, subject.host, subject.page):
            if needles[line] in marked:
                filter_ = self._filter(line)
                if filter_.scope.holds(subject, kind) and self._fits(filter_, seen):
                    return line
        return None

    def _filter(self, line: int) -> Filter:
        if (known := self._read.get(line)) is not None:
            return known
        filter_ = read_line(self.texts[line])
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
        url = seen.subject.url
        return self.automata[expression.source].found_in(url[: len(url) - expression.spare])


class _Seen:
    """A request as patterns see it: its URL, and the URL with its separators marked, both in lower case."""

    __slots__ = ("cased", "end", "host_end", "kind", "marked", "subject", "url", "words")

    def __init__(self, subject: Subject, words: Words) -> None:
        self.subject = subject
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
