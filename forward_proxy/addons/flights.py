"""Requests for the same thing wait for one answer (collapsing).  RFC 9111 §4, RFC 9211 §2.7.

The first is the leader, whose flight the others wait for: until its answer is stored, or is known never to be, or has
failed, or for as long as one may wait.  Then each is decided anew, once, and waits no more.  Across processes the
leader holds a lease; who waits for another process asks for that lease now and then.

An answer that could not be stored is remembered for a while: such requests do not wait for each other.
"""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

_POLL_S = 0.01
# How long it is remembered that an answer could not be stored.
ALONE_S = 60.0
_MOST_ALONE = 4096


class Leases(Protocol):
    """Between processes, by name."""

    def take(self, name: str) -> bool: ...
    def give_back(self, name: str, *, stored: bool = False) -> None: ...


@dataclass(eq=False)
class Flight:
    """One answer on its way; `ours` when it comes to this process."""

    name: str
    ours: bool
    landed: asyncio.Event = field(default_factory=asyncio.Event)


class Flights:
    """Those under way, by name; `wait_s` 0 means that nobody waits."""

    def __init__(self, leases: Leases, wait_s: float) -> None:
        self._leases = leases
        self._wait_s = wait_s
        self._under_way: dict[str, Flight] = {}
        self._alone: OrderedDict[str, float] = OrderedDict()

    def lead(self, name: str, now: float) -> Flight | None:
        """A flight that the caller is to lead and to `land`; None when there is one, or no use in one."""
        if not self._wait_s or name in self._under_way or now < self._alone.get(name, 0) or not self._leases.take(name):
            return None
        flight = self._under_way[name] = Flight(name, ours=True)
        return flight

    def waits(self, name: str, now: float) -> bool:
        """Whether to wait, when there was nothing to lead."""
        return self._wait_s > 0 and now >= self._alone.get(name, 0)

    async def wait(self, name: str) -> None:
        """Until the flight under way here or in another process has landed, or for as long as one may wait."""
        flight = self._under_way.get(name)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._wait_s):
                if flight is None:
                    await self._watch(name)
                else:
                    await flight.landed.wait()

    def land(self, flight: Flight, *, stored: bool = False, alone_until: float = 0) -> None:
        """Nobody need wait any longer, the answer being in the store or not; until then, nobody need wait again.

        Landing twice is harmless.
        """
        if self._under_way.get(flight.name) is flight:
            del self._under_way[flight.name]
            if flight.ours:
                self._leases.give_back(flight.name, stored=stored)
        if alone_until:
            self._alone[flight.name] = alone_until
            self._alone.move_to_end(flight.name)
            if len(self._alone) > _MOST_ALONE:
                self._alone.popitem(last=False)
        flight.landed.set()

    async def _watch(self, name: str) -> None:
        """Wait for another process, on behalf of all who want the same here."""
        flight = self._under_way[name] = Flight(name, ours=False)
        try:
            while not self._leases.take(name):
                await asyncio.sleep(_POLL_S)
            self._leases.give_back(name)
        finally:
            self.land(flight)
