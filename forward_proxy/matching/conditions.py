"""What is one key of a match, and what does it answer?

A condition answers True or False, or None when the fact it needs cannot be told: the path inside a tunnel, the type of
a response not yet here.  Such a fact matches neither a key nor its negation, so a rule never acts on what nobody knows.

A reader turns the text of one value into what its condition looks for, or into `Unreadable`: a foreseen outcome, since
every mistake in a rule file is reported at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Protocol

from forward_proxy.matching.subject import Subject


class Condition(Protocol):
    """One compiled key; `needs_response` when it looks at the response."""

    @property
    def key(self) -> str: ...

    @property
    def needs_response(self) -> bool: ...

    def holds(self, subject: Subject) -> bool | None: ...


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A value that means nothing for its key, and what was expected."""

    text: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake in a match: the keys and places that lead to it, and what is wrong."""

    path: tuple[str | int, ...]
    text: str


def unknown(word: str, known: Iterable[str], what: str) -> str:
    """The sentence for a word that is none of the known, with the nearest of them if one is near."""
    choices = tuple(known)
    near = get_close_matches(word, choices, n=1)
    return f"{what}; did you mean {near[0]}?" if near else f"{what}; expected one of {', '.join(choices)}"
