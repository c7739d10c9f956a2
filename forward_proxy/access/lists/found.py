"""What a list answers: the line that holds for a request.

A list entry is one rule of the ordered rules whose matcher is the list: it matches when `find` answers a line that is
no exception.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from forward_proxy.matching.subject import Subject


@dataclass(frozen=True, slots=True)
class Found:
    """The line of a list that holds for a request; `exception` is whether it lets it through instead.

    `overrides` is what it has the last word over.
    """

    line: int
    text: str
    exception: bool = False
    important: bool = False
    overrides: "Found | None" = None


class Searched(Protocol):
    """One list, compiled: immutable, and as fast as a rule."""

    def find(self, subject: Subject) -> Found | None: ...

    def excepted(self, subject: Subject) -> Found | None:
        """The exception that holds for the request, whether the list blocks it or not."""


@runtime_checkable
class LookingInside(Protocol):
    """A list that looks at more of a request than a tunnel tells."""

    def may_find_inside(self, tunnel: Subject) -> bool:
        """Whether it may find something inside that it does not find for the tunnel; rather yes than no."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """The line of a list that has a surrogate (access/surrogates) put in place of what is denied."""

    line: int
    text: str
    surrogate: str


@runtime_checkable
class Replacing(Protocol):
    """A list that may have surrogates put in place of what is denied, by itself or by another rule."""

    def replacement(self, subject: Subject) -> Replacement | None:
        """What stands in for the response to this request; None for nothing.  Never raises."""


@dataclass(frozen=True, slots=True)
class Addition:
    """The line of a list that has a field line added to the response."""

    line: int
    text: str
    name: bytes
    value: bytes


@runtime_checkable
class Adding(Protocol):
    """A list that may have field lines added to responses."""

    def additions(self, subject: Subject) -> tuple[Addition, ...]:
        """Those that hold for this request, exceptions already applied, in the order of their lines.  Never raises."""


class Removal(Protocol):
    """The line of a list that has query parameters removed from a request."""

    @property
    def line(self) -> int: ...

    @property
    def text(self) -> str: ...

    def takes(self, parameter: str) -> bool:
        """Whether this parameter goes; "name=value", or "name", as it stands in the query."""


@runtime_checkable
class Removing(Protocol):
    """A list that may have query parameters removed."""

    def removals(self, subject: Subject) -> tuple[Removal, ...]:
        """Those that hold for this request, exceptions already applied, in the order of their lines.  Never raises."""
