"""Answers by the octets that asked for them.

Deciding is a pure function of the request, the client, the policy, what is stored and the second; so while none of
these has changed, the same octets from the same client have the same answer, to the byte: it need not be decided again.
"""

from collections.abc import Hashable
from itertools import count
from typing import Protocol

from forward_proxy.policy import Policy
from forward_proxy.traffic.recurring import Recurring

# Of one process: answers with their requests.
LIMIT_BYTES = 32 << 20
_LONGEST_HEAD_BYTES = 8 << 10
_OVERHEAD_BYTES = 2 << 10
_MOST_CLIENTS = 4096


class Generation(Protocol):
    """A look at what is stored under one key."""

    def is_current(self) -> bool:
        """Whether nothing has been changed since."""


class Remembered:
    """One answer, and what it holds for."""

    __slots__ = ("closes", "generation", "octets", "policy", "recurring", "second")

    def __init__(
        self,
        octets: bytes,
        recurring: Recurring,
        second: int,
        policy: Policy,
        generation: Generation | None,
        closes: bool,
    ) -> None:
        self.octets = octets
        self.recurring = recurring
        self.second = second
        self.policy = policy
        self.generation = generation
        self.closes = closes

    def holds(self, second: int, policy: Policy) -> bool:
        generation = self.generation
        return self.second == second and self.policy is policy and (generation is None or generation.is_current())


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
        if (old := self.answers.get((number, head))) is not None:
            self._bytes -= len(old.octets)
        else:
            self._bytes += len(head) + _OVERHEAD_BYTES
        self._bytes += len(answer.octets)
        if self._bytes > self._limit_bytes:
            self.answers.clear()
            self._bytes = len(head) + _OVERHEAD_BYTES + len(answer.octets)
        self.answers[number, head] = answer
