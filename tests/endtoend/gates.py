"""When may an origin go on?  A response that must be seen half-way waits here for its test, so no test ever sleeps."""

from collections import defaultdict
from threading import Lock, Semaphore

_PATIENCE_S = 30


class Gates:
    """One gate per token; each release lets one waiting piece of a response through."""

    def __init__(self) -> None:
        self._gates: dict[str, Semaphore] = defaultdict(lambda: Semaphore(0))
        self._lock = Lock()

    def release(self, token: str) -> None:
        self._gate(token).release()

    def wait(self, token: str) -> None:
        """Returns when released, or after half a minute when its test has gone."""
        self._gate(token).acquire(timeout=_PATIENCE_S)

    def _gate(self, token: str) -> Semaphore:
        with self._lock:
            return self._gates[token]
