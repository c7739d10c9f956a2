"""Answers by the octets that asked for them.

Deciding is a pure function of the request, the client, the policy, what is stored and the second; so while none of
these has changed, the same octets from the same client have the same answer, to the byte: it need not be decided again.
When only the second has, and the decision says that it holds on, no more than Age and ttl have moved with it.
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from forward_proxy.access.budgets import Use
from forward_proxy.policy import Policy
from forward_proxy.traffic.recurring import Recurring

# Of one process: answers with their requests.
LIMIT_BYTES = 32 << 20
_LONGEST_HEAD_BYTES = 8 << 10
_OVERHEAD_BYTES = 2 << 10
_MOST_CLIENTS = 4096

_AGE = re.compile(rb"\r\nAge: ([0-9]+)(?=\r\n)")
_TTL = re.compile(rb"\r\nCache-Status: forward-proxy; hit; ttl=([0-9]+)(?=\r\n|; detail=)")


class Generation(Protocol):
    """A look at what is stored under one key."""

    def is_current(self) -> bool:
        """Whether nothing has been changed since."""


@dataclass(frozen=True, slots=True)
class Moving:
    """An answer whose Age grows and whose ttl shrinks: `age` and `ttl` are those of `second`."""

    before: bytes
    between: bytes
    after: bytes
    age: int
    ttl: int
    second: int

    @classmethod
    def of(cls, octets: bytes, second: int) -> "Moving | None":
        """The answer given at that second taken apart; None when it does not say age and then ttl, once each."""
        head = octets[: octets.find(b"\r\n\r\n") + 2]
        ages, ttls = list(_AGE.finditer(head)), list(_TTL.finditer(head))
        if len(ages) != 1 or len(ttls) != 1 or ages[0].end(1) > ttls[0].start(1):
            return None
        (age,), (ttl,) = ages, ttls
        return cls(
            octets[: age.start(1)],
            octets[age.end(1) : ttl.start(1)],
            octets[ttl.end(1) :],
            int(age[1]),
            int(ttl[1]),
            second,
        )

    def at(self, second: int) -> bytes:
        """The same answer at another second."""
        passed = second - self.second
        return b"%b%d%b%d%b" % (self.before, self.age + passed, self.between, self.ttl - passed, self.after)


class Remembered:
    """One answer, and what it holds for: from `second`, which it is spelled for, to before `until`.

    `use` is what each of its exchanges is of budgets.
    """

    __slots__ = ("closes", "generation", "moving", "octets", "policy", "recurring", "second", "until", "use")

    def __init__(
        self,
        octets: bytes,
        recurring: Recurring,
        policy: Policy,
        generation: Generation | None,
        second: int,
        until: int,
        *,
        closes: bool,
        use: Use | None = None,
    ) -> None:
        self.octets = octets
        self.recurring = recurring
        self.policy = policy
        self.generation = generation
        self.second = second
        self.until = until
        self.closes = closes
        self.use = use
        self.moving: Moving | None = None

    def holds(self, second: int, policy: Policy) -> bool:
        """Whether this is the answer at that second under that policy."""
        generation = self.generation
        return (
            self.policy is policy
            and (generation is None or generation.is_current())
            and (self.second == second or (self.second < second < self.until and self._moved(second)))
        )

    def _moved(self, second: int) -> bool:
        if self.generation is not None:
            moving = self.moving = self.moving or Moving.of(self.octets, self.second)
            if moving is None:
                return False
            self.octets = moving.at(second)
        self.second = second
        return True


class Memory:
    """The answers of one process; all are forgotten when they have become too many, and soon there again."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._clients: dict[object, int] = {}
        self._numbers = count()
        # By number of the client and head of the request; whoever is in a hurry looks in here.
        self.answers: dict[tuple[int, bytes], Remembered] = {}

    def number_of(self, client: Hashable) -> int:
        """The same number for the same client, as long as there are not too many; never one for two."""
        if client not in self._clients:
            if len(self._clients) >= _MOST_CLIENTS:
                self._clients.clear()
            self._clients[client] = next(self._numbers)
        return self._clients[client]

    def add(self, number: int, head: bytes, answer: Remembered) -> None:
        """Remember the answer to this head from this client, in place of an older one."""
        if len(head) > _LONGEST_HEAD_BYTES:
            return
        # Twice, because an answer that moves is kept as pieces, too.
        size = 2 * len(answer.octets) + len(head) + _OVERHEAD_BYTES
        if (old := self.answers.pop((number, head), None)) is not None:
            self._bytes -= 2 * len(old.octets) + len(head) + _OVERHEAD_BYTES
        if self._bytes + size > self._limit_bytes:
            self.answers.clear()
            self._bytes = 0
        self._bytes += size
        self.answers[number, head] = answer
