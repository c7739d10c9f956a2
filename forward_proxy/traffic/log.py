"""Takes records from whoever answers, never making them wait, and has one thread show them and write them down.

Records gather for 200 ms, less when very many come, and are then shown and written together: the more there are, the
cheaper each.  While the disk is full or the file locked they wait and are tried again, ever more rarely; beyond
`queue_records` new ones are dropped and counted.  `health` tells.
"""

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from forward_proxy.traffic.cleaning import TARGET_CHARACTERS, shorten_target
from forward_proxy.traffic.options import Options
from forward_proxy.traffic.record import Record
from forward_proxy.traffic.recurring import Counting, Recurring
from forward_proxy.traffic.writer import Writer

_BATCH_RECORDS = 2000  # No more than what pruning lets go of in the same time.
_GATHER_S = 0.2
_IDLE_S = 60.0
_FIRST_RETRY_S, _LAST_RETRY_S = 0.1, 5.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Health:
    """Exchanges written and dropped since start, and records that wait.

    `last_error` is what keeps records from being written now, None when nothing does.
    """

    written: int
    dropped: int
    waiting: int
    last_error: str | None


class TrafficLog:
    """The traffic log of one process; several processes may write to one folder.

    `show` is told of every record, also while none can be written; it must neither wait nor raise.
    """

    def __init__(
        self,
        folder: Path,
        options: Options,
        show: Callable[[Record], object] = lambda record: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._writer = Writer(folder, options)
        self._bound = options.queue_records
        self._crowd = max(1, options.queue_records // 2)
        self._show = show
        self._clock = clock
        self._queue: deque[Record] = deque()
        self._counting = Counting()
        self._waiting: deque[Record] = deque()  # Shown, and not written yet.
        self._batch: list[Record] = []
        self._arrived = threading.Event()
        self._crowded = threading.Event()
        self._urgent = threading.Event()
        self._progress = threading.Condition()
        self._dropping = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop_by: float | None = None  # Monotonic; None while running.
        self._retry_s = self._retry_at = 0.0
        self._written = self._dropped = 0
        self._last_error: str | None = None

    def start(self) -> None:
        """Opens the file and starts the thread.

        Raises TrafficError when the folder or file can never be used; what may pass shows in `health`.
        """
        try:
            self._writer.open(self._clock())
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
        self._stop_by = None
        self._thread = threading.Thread(target=self._run, name="traffic-log", daemon=True)
        self._thread.start()

    def record(self, record: Record) -> None:
        """Takes one record.  Never blocks, never raises."""
        waiting = len(self._queue)
        if waiting >= self._bound or self._stop_by is not None:
            self._drop(record.exchanges)
            return
        if len(record.target) > TARGET_CHARACTERS:
            record = replace(record, target=shorten_target(record.target))  # The bound is on memory too.
        self._queue.append(record)
        if not self._arrived.is_set():
            self._arrived.set()
        if waiting >= self._crowd and not self._crowded.is_set():
            self._crowded.set()

    def recurred(self, recurring: Recurring, started_at: float, ended_at: float) -> None:
        """Takes one more of an exchange that recurs; from one thread only.  Never blocks, never raises."""
        if self._stop_by is None:
            if self._counting.goes_on(recurring, ended_at):
                return
            crowded = len(self._queue) >= self._crowd
            if self._counting.begins(recurring, started_at, ended_at, crowded=crowded):
                self._arrived.set()
                return
        self.record(recurring.one(started_at, ended_at))

    def flush(self, timeout_s: float) -> bool:
        """Waits until no record waits; False when that took too long."""
        with self._progress:
            self._wake()
            return self._progress.wait_for(lambda: self._is_done, timeout_s)

    def stop(self, timeout_s: float = 5.0) -> None:
        """Writes what waits, for so long at most, and closes; what is left then counts as dropped."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stop_by = time.monotonic() + timeout_s
        self._wake()
        thread.join(timeout_s + 1)

    def health(self) -> Health:
        waiting = len(self._queue) + len(self._waiting) + len(self._batch)
        return Health(self._written, self._dropped, waiting, self._last_error)

    @property
    def _is_done(self) -> bool:
        return not (self._queue or self._waiting or self._batch) and self._counting.is_settled

    def _drop(self, exchanges: int) -> None:
        with self._dropping:
            self._dropped += exchanges

    def _wake(self) -> None:
        for event in (self._urgent, self._crowded, self._arrived):
            event.set()

    def _run(self) -> None:
        while not self._is_over():
            is_due = self._wait()
            self._gather()
            if is_due:
                try:
                    self._step()
                except Exception as error:  # Whatever it is, the thread lives on and the records wait.
                    self._failed(error)
            with self._progress:
                self._progress.notify_all()
        self._gather()
        self._drop(sum(record.exchanges for records in (self._waiting, self._batch) for record in records))
        self._waiting.clear()
        self._batch.clear()
        self._writer.close()

    def _is_over(self) -> bool:
        return self._stop_by is not None and (self._is_done or self._is_late())

    def _is_late(self) -> bool:
        return self._stop_by is not None and time.monotonic() > self._stop_by

    def _wait(self) -> bool:
        """Until records have come and been given time to gather; whether it is not too early to try again."""
        if self._retry_s:
            self._urgent.wait(_GATHER_S if self._stop_by is None else _FIRST_RETRY_S)
        elif self._stop_by is None and (not self._counting.is_settled or self._arrived.wait(_IDLE_S)):
            self._crowded.wait(_GATHER_S)
        is_due = self._urgent.is_set() or self._stop_by is not None or time.monotonic() >= self._retry_at
        for event in (self._arrived, self._crowded, self._urgent):
            event.clear()
        return is_due

    def _gather(self) -> None:
        """Shows what has been told, and has it wait if there is room."""
        with self._progress:  # `flush` must not look while they are in neither queue.
            gathered = [self._queue.popleft() for _ in range(len(self._queue))] + self._counting.take()
            room = max(0, self._bound - len(self._waiting) - len(self._batch))
            self._waiting.extend(gathered[:room])
        self._drop(sum(record.exchanges for record in gathered[room:]))
        for record in gathered:
            self._show(record)

    def _step(self) -> None:
        """Writes all that waits, a batch at a time, and prunes in between and then as far as there is peace for it."""
        while self._take() and not self._is_late():
            self._write_batch()
            self._gather()
            self._writer.maintain(self._clock())
        while not self._queue and self._stop_by is None and self._writer.maintain(self._clock()):
            pass
        self._recovered()

    def _write_batch(self) -> None:
        written = self._writer.write(self._batch, self._clock())
        self._written += written
        self._drop(sum(record.exchanges for record in self._batch) - written)
        self._batch = []
        self._recovered()

    def _take(self) -> list[Record]:
        while self._waiting and len(self._batch) < _BATCH_RECORDS:
            self._batch.append(self._waiting[0])  # In one or the other at every moment: `flush` looks at both.
            self._waiting.popleft()
        return self._batch

    def _failed(self, error: Exception) -> None:
        if self._last_error is None:
            _log.error("traffic log cannot be written, %d records wait: %s", self.health().waiting, error)
        self._last_error = str(error)
        self._retry_s = min(self._retry_s * 2 or _FIRST_RETRY_S, _LAST_RETRY_S)
        self._retry_at = time.monotonic() + self._retry_s

    def _recovered(self) -> None:
        if self._last_error is not None:
            _log.warning("traffic log is written again, %d records were dropped", self._dropped)
        self._last_error = None
        self._retry_s = self._retry_at = 0.0
