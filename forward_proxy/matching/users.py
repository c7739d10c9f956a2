"""Who uses the client, and which port of this proxy is it connected to?  The keys `user` and `listener`.

A name means somebody only once it has been proved (users/proofs.py); until then it is not known, and matches
neither the key nor its `not`.  Case counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from forward_proxy.matching.conditions import Unreadable
from forward_proxy.matching.subject import Subject
from forward_proxy.message.basic import normal

LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Users:
    """The key `user`."""

    names: frozenset[str]
    key: ClassVar[str] = "user"
    needs_response: ClassVar[bool] = False

    @classmethod
    def of(cls, names: Sequence[str]) -> "Users":
        return cls(frozenset(names))

    def holds(self, subject: Subject) -> bool | None:
        return None if subject.user is None else subject.user in self.names


@dataclass(frozen=True, slots=True)
class Listeners:
    """The key `listener`."""

    ranges: tuple[range, ...]
    key: ClassVar[str] = "listener"
    needs_response: ClassVar[bool] = False

    @classmethod
    def of(cls, ranges: Sequence[range]) -> "Listeners":
        return cls(tuple(ranges))

    def holds(self, subject: Subject) -> bool | None:
        return None if subject.listener is None else any(subject.listener in ports for ports in self.ranges)


def read_user(text: str) -> str | Unreadable:
    """A name in normal form C, as one could be sent in Basic credentials."""
    name = normal(text)
    if not 0 < len(name) <= LONGEST_NAME or ":" in name or not name.isprintable():
        return Unreadable(f"expected the name of a user, up to {LONGEST_NAME} characters without a colon")
    return name
