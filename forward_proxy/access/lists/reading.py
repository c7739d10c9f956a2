"""What is read of a list of names, line by line: names with their reach, expressions, and what was ignored and why.

A reader of a format looks at one line at a time and says what it found to `Reading`, which keeps the number of the
line, puts names in canonical form and counts.  Nothing raises: a line that means nothing is ignored with a reason.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from forward_proxy.matching.automata import Automaton
from forward_proxy.message.hosts import canonical_host, ip_literal

SHOWN = 100  # Ignored lines that a report names; it counts all of them.

# What canonical_host leaves as it is, save capitals: by far the most lines, and five times as fast.
_PLAIN = re.compile(r"(?:\w(?:[\w-]{0,61}\w)?\.)*[A-Za-z](?:[\w-]{0,61}\w)?", re.ASCII)
_LONGEST_NAME = 253
_LONGEST_TEXT = 200


class Reach(StrEnum):
    """Which names an entry means: the name alone, those below it, or both."""

    NAME = "="
    BELOW = "*"
    BOTH = "+"


@dataclass(frozen=True, slots=True)
class Ignored:
    """A line that is no rule: its number from 1, what it says, and why it is none.

    `kind` is by what such lines are counted, when that is not the reason.  `file` is what the list includes and the
    line stands in; empty for the list itself.
    """

    line: int
    text: str
    reason: str
    kind: str = ""
    file: str = ""

    @property
    def counted_as(self) -> str:
        return self.kind or self.reason


@dataclass(frozen=True, slots=True)
class Included:
    """What a list has taken in, or not: the line that says so, the path there, and which file it stands in (as above).

    `name` is what the path leads to, and `problem` why it is not here; it is empty when it is.
    """

    line: int
    path: str
    file: str = ""
    name: str = ""
    lines: int = 0
    rules: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the lines of a list and of what it includes; `ignored` counts by reason or kind, `examples` are
    some of them."""

    format: str
    lines: int = 0
    rules: int = 0
    duplicates: int = 0
    cosmetic: int = 0
    ignored: tuple[tuple[str, int], ...] = ()
    examples: tuple[Ignored, ...] = ()
    includes: tuple[Included, ...] = ()

    @property
    def ignored_count(self) -> int:
        return sum(count for _, count in self.ignored)


@dataclass(slots=True)
class Reading:
    """What has been read so far.

    `names` holds, by reach and canonical name, the line and whether it is an exception: line * 2 + exception.
    """

    format: str
    line: int = 0
    text: str = ""
    names: dict[str, int] = field(default_factory=dict)
    expressions: dict[str, tuple[int, Automaton]] = field(default_factory=dict)
    duplicates: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[Ignored] = field(default_factory=list)

    def name(self, spelled: str, reach: Reach, exception: bool = False) -> None:
        """This line names a host."""
        if len(spelled) <= _LONGEST_NAME and _PLAIN.fullmatch(spelled):
            host: str | None = spelled.lower()
        else:
            host = canonical_host(spelled)
        if host is None:
            self.ignore("not a host name")
            return
        if reach is not Reach.NAME and (":" in host or host[-1].isdigit()) and ip_literal(host) is not None:
            if reach is Reach.BELOW:
                self.ignore("there is nothing below an address")
                return
            reach = Reach.NAME
        entry = reach.value + host
        if self.names.setdefault(entry, self.line * 2 + exception) != self.line * 2 + exception:
            self.duplicates += 1

    def expression(self, text: str, automaton: Automaton) -> None:
        """This line is an expression, which this automaton runs."""
        if text in self.expressions:
            self.duplicates += 1
        else:
            self.expressions[text] = self.line, automaton

    def ignore(self, reason: str) -> None:
        """This line, or a part of it, is no rule."""
        self.reasons[reason] += 1
        if len(self.examples) < SHOWN:
            self.examples.append(Ignored(self.line, self.text[:_LONGEST_TEXT], reason))

    def report(self) -> Report:
        rules = len(self.names) + len(self.expressions)
        ignored, examples = tuple(self.reasons.most_common()), tuple(self.examples)
        return Report(self.format, self.line, rules, self.duplicates, 0, ignored, examples)


def lines_of(content: bytes) -> list[str]:
    """The lines of a list; what is no UTF-8 stays visible, as no name has it."""
    return text_lines(content.decode("utf-8-sig", "replace"))


def text_lines(text: str) -> list[str]:
    """The lines as editors count them, however they end; other control characters end none."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines if lines[-1] else lines[:-1]
