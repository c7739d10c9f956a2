"""Who is told what is used of budgets, by the drivers, and what he has them end once a budget is used up."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from forward_proxy.access.budgets import Account, Use
from forward_proxy.access.rules import Denied


@dataclass(eq=False, slots=True, weakref_slot=True)
class Passage:
    """Something that goes on for a while: how many bytes have `passed` so far, and how it is `cut`.

    What is cut is told the verdict that the next request will have.  Whoever begins it keeps it until its end.
    """

    accounts: tuple[Account, ...]
    passed: Callable[[], int]
    cut: Callable[[Denied], object]
    counted: int = 0


class Meter(Protocol):
    """Counts; nothing here waits or raises."""

    def count(self, use: Use) -> None:
        """This was let through now."""

    def begin(self, passage: Passage) -> None:
        """From here on its bytes are counted as they pass, and it may be cut, once."""

    def end(self, passage: Passage) -> None:
        """Nothing more passes there."""


class NoMeter:
    """Where nothing is counted."""

    def count(self, use: Use) -> None: ...
    def begin(self, passage: Passage) -> None: ...
    def end(self, passage: Passage) -> None: ...
