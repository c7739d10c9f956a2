"""Where in a URL does an expression end, and how far does one reach from here?

Automata only tell whether they have found something.  One of an expression with `$` behind it accepts wherever the
expression could end, so one run over the text tells all its ends; with `^` in front it tells how far it reaches from
the text's beginning.  So a capturing group needs no backtracking: what stands before it says where it may begin, the
group itself how far it goes.  Edges inside would be taken for those of the text, so there may be none but `^` in front
and, of a raw part, `$` at its end.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from forward_proxy.matching.automata import Automaton, compile_within
from forward_proxy.matching.expressions import (
    Characters,
    Edge,
    Either,
    Expression,
    ExpressionError,
    Repeat,
    Sequence,
    parse_expression,
)

_TRIED = 16  # A capture may begin at so many places of a URL; a hostile one has many.
_READ_AGAIN = 8  # So many times a text may be read over and over to find raw parts; a hostile one never ends.
_LAZY = re.compile(r"(?<!\\)(?:\\\\)*[*+?}]\?")
_SHORTEST_BEGINNING = 2


@dataclass(frozen=True, slots=True)
class Capture:
    """An expression that ends with its one group."""

    before: Automaton
    group: Automaton
    _hopeless: frozenset[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hopeless", _hopeless(self.group))

    def found_in(self, url: str) -> Iterator[str]:
        """What the group may hold, by where it begins; at most 16."""
        read = _octets(url).translate(self.group.classes)
        for tried, start in enumerate(_ends(self.before, url)):
            if tried == _TRIED:
                return
            end, _ = _reach(self.group, self._hopeless, read, start)
            if end is not None and end > start:
                yield url[start:end]


@dataclass(frozen=True, slots=True)
class Raw:
    """An expression that begins with these characters, whatever their case, and is as long as can be."""

    beginning: str
    automaton: Automaton
    at_end: bool = False
    _hopeless: frozenset[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hopeless", _hopeless(self.automaton))

    def removed_from(self, text: str) -> str:
        """The text without what it matches, as far as that is found with reading it eight times over."""
        lowered = text.lower()
        start = lowered.find(self.beginning)
        if start < 0:
            return text
        read, kept, at, left = _octets(text).translate(self.automaton.classes), [], 0, _READ_AGAIN * len(text)
        while start >= 0 and left > 0:
            end, steps = _reach(self.automaton, self._hopeless, read, start)
            left -= steps
            if end is None or (self.at_end and end < len(text)):
                start = lowered.find(self.beginning, start + 1)
                continue
            kept.append(text[at:start])
            start, at = lowered.find(self.beginning, end), end
        return "".join((*kept, text[at:]))


def compile_capture(text: str, max_work: int) -> tuple[Capture, int]:
    """The capture of an expression and how many steps it took; raises ExpressionError."""
    parts = _split(text)
    if parts is None:
        raise ExpressionError("expected one group that captures, at the end and not inside of another")
    _refuse_edges(parts[0].removeprefix("^"), parts[1])
    before, work = compile_within(f"(?i)(?:{parts[0]})$", max_work)
    group, more = compile_within(f"(?i)^(?:{parts[1]})$", max_work)
    return Capture(before, group), work + more


def compile_raw(text: str, max_work: int) -> tuple[Raw, int]:
    """What is removed by an expression over whole URLs and how many steps it took; raises ExpressionError."""
    if text.startswith("#"):
        raise ExpressionError("it is about a fragment, which is never sent")
    if _LAZY.search(text):
        raise ExpressionError("it is lazy, and what is removed is the longest")
    at_end = text.endswith("$") and not text.endswith("\\$")
    text = text[:-1] if at_end else text
    _refuse_edges(text)
    parsed = parse_expression(text)
    beginning = ""
    for part in parsed.parts if isinstance(parsed, Sequence) else ():
        if not isinstance(part, Characters) or part.octets.bit_count() != 1:
            break
        beginning += chr(part.octets.bit_length() - 1)
    if len(beginning) < _SHORTEST_BEGINNING:
        raise ExpressionError("it does not begin with two plain characters")
    automaton, work = compile_within(f"(?i)^(?:{text})$", max_work)
    return Raw(beginning.lower(), automaton, at_end), work


def _refuse_edges(*texts: str) -> None:
    if any(map(_has_edges, map(parse_expression, texts))):
        raise ExpressionError("an edge is only understood at the beginning or the end")


def _has_edges(expression: Expression) -> bool:
    match expression:
        case Sequence(parts) | Either(parts):
            return any(map(_has_edges, parts))
        case Repeat(part):
            return _has_edges(part)
        case _:
            return isinstance(expression, Edge)


def _ends(automaton: Automaton, text: str) -> Iterator[int]:
    rows, accepting, state = automaton.rows, automaton.accepting, 0
    if state in accepting:
        yield 0
    for place, octet_class in enumerate(_octets(text).translate(automaton.classes), 1):
        state = rows[state + octet_class]
        if state in accepting:
            yield place


def _reach(automaton: Automaton, hopeless: frozenset[int], read: bytes, start: int) -> tuple[int | None, int]:
    """The last place that the expression may end at, None when it does not hold from here, and how much was read.

    `read` is the text as the automaton reads it.
    """
    rows, accepting, state = automaton.rows, automaton.accepting, 0
    last = start if state in accepting else None
    place = start
    for place, octet_class in enumerate(memoryview(read)[start:], start + 1):
        state = rows[state + octet_class]
        if state in accepting:
            last = place
        elif state in hopeless:
            break
    return last, place - start


def _hopeless(automaton: Automaton) -> frozenset[int]:
    """The states from which no accepting one can be reached any more."""
    width = max(automaton.classes) + 1
    before: dict[int, list[int]] = {}
    for place, after in enumerate(automaton.rows):
        before.setdefault(after, []).append(place - place % width)
    hopeful, waiting = set(automaton.accepting), list(automaton.accepting)
    while waiting:
        new = {state for state in before.get(waiting.pop(), ()) if state not in hopeful}
        hopeful |= new
        waiting += new
    return frozenset(range(0, len(automaton.rows), width)) - hopeful


def _octets(text: str) -> bytes:
    return text.encode("ascii", "replace")  # Canonical URLs are ASCII; one octet for each character in any case.


def _split(text: str) -> tuple[str, str] | None:
    """What stands before the only capturing group, and what is in it."""
    at, depth, opened = 0, 0, None
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == "[":
            at = _end_of_class(text, at)
        elif char == "(":
            if not text.startswith("(?", at):
                if opened is not None or depth:
                    return None
                opened = at
            depth += 1
        elif char == ")":
            depth -= 1
        elif char == "|" and depth == 0:
            return None
        at += 1
        if opened is not None and depth == 0:
            return (text[:opened], text[opened + 1 : at - 1]) if at == len(text) else None
    return None


def _end_of_class(text: str, at: int) -> int:
    """Where the bracket closes; a bracket right behind the opening one is a member."""
    end = at + 2 if text.startswith("[^", at) else at + 1
    end += text.startswith("]", end)
    while end < len(text) and text[end] != "]":
        end += 2 if text[end] == "\\" else 1
    return end
