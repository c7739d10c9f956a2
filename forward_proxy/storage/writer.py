"""Who writes?  One thread, one change after the other: a busy database keeps it waiting and nobody else.

Changes that may be lost, such as storing, are refused when too many wait; those that must not be, such as removing,
never are.  Every few seconds, between changes, the thread looks after the store.

**Items** are what costs little more in company than alone.  The thread lets some gather for a moment, unless anybody
waits, and hands them over together.  Jobs keep their place among the items, but for those that only want to be later
than what came before them.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic

type Job = Callable[[], None]

_TICK_S = 5.0
_STOP_S = 20.0
_GATHER_S = 0.01
_MOST_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class _Item[T]:
    item: T


@dataclass(frozen=True, slots=True)
class _Later:
    """A job that need not be done before what comes after it."""

    job: Job


class Writer[T]:
    """Runs jobs in their order; `failed` hears of what one raised, `last` is done at the end, on the same thread.

    `together` takes items in their order.
    """

    def __init__(
        self,
        limit: int,
        tick: Job,
        last: Job,
        failed: Callable[[Exception], None],
        together: Callable[[list[T]], None],
    ) -> None:
        self._limit = limit
        self._tick = tick
        self._last = last
        self._failed = failed
        self._together = together
        self._jobs: SimpleQueue[Job | _Item[T] | _Later | None] = SimpleQueue()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="storage-writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Do what waits, then end; a database kept busy by others is not waited for without end."""
        if self._thread is not None:
            self._jobs.put(None)
            self._hurry.set()
            self._thread.join(_STOP_S)
            self._thread = None

    def has_room(self) -> bool:
        """Whether a job that may be refused is taken; only a thread that submits can make it untrue."""
        return self._thread is not None and self._jobs.qsize() < self._limit

    def submit(self, job: Job) -> None:
        self._jobs.put(job)
        self._hurry.set()

    def add(self, item: T) -> None:
        self._jobs.put(_Item(item))

    def submit_later(self, job: Job) -> None:
        """A job for which nobody waits, to be done once all that was submitted before is."""
        self._jobs.put(_Later(job))

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was submitted before is done; False when it takes longer."""
        if self._thread is None:
            return True
        done = threading.Event()
        self.submit(done.set)
        return done.wait(timeout_s)

    def _run(self) -> None:
        tick_at = monotonic() + _TICK_S
        going_on = True
        while going_on:
            going_on = self._do_some(tick_at - monotonic())
            if going_on and monotonic() >= tick_at:
                self._do(self._tick)
                tick_at = monotonic() + _TICK_S
        self._do(self._tick)
        self._last()

    def _do_some(self, wait_s: float) -> bool:
        """Do what is there, or comes within so many seconds; False once the end has come."""
        items: list[T] = []
        later: list[Job] = []
        next_ = self._next(wait_s)
        if isinstance(next_, _Item | _Later):
            self._hurry.wait(_GATHER_S)
        self._hurry.clear()
        while next_ is not None:
            match next_:
                case _Item(item):
                    items.append(item)
                case _Later(job):
                    later.append(job)
                case _:
                    self._do_together(items, later)
                    items, later = [], []
                    self._do(next_)
            if len(items) + len(later) >= _MOST_AT_ONCE or (next_ := self._at_once()) is _nothing:
                break
        self._do_together(items, later)
        return next_ is not None

    def _do_together(self, items: list[T], later: list[Job]) -> None:
        if items:
            self._do(lambda: self._together(items))
        for job in later:
            self._do(job)

    def _do(self, job: Job) -> None:
        try:
            job()
        except Exception as error:
            self._failed(error)

    def _next(self, wait_s: float) -> "Job | _Item[T] | _Later | None":
        try:
            return self._jobs.get(timeout=max(wait_s, 0))
        except Empty:
            return _nothing

    def _at_once(self) -> "Job | _Item[T] | _Later | None":
        try:
            return self._jobs.get_nowait()
        except Empty:
            return _nothing


def _nothing() -> None:
    """The job of a thread that has none."""
