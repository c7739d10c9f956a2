"""Where in a URL does an expression end, and how far does one reach from here?

Automata only tell whether they have found something.  One of an expression with `$` behind it accepts wherever the
expression could end, so one run over the text tells all its ends; with `^` in front it tells how far it reaches from
the text's beginning.  So a capturing group needs no backtracking: what stands before it says where it may begin, the
group itself how far it goes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from forward_proxy.matching.automata import Automaton, compile_within
from forward_proxy.matching.expressions import Characters, ExpressionError, Sequence, parse_expression

_TRIED = 16  # A capture may begin at so many places of a URL; a hostile one has many.
_LAZY = re.compile(r"(?<!\\)(?:\\\\)*[*+?}]\?")
_SHORTEST_BEGINNING = 2


@dataclass(frozen=True, slots=True)
class Capture:
    """An expression that ends with its one group."""

    before: Automaton
    group: Automaton

    def found_in(self, url: str) -> Iterator[str]:
        """What the group may hold, by where it begins; at most 16."""
        for tried, start in enumerate(_ends(self.before, url)):
            if tried == _TRIED:
                return
            if (end := _reach(self.group, url, start)) is not None and end > start:
                yield url[start:end]


@dataclass(frozen=True, slots=True)
class Raw:
    """An expression that begins with these characters, whatever their case, and is as long as can be."""

    beginning: str
    automaton: Automaton

    def removed_from(self, text: str) -> str:
        """The text without what it matches, as far as that is found in the first places that look like it."""
        lowered, kept, at = text.lower(), [], 0
        start = lowered.find(self.beginning)
        for _ in range(_TRIED):
            if start < 0:
                break
            end = _reach(self.automaton, text, start)
            if end is None:
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
    before, work = compile_within(f"(?i)(?:{parts[0]})$", max_work)
    group, more = compile_within(f"(?i)^(?:{parts[1]})$", max_work)
    return Capture(before, group), work + more


def compile_raw(text: str, max_work: int) -> tuple[Raw, int]:
    """What is removed by an expression over whole URLs and how many steps it took; raises ExpressionError."""
    if text.startswith("#"):
        raise ExpressionError("it is about a fragment, which is never sent")
    if _LAZY.search(text):
        raise ExpressionError("it is lazy, and what is removed is the longest")
    parsed = parse_expression(text)
    beginning = ""
    for part in parsed.parts if isinstance(parsed, Sequence) else ():
        if not isinstance(part, Characters) or part.octets.bit_count() != 1:
            break
        beginning += chr(part.octets.bit_length() - 1)
    if len(beginning) < _SHORTEST_BEGINNING:
        raise ExpressionError("it does not begin with two plain characters")
    automaton, work = compile_within(f"(?i)^(?:{text})$", max_work)
    return Raw(beginning.lower(), automaton), work


def _ends(automaton: Automaton, text: str) -> Iterator[int]:
    rows, accepting, state = automaton.rows, automaton.accepting, 0
    if state in accepting:
        yield 0
    for place, octet_class in enumerate(_octets(text).translate(automaton.classes), 1):
        state = rows[state + octet_class]
        if state in accepting:
            yield place


def _reach(automaton: Automaton, text: str, start: int) -> int | None:
    """The last place that the expression may end at; None when it does not hold from here."""
    last = None
    for last in _ends(automaton, text[start:]):  # noqa: B007 -- the last one is wanted
        pass
    return None if last is None else start + last


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
