"""Which refusals does this process decide by?  Those that any worker has written down, and no more.

What cannot be read is not in force: then TLS is opened as if nobody had refused, which keeps every rule.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from forward_proxy.errors import StorageError
from forward_proxy.policy import Refused
from forward_proxy.policy.refusals import NO_REFUSALS, Refusals
from forward_proxy.storage.refusals import RefusalStore

logger = logging.getLogger(__name__)

_RETRY_S = 1.0


class RefusalsInForce:
    """`store` is started here; `certificate` is what clients would have to trust; `clock` gives POSIX seconds."""

    def __init__(self, store: RefusalStore, certificate: Path, clock: Callable[[], float] = time.time) -> None:
        store.start()
        self._store = store
        self._certificate = certificate
        self._clock = clock
        self._changed = -1
        self._retry_at: float | None = None
        self._told = ""
        self.writing: set[asyncio.Task[None]] = set()
        self.in_force: Refusals = NO_REFUSALS
        self.read()

    @property
    def outdated(self) -> bool:
        """Whether there may be others than were read last; cheap enough to be asked for each request."""
        if self._store.changed != self._changed:
            return True
        return self._retry_at is not None and self._clock() >= self._retry_at

    def read(self) -> bool:
        """Take over those there are; whether they are others than before.  Never raises."""
        before = self.in_force
        self._changed = self._store.changed
        self._retry_at = None
        try:
            self.in_force = self._store.kept(int(self._clock())).refusals
        except StorageError as fault:
            self.in_force = NO_REFUSALS
            self._retry_at = self._clock() + _RETRY_S
            self._tell(f"{fault}; what clients refused is not known, so TLS is opened for all")
        return self.in_force != before

    def remember(self, refused: Refused) -> None:
        """Write it down, in a thread; in the loop that serves.  Never waits and never raises."""
        if refused.remembered:
            task = asyncio.ensure_future(asyncio.to_thread(self._write, refused))
            self.writing.add(task)
            task.add_done_callback(self.writing.discard)

    def _write(self, refused: Refused) -> None:
        client = refused.remembered[0].client
        try:
            is_first = self._store.add(refused.remembered)
        except StorageError as fault:
            self._tell(f"not remembered that {client} refused a certificate: {fault}")
            return
        if is_first:
            logger.warning(
                "%s refused the certificate for %s: such hosts pass unread for it from the next try on. To have them"
                " opened, let it trust %s, then run: forward-proxy inspect forget --all",
                client,
                refused.remembered[0].host,
                self._certificate,
            )

    def _tell(self, line: str) -> None:
        """Once, not each time that it is still so."""
        if line != self._told:
            logger.warning("%s", line)
        self._told = line
