"""Which grants does this process decide by?  Never older ones than a command that has ended has left.

Grants that cannot be read are in force nowhere: an unblock is over, which is safe, and a denial is lost, which is said
as the error it is.  They are read again a second later, and at the next change.
"""

import logging
import time
from collections.abc import Callable

from forward_proxy.access.grants import NO_GRANTS, Grants
from forward_proxy.errors import StorageError
from forward_proxy.storage.grants import GrantStore

logger = logging.getLogger(__name__)

_RETRY_S = 1.0


class GrantsInForce:
    """`store` is started; `clock` gives POSIX seconds."""

    def __init__(self, store: GrantStore, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._changed = -1
        self._retry_at: float | None = None
        self._told: tuple[str, ...] = ()

    @property
    def outdated(self) -> bool:
        """Whether there may be others than were read last; cheap enough to be asked for each request."""
        if self._store.changed != self._changed:
            return True
        return self._retry_at is not None and self._clock() >= self._retry_at

    def read(self) -> Grants:
        """Those in force from now on.  Never raises."""
        self._changed = self._store.changed
        self._retry_at = None
        try:
            kept = self._store.kept(int(self._clock()))
        except StorageError as fault:
            self._retry_at = self._clock() + _RETRY_S
            self._tell((f"{fault}; no grant is in force, and what was denied for a while is judged by the rules",))
            return NO_GRANTS
        self._tell(tuple(f"{line}; if it was to deny, that is judged by the rules" for line in kept.lost))
        return kept.grants

    def _tell(self, lines: tuple[str, ...]) -> None:
        """Once, not each time that it is still so."""
        if lines != self._told:
            for line in lines:
                logger.error("%s", line)
        self._told = lines
