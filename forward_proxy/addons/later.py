"""What could not be reached is queued, and fetched once it can be.

One process sees to the queue.  It tries what has waited long enough, at once where some origin has answered since, and
gives up what is still not to be had when others are, or after days.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from forward_proxy.addons.errands import Errand, Errands
from forward_proxy.addons.flights import Leases
from forward_proxy.addons.resting import Resting
from forward_proxy.caching import CacheKey
from forward_proxy.errors import StorageError
from forward_proxy.matching.client import KnownClient
from forward_proxy.message.heads import RequestHead
from forward_proxy.message.targets import TargetUri
from forward_proxy.storage.queue import Queued

logger = logging.getLogger(__name__)

LOOK_S = 5.0
LONGEST_WAIT_S = 300.0
GIVEN_UP_AFTER_S = 3 * 24 * 3600
GIVEN_UP_AFTER_TRIES = 5


class Queue(Protocol):
    """What is waited for; any method may raise StorageError."""

    def add(self, queued: Queued) -> None: ...
    def tried(self, target: TargetUri, now: float, error: str, *, counts: bool) -> None: ...
    def remove(self, target: TargetUri) -> None: ...
    def entries(self) -> list[Queued]: ...


class Later:
    """Between the queue and the errands."""

    def __init__(self, queue: Queue, errands: Errands, resting: Resting, leases: Leases) -> None:
        self._queue = queue
        self._errands = errands
        self._resting = resting
        self._leases = leases
        self._under_way: dict[TargetUri, asyncio.Task[None]] = {}

    def want(self, request: RequestHead, client: KnownClient, error: str, now: float) -> None:
        """Somebody asked for this and could not have it."""
        queued = Queued(request.target, request.fields, client, now, error)
        self._write(request.target, lambda: self._queue.add(queued))

    def ended(self, errand: Errand, error: str | None, now: float) -> None:
        """An errand for something queued has ended; without an error there was an answer, whatever it was."""
        if error is None:
            self._write(errand.target, lambda: self._queue.remove(errand.target))
        else:
            counts = self._resting.answered_at > errand.sent_at
            self._write(errand.target, lambda: self._queue.tried(errand.target, now, error, counts=counts))

    async def run(self) -> None:
        """Look after the queue until cancelled."""
        ours = False
        while True:
            await asyncio.sleep(LOOK_S)
            ours = ours or self._leases.take("the queue")
            if ours:
                try:
                    await self.look(time.time())
                except StorageError as fault:
                    logger.warning("%s", fault)

    async def written(self) -> None:
        """Wait until the queue holds all it was told so far."""
        if self._under_way:
            await asyncio.wait(self._under_way.values())

    async def look(self, now: float) -> None:
        """Try what is due."""
        for queued in await asyncio.to_thread(self._queue.entries):
            if now - queued.asked_at > GIVEN_UP_AFTER_S or queued.tries >= GIVEN_UP_AFTER_TRIES:
                await asyncio.to_thread(self._queue.remove, queued.target)
            elif is_due(queued, now, self._resting.answered_at) and not self._resting.rest(queued.target, now):
                key = CacheKey("GET", queued.target)
                self._errands.send(Errand(queued.target, key, queued.fields, queued.client, now, queued=True))

    def _write(self, target: TargetUri, change: Callable[[], None]) -> None:
        """In a thread, one after the other for each target."""
        before = self._under_way.get(target)

        async def write() -> None:
            if before is not None:
                await asyncio.wait((before,))
            try:
                await asyncio.to_thread(change)
            except StorageError as fault:
                logger.warning("%s", fault)

        task = self._under_way[target] = asyncio.get_running_loop().create_task(write())
        task.add_done_callback(lambda done: self._forget(target, done))

    def _forget(self, target: TargetUri, task: "asyncio.Task[None]") -> None:
        if self._under_way.get(target) is task:
            del self._under_way[target]


def is_due(queued: Queued, now: float, answered_at: float) -> bool:
    """Whether to try again: after a wait that doubles, or soon, once any origin has answered since the last try.

    Tries that do not count double it, too: it is as long as the waiting has been so far.
    """
    last_at = max(queued.asked_at, queued.tried_at)
    wait_s = min(max(LOOK_S * 2.0 ** min(queued.tries, 16), last_at - queued.asked_at), LONGEST_WAIT_S)
    return now - last_at >= (LOOK_S if answered_at > last_at else wait_s)
