"""Does an `!#if` of a list hold here?  Words joined by `!`, `&&`, `||` and parentheses.

The words name browsers, extensions and what they can do.  This proxy is none of them and can do nothing of the kind,
so every word but `true` is false.
"""

import re
from collections.abc import Iterable, Iterator

_UNREAD = "a condition that cannot be read does not hold"
_WORD = re.compile(r"\s*(\(|\)|!|&&|\|\||[A-Za-z0-9_]+)")
_MAX_WORDS = 200


class Branches:
    """The `!#if` that are open at a line, and whether each of them holds."""

    def __init__(self) -> None:
        self._open: list[bool] = []
        self.hold = True

    def read(self, word: str, rest: str) -> str | None:
        """What is wrong with the directive, such as `!#else`; None when nothing is.  Others than those say nothing."""
        problem = None
        if word == "!#if":
            held = condition_holds(rest)
            problem = _UNREAD if held is None else None
            self._open.append(bool(held))
        elif word in ("!#else", "!#endif"):
            if not self._open:
                return "there is no !#if before it"
            last = self._open.pop()
            if word == "!#else":
                self._open.append(not last)
        self.hold = all(self._open)
        return problem


def includes_in(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The lines, from 1, that include another list, and the paths they name; not those under a condition that does not
    hold.  Never raises."""
    branches = Branches()
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text.startswith("!#"):
            word, _, rest = text.partition(" ")
            if word == "!#include":
                if branches.hold:
                    yield number, rest.strip()
            else:
                branches.read(word, rest)


def condition_holds(text: str) -> bool | None:
    """Whether the condition holds; None when it cannot be read.  Never raises."""
    words: list[str] = []
    at, text = 0, text.strip()
    while at < len(text):
        match = _WORD.match(text, at)
        if match is None or len(words) == _MAX_WORDS:
            return None
        words.append(match[1])
        at = match.end()
    words.reverse()
    held = _either(words)
    return None if words else held


def _either(words: list[str]) -> bool | None:
    held = _both(words)
    while held is not None and words and words[-1] == "||":
        words.pop()
        other = _both(words)
        held = None if other is None else held or other
    return held


def _both(words: list[str]) -> bool | None:
    held = _one(words)
    while held is not None and words and words[-1] == "&&":
        words.pop()
        other = _one(words)
        held = None if other is None else held and other
    return held


def _one(words: list[str]) -> bool | None:
    word = words.pop() if words else ")"
    if word == "!":
        held = _one(words)
        return None if held is None else not held
    if word == "(":
        held = _either(words)
        return held if words and words.pop() == ")" else None
    return word == "true" if word[0].isalnum() or word[0] == "_" else None
