"""Does an expression over URLs hold for this one?  Its automaton is only asked where that can be.

Nearly all expressions of ClearURLs lists begin with any subdomain of a name, or of one of several.  A host without
that name as one of its labels needs no automaton; whatever else such an expression may hold for, it was not meant.
Nor does a URL without the longest piece of plain text in it.
"""

import re
from dataclasses import dataclass

from forward_proxy.matching.automata import Automaton, compile_within, required_literal
from forward_proxy.matching.expressions import parse_expression
from forward_proxy.matching.subject import Subject

_NAME = r"(?:[a-z0-9]|\\?-)+"
_BEHIND = r"(?:\\?\.|\(\?:\\\.|\\?/)"  # A dot, a group that begins with one, or the path.
_SUBDOMAINS = re.compile(r"\^(?:https\?|wss\?)(?:\(\?:)?:(?:\\?/){2}(?:\(\?:\[a-z0-9-\]\+\\\.\)\*\??)?")
_LABEL = re.compile(rf"({_NAME}){_BEHIND}")
_GROUP = re.compile(
    r"\((?:\?:)?((?:[^()|\\]|\\.|\(\?:[^()]*\)[*+?{},0-9]*)+(?:\|(?:[^()|\\]|\\.|\(\?:[^()]*\)[*+?{},0-9]*)+)*)\)(?![*?{])"
)
_ALL_URLS = frozenset((".*", "^.*", ".+"))


@dataclass(frozen=True, slots=True)
class Url:
    """A canonical URL, in lower case too, and the labels of its host."""

    text: str
    lowered: str
    labels: frozenset[str]

    @classmethod
    def of(cls, subject: Subject) -> "Url":
        return cls(subject.url, subject.url.lower(), frozenset(subject.host.split(".")))


@dataclass(frozen=True, slots=True)
class Pattern:
    """An expression, the labels of which the host has one, None for any, and what is in any URL that it holds for.

    Without an automaton it always holds.
    """

    automaton: Automaton | None
    labels: frozenset[str] | None = None
    literal: str = ""

    def holds(self, url: Url) -> bool:
        if self.labels is not None and self.labels.isdisjoint(url.labels):
            return False
        if self.automaton is None:
            return True
        return self.literal in url.lowered and self.automaton.found_in(url.text)


def compile_pattern(text: str, max_work: int) -> tuple[Pattern, int]:
    """The pattern of an expression and how many steps it took; raises ExpressionError."""
    if text in _ALL_URLS:
        return Pattern(None), 0
    automaton, work = compile_within(f"(?i){text}", max_work)
    return Pattern(automaton, _labels(text), required_literal(parse_expression(text)).lower()), work


def _labels(text: str) -> frozenset[str] | None:
    begun = _SUBDOMAINS.match(text)
    if begun is None or _has_branches(text):
        return None
    if (single := _LABEL.match(text, begun.end())) is not None:
        return frozenset((_plain(single[1]),))
    group = _GROUP.match(text, begun.end())
    if group is None:
        return None
    found = [_LABEL.match(branch) for branch in _branches(group[1])]
    return frozenset(_plain(each[1]) for each in found if each) if all(found) else None


def _plain(name: str) -> str:
    return name.replace("\\", "")


def _branches(text: str) -> list[str]:
    """The branches of what is inside of a group."""
    branches, depth = [""], 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == "|" and depth == 0:
            branches.append("")
        else:
            branches[-1] += char
    return branches


def _has_branches(text: str) -> bool:
    """Whether there are branches outside of all groups; a sign that is escaped, or in brackets, may pass for one."""
    depth, escaped = 0, False
    for char in text:
        if not escaped:
            depth += (char == "(") - (char == ")")
            if char == "|" and depth <= 0:
                return True
        escaped = char == "\\" and not escaped
    return False
