"""Who writes?  One thread, one change after the other: a busy database keeps it waiting and nobody else.

Changes that may be lost, such as storing, are refused when too many wait; those that must not be, such as removing,
never are.  Every few seconds, between changes, the thread looks after the store.
"""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import monotonic

type Job = Callable[[], None]

_TICK_S = 5.0
_STOP_S = 20.0


class Writer:
    """Runs jobs in their order; `failed` hears of what one raised, `last` is done at the end, on the same thread."""

    def __init__(self, limit: int, tick: Job, last: Job, failed: Callable[[Exception], None]) -> None:
        self._limit = limit
        self._tick = tick
        self._last = last
        self._failed = failed
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="storage-writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Do what waits, then end; a database kept busy by others is not waited for without end."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join(_STOP_S)
            self._thread = None

    def has_room(self) -> bool:
        """Whether a job that may be refused is taken; only a thread that submits can make it untrue."""
        return self._thread is not None and self._jobs.qsize() < self._limit

    def submit(self, job: Job) -> None:
        self._jobs.put(job)

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was submitted before is done; False when it takes longer."""
        if self._thread is None:
            return True
        done = threading.Event()
        self._jobs.put(done.set)
        return done.wait(timeout_s)

    def _run(self) -> None:
        tick_at = monotonic() + _TICK_S
        while (job := self._next(tick_at - monotonic())) is not None:
            self._do(job)
            if monotonic() >= tick_at:
                self._do(self._tick)
                tick_at = monotonic() + _TICK_S
        self._do(self._tick)
        self._last()

    def _do(self, job: Job) -> None:
        try:
            job()
        except Exception as error:
            self._failed(error)

    def _next(self, wait_s: float) -> Job | None:
        try:
            return self._jobs.get(timeout=max(wait_s, 0))
        except Empty:
            return _nothing


def _nothing() -> None:
    """The job of a thread that has none."""
