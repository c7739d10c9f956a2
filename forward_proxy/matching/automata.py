"""Is the expression found in this URL?  One table look-up per character, whatever expression and URL.

The expression becomes a nondeterministic automaton (Thompson's construction) and that a deterministic one (subset
construction), both at load.  An expression whose table would be unreasonable, such as `x.{200}y`, is refused there, so
a URL of any length is read to its end: none is too long to be judged.

A place in the automaton looks one octet ahead, for `$` and `\\b`; its state remembers what the last octet was.
"""

from collections import deque
from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import ClassVar

from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.expressions import (
    WORD,
    Characters,
    Edge,
    Either,
    Expression,
    ExpressionError,
    Repeat,
    Sequence,
    parse_expression,
)
from forward_proxy.matching.subject import Subject

MAX_PLACES = 5_000
MAX_WORK = 300_000

# Places that may come next, and what the last octet was.
type _State = tuple[frozenset[int], str]

_TOO_LARGE = "too large; use fewer counted repeats and alternatives"


@dataclass(frozen=True, slots=True)
class Automaton:
    """A compiled expression: `rows` holds, at state + class of the next octet, the next state."""

    literal: str
    classes: bytes
    rows: tuple[int, ...]
    accepting: frozenset[int]

    def found_in(self, text: str) -> bool:
        """Whether the expression matches anywhere in the text (`re.search`)."""
        if self.literal not in text:
            return False
        rows, state = self.rows, 0
        for octet_class in text.encode("utf-8", "replace").translate(self.classes):
            state = rows[state + octet_class]
        return state in self.accepting


@dataclass(frozen=True, slots=True)
class Urls:
    """The key `url`.  Of a tunnel only the authority is known: what does not match it may yet match inside."""

    automata: tuple[Automaton, ...]
    key: ClassVar[str] = "url"
    needs_response: ClassVar[bool] = False

    @classmethod
    def of(cls, automata: Many[Automaton]) -> "Urls":
        return cls(tuple(automata))

    def holds(self, subject: Subject) -> bool | None:
        if any(automaton.found_in(subject.url) for automaton in self.automata):
            return True
        return None if subject.is_tunnel else False


def read_url(text: str) -> Automaton | Unreadable:
    try:
        return compile_expression(text)
    except ExpressionError as error:
        return Unreadable(f"regular expression: {error}")


def compile_expression(text: str) -> Automaton:
    """The automaton of an expression; raises ExpressionError."""
    return compile_within(text, MAX_WORK)[0]


def compile_within(text: str, max_work: int) -> tuple[Automaton, int]:
    """The automaton of an expression and how many steps it took; raises ExpressionError, also past `max_work`."""
    expression = parse_expression(text)
    program = _Program()
    start = program.places_of(expression, program.add(_Accept()))
    classes, samples = _octet_classes(program)
    determiniser = _Determiniser(program, start, samples, max_work)
    return determiniser.automaton(required_literal(expression), classes), determiniser.work


@dataclass(slots=True)
class _Accept:
    """The end of the expression."""


@dataclass(slots=True)
class _Read:
    """Reads one octet of a set, then goes on at `then`."""

    octets: int
    then: int


@dataclass(slots=True)
class _Fork:
    """Goes on at every one of these places."""

    then: tuple[int, ...]


@dataclass(slots=True)
class _Stand:
    """Goes on at `then` where the edge is."""

    kind: str
    then: int


class _Program:
    """The nondeterministic automaton; places are written from the end of the expression to its start."""

    def __init__(self) -> None:
        self.places: list[_Accept | _Read | _Fork | _Stand] = []
        self.work = 0

    def add(self, place: _Accept | _Read | _Fork | _Stand) -> int:
        self.places.append(place)
        return len(self.places) - 1

    def places_of(self, expression: Expression, then: int) -> int:
        """Writes the expression in front of `then`; answers where it begins."""
        self.work += 1
        if self.work > MAX_PLACES:
            raise ExpressionError(_TOO_LARGE)
        match expression:
            case Characters(octets):
                return self.add(_Read(octets, then))
            case Edge(kind):
                return self.add(_Stand(kind, then))
            case Sequence(parts):
                for part in reversed(parts):
                    then = self.places_of(part, then)
                return then
            case Either(branches):
                return self.add(_Fork(tuple(self.places_of(branch, then) for branch in branches)))
            case Repeat(part, low, high):
                return self.repeated(part, low, high, then)

    def repeated(self, part: Expression, low: int, high: int | None, then: int) -> int:
        if high is None:
            fork = _Fork((then,))
            begin = self.add(fork)
            fork.then = (self.places_of(part, begin), then)
            then = begin
        for _ in range((high or 0) - low):
            then = self.add(_Fork((self.places_of(part, then), then)))
        for _ in range(low):
            then = self.places_of(part, then)
        return then


class _Determiniser:
    """Subset construction over one sample octet per class; an accepting state stays accepting."""

    def __init__(self, program: _Program, start: int, samples: bytes, max_work: int) -> None:
        self.places = program.places
        self.start = start
        self.samples = samples
        self.max_work = max_work
        self.has_edges = any(isinstance(place, _Stand) for place in self.places)
        self.work = 0
        self.latest: tuple[_State, int | None, set[int]] | None = None

    def automaton(self, literal: str, classes: bytes) -> Automaton:
        """States are numbered in the order their rows are written; None is the one that has found the expression."""
        width = len(self.samples)
        first: _State = (frozenset((self.start,)), "start")
        numbers: dict[_State | None, int] = {first: 0, None: width}
        waiting = deque[_State | None]((first, None))
        rows: list[int] = []
        accepting = set()
        while waiting:
            state = waiting.popleft()
            if state is None or self.accepts(self.reachable(state, None)):
                accepting.add(numbers[state])
            for octet in self.samples:
                following = None if state is None else self.step(state, octet)
                if following not in numbers:
                    numbers[following] = len(numbers) * width
                    waiting.append(following)
                rows.append(numbers[following])
        return Automaton(literal, classes, tuple(rows), frozenset(accepting))

    def step(self, state: _State, octet: int) -> _State | None:
        """The state after this octet; None once the expression has been found."""
        places = self.reachable(state, octet)
        if self.accepts(places):
            return None
        read = (self.places[place] for place in places)
        then = {place.then for place in read if isinstance(place, _Read) and place.octets >> octet & 1}
        last = "" if not self.has_edges else "word" if WORD >> octet & 1 else "other"
        return frozenset((*then, self.start)), last

    def accepts(self, places: set[int]) -> bool:
        return any(isinstance(self.places[place], _Accept) for place in places)

    def reachable(self, state: _State, ahead: int | None) -> set[int]:
        """Every place that can be reached before the next octet is read; without edges, whatever that octet is."""
        if self.latest and self.latest[0] is state and (self.latest[1] == ahead or not self.has_edges):
            return self.latest[2]
        waiting = list(state[0])
        seen = set(waiting)
        while waiting:
            self.work += 1
            match self.places[waiting.pop()]:
                case _Fork(then):
                    new = [place for place in then if place not in seen]
                case _Stand(kind, then) if then not in seen and _stands(kind, state[1], ahead):
                    new = [then]
                case _:
                    continue
            seen.update(new)
            waiting.extend(new)
        if self.work > self.max_work:
            raise ExpressionError(_TOO_LARGE)
        self.latest = (state, ahead, seen)
        return seen


def _stands(kind: str, last: str, ahead: int | None) -> bool:
    if kind == "start":
        return last == "start"
    if kind == "end":
        return ahead is None
    at_edge = (last == "word") != (ahead is not None and bool(WORD >> ahead & 1))
    return at_edge if kind == "word" else not at_edge


def _octet_classes(program: _Program) -> tuple[bytes, bytes]:
    """The class of each octet, and one octet of each class: octets that no place tells apart are one class."""
    sets = {place.octets for place in program.places if isinstance(place, _Read)}
    if any(isinstance(place, _Stand) for place in program.places):
        sets.add(WORD)
    classes: dict[tuple[int, ...], int] = {}
    samples = bytearray()
    table = bytearray()
    for octet in range(256):
        marks = tuple(octets >> octet & 1 for octets in sets)
        if marks not in classes:
            classes[marks] = len(classes)
            samples.append(octet)
        table.append(classes[marks])
    return bytes(table), bytes(samples)


def required_literal(expression: Expression) -> str:
    """The longest run of plain characters that every match contains; a quick way to answer no."""
    runs = [""]
    for part in expression.parts if isinstance(expression, Sequence) else ():
        if isinstance(part, Characters) and part.octets.bit_count() == 1:
            runs[-1] += chr(part.octets.bit_length() - 1)
        elif not isinstance(part, Edge):
            runs.append("")
    return max(runs, key=len)
