"""What does the regular expression of a `url` rule say?  Reads the text into a tree; automata.py runs it.

A URL is written by strangers, so the cost of a match must not depend on how cleverly it is written.  We therefore
take the part of Python's syntax that a finite automaton can run: characters, escapes, classes, groups, alternatives,
greedy and lazy repeats, `^ $ \\A \\Z \\b \\B`, and `(?i)` in front.  What needs a memory (back-references) or looks
around is refused at load.  All of it means what it means in `re`, over ASCII.

A set of characters is an int whose bit n stands for octet n.
"""

import re
from dataclasses import dataclass

MAX_EXPRESSION = 1000
MAX_DEPTH = 30
MAX_REPEAT = 1000

EVERY = (1 << 256) - 1
_DIGITS = sum(1 << octet for octet in b"0123456789")
_SPACES = sum(1 << octet for octet in b" \t\n\r\f\v")
WORD = _DIGITS | sum(1 << octet for octet in b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_CAPITALS = sum(1 << octet for octet in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_CLASSES = {"d": _DIGITS, "D": EVERY ^ _DIGITS, "s": _SPACES, "S": EVERY ^ _SPACES, "w": WORD, "W": EVERY ^ WORD}
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_EDGES = {"b": "word", "B": "inside", "A": "start", "Z": "end"}
_COUNT = re.compile(r"\{([0-9]*)(?:(,)([0-9]*))?\}")


@dataclass(frozen=True, slots=True)
class Characters:
    """One character of a set."""

    octets: int


@dataclass(frozen=True, slots=True)
class Edge:
    """A place between characters: start, end, word (a word's edge) or inside (no word's edge)."""

    kind: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One part after the other."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Any one of the branches."""

    branches: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The part `low` to `high` times; high None means without end."""

    part: "Expression"
    low: int
    high: int | None


type Expression = Characters | Edge | Sequence | Either | Repeat


class ExpressionError(ValueError):
    """The text is no expression we run; says where and why.  Never leaves this folder."""


def parse_expression(text: str) -> Expression:
    """The tree of an expression; raises ExpressionError."""
    if len(text) > MAX_EXPRESSION:
        raise ExpressionError(f"longer than {MAX_EXPRESSION} characters")
    if not text.isascii():
        raise ExpressionError("a canonical URL is ASCII; write other characters as their escapes, such as %C3%A4")
    folds = text.startswith("(?i)")
    reader = _Reader(text, 4 if folds else 0, folds)
    expression = reader.either(0)
    if reader.at < len(text):
        raise reader.error("unbalanced )")
    return expression


class _Reader:
    """Reads from `at` onwards."""

    def __init__(self, text: str, at: int, folds: bool) -> None:
        self.text = text
        self.at = at
        self.folds = folds

    def error(self, reason: str) -> ExpressionError:
        return ExpressionError(f"{reason} at character {self.at + 1}")

    def taken(self, prefix: str) -> bool:
        """Whether the prefix comes next; if so it is read."""
        if not self.text.startswith(prefix, self.at):
            return False
        self.at += len(prefix)
        return True

    def next(self) -> str:
        if self.at >= len(self.text):
            raise self.error("the expression ends too early")
        self.at += 1
        return self.text[self.at - 1]

    def either(self, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise self.error("groups are nested too deeply")
        branches = [self.sequence(depth)]
        while self.taken("|"):
            branches.append(self.sequence(depth))
        return branches[0] if len(branches) == 1 else Either(tuple(branches))

    def sequence(self, depth: int) -> Expression:
        parts: list[Expression] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            parts.append(self.repeated(self.atom(depth)))
        return Sequence(tuple(parts))

    def atom(self, depth: int) -> Expression:
        char = self.next()
        match char:
            case "(":
                return self.group(depth)
            case "[":
                return self.set_of_characters()
            case "\\":
                return self.escape()
            case ".":
                return Characters(EVERY ^ (1 << 10))
            case "^" | "$":
                return Edge("start" if char == "^" else "end")
            case "*" | "+" | "?":
                raise self.error("nothing to repeat")
        if char == "{" and self.counts(self.at - 1):
            raise self.error("nothing to repeat")
        return self.literal(char)

    def group(self, depth: int) -> Expression:
        if self.taken("?") and not self.taken(":"):
            raise self.error("only (…), (?:…) and a leading (?i) are understood, no look-around and no named group")
        inside = self.either(depth + 1)
        if not self.taken(")"):
            raise self.error("missing )")
        return inside

    def literal(self, char: str) -> Characters:
        return self.folded(1 << ord(char))

    def folded(self, octets: int) -> Characters:
        if self.folds:
            # In ASCII the two cases of a letter are 32 apart.
            upper, lower = octets & _CAPITALS, (octets >> 32) & _CAPITALS
            octets |= (upper << 32) | lower
        return Characters(octets)

    def escape(self) -> Expression:
        char = self.next()
        if char in _EDGES:
            return Edge(_EDGES[char])
        if char.isdigit():
            raise self.error("back-references are not possible")
        return self.escaped(char)

    def escaped(self, char: str) -> Characters:
        """The set for the escape of this letter or sign, inside or outside of brackets."""
        if char in _CLASSES:
            return Characters(_CLASSES[char])
        if char == "x":
            digits = self.next() + self.next()
            if not re.fullmatch("[0-9A-Fa-f]{2}", digits):
                raise self.error("expected two hexadecimal digits")
            return self.folded(1 << int(digits, 16))
        if char.isalnum() and char not in _CONTROLS:
            raise self.error(f"unknown escape \\{char}")
        return self.literal(_CONTROLS.get(char, char))

    def set_of_characters(self) -> Characters:
        negated = self.taken("^")
        octets = 0
        first = True
        while first or not self.taken("]"):
            first = False
            octets |= self.range_of_characters()
        folded = self.folded(octets).octets
        return Characters(EVERY ^ folded if negated else folded)

    def range_of_characters(self) -> int:
        low = self.member()
        if not self.text.startswith("-", self.at) or self.text.startswith("-]", self.at):
            return low
        self.at += 1
        high = self.member()
        if low.bit_count() != 1 or high.bit_count() != 1 or high < low:
            raise self.error("bad character range")
        return (high << 1) - low

    def member(self) -> int:
        char = self.next()
        if char != "\\":
            return 1 << ord(char)
        char = self.next()
        if char == "b":
            return 1 << 8
        if char.isdigit():
            raise self.error("octal escapes are not understood; write \\x and two digits")
        folds, self.folds = self.folds, False
        octets = self.escaped(char).octets
        self.folds = folds
        return octets

    def repeated(self, atom: Expression) -> Expression:
        bounds = self.bounds()
        if bounds is None:
            return atom
        if isinstance(atom, Edge):
            raise self.error("nothing to repeat")
        self.taken("?")  # Lazy or greedy, the same URLs match.
        if self.text.startswith("+", self.at):
            raise self.error("possessive repeats are not possible")
        if self.bounds() is not None:
            raise self.error("multiple repeat")
        low, high = bounds
        if max(low, high or 0) > MAX_REPEAT:
            raise self.error(f"repeats more than {MAX_REPEAT} times")
        if high is not None and high < low:
            raise self.error("the most is less than the least")
        return Repeat(atom, low, high)

    def bounds(self) -> tuple[int, int | None] | None:
        """The least and most of a repeat that comes next; None when none does."""
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self.taken(sign):
                return bounds
        match = self.counts(self.at)
        if match is None:
            return None
        self.at = match.end()
        low = int(match[1] or 0)
        return low, low if match[2] is None else int(match[3]) if match[3] else None

    def counts(self, at: int) -> re.Match[str] | None:
        """A repeat in braces at this place; any other brace stands for itself."""
        match = _COUNT.match(self.text, at)
        return match if match and match[0] != "{}" else None
