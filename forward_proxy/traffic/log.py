"""Takes records from whoever answers, never making them wait, and has one thread write them down.

A record waits in memory until the thread has written it: at most 200 ms, or until 500 have come together.  While the
disk is full or the file locked they go on waiting and are tried again, ever more rarely; beyond `queue_records` new
ones are dropped and counted.  `health` tells.
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
from forward_proxy.traffic.writer import Writer

_BATCH_RECORDS = 500
_BATCH_S = 0.2
_IDLE_S = 60.0
_FIRST_RETRY_S, _LAST_RETRY_S = 0.1, 5.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Health:
    """Counts since start; `last_error` is what keeps records from being written now, None when nothing does."""

    written: int
    dropped: int
    waiting: int
    last_error: str | None


class TrafficLog:
    """The traffic log of one process; several processes may write to one folder."""

    def __init__(self, folder: Path, options: Options, clock: Callable[[], float] = time.time) -> None:
        self._writer = Writer(folder, options)
        self._bound = options.queue_records
        self._clock = clock
        self._queue: deque[Record] = deque()
        self._batch: list[Record] = []
        self._arrived = threading.Event()
        self._full = threading.Event()
        self._urgent = threading.Event()
        self._progress = threading.Condition()
        self._counting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop_by: float | None = None  # Monotonic; None while running.
        self._retry_s = 0.0
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
        if len(self._queue) + len(self._batch) >= self._bound or self._stop_by is not None:
            with self._counting:
                self._dropped += 1
            return
        if len(record.target) > TARGET_CHARACTERS:
            record = replace(record, target=shorten_target(record.target))  # The bound is on memory too.
        self._queue.append(record)
        if not self._arrived.is_set():
            self._arrived.set()
        if len(self._queue) >= _BATCH_RECORDS and not self._full.is_set():
            self._full.set()

    def flush(self, timeout_s: float) -> bool:
        """Waits until no record waits; False when that took too long."""
        with self._progress:
            self._wake()
            return self._progress.wait_for(lambda: not self._queue and not self._batch, timeout_s)

    def stop(self, timeout_s: float = 5.0) -> None:
        """Writes what waits, for so long at most, and closes; what is left then counts as dropped."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stop_by = time.monotonic() + timeout_s
        self._wake()
        thread.join(timeout_s + 1)

    def health(self) -> Health:
        return Health(self._written, self._dropped, len(self._queue) + len(self._batch), self._last_error)

    def _wake(self) -> None:
        for event in (self._urgent, self._full, self._arrived):
            event.set()

    def _run(self) -> None:
        while not self._is_over():
            self._wait()
            try:
                self._step()
            except Exception as error:  # Whatever it is, the thread lives on and the records wait.
                self._failed(error)
            with self._progress:
                self._progress.notify_all()
        with self._counting:
            self._dropped += len(self._queue) + len(self._batch)
            self._queue.clear()
            self._batch.clear()
        self._writer.close()

    def _is_over(self) -> bool:
        return self._stop_by is not None and (not (self._queue or self._batch) or self._is_late())

    def _is_late(self) -> bool:
        return self._stop_by is not None and time.monotonic() > self._stop_by

    def _wait(self) -> None:
        """Until records have come and been given time to gather, or until it is time to try again."""
        if self._retry_s:
            self._urgent.wait(self._retry_s if self._stop_by is None else _FIRST_RETRY_S)
        elif self._arrived.wait(_IDLE_S):
            self._full.wait(_BATCH_S)
        for event in (self._arrived, self._full, self._urgent):
            event.clear()

    def _step(self) -> None:
        """Writes all that waits, a batch at a time, and prunes in between and then as far as there is peace for it."""
        while self._take() and not self._is_late():
            self._write_batch()
            self._writer.maintain(self._clock())
        while not self._queue and self._stop_by is None and self._writer.maintain(self._clock()):
            pass
        self._recovered()

    def _write_batch(self) -> None:
        written = self._writer.write(self._batch, self._clock())
        with self._counting:
            self._written += written
            self._dropped += len(self._batch) - written
            self._batch = []
        self._recovered()

    def _take(self) -> list[Record]:
        while self._queue and len(self._batch) < _BATCH_RECORDS:
            self._batch.append(self._queue[0])  # In one or the other at every moment: `flush` looks at both.
            self._queue.popleft()
        return self._batch

    def _failed(self, error: Exception) -> None:
        if self._last_error is None:
            _log.error("traffic log cannot be written, %d records wait: %s", len(self._queue) + len(self._batch), error)
        self._last_error = str(error)
        self._retry_s = min(self._retry_s * 2 or _FIRST_RETRY_S, _LAST_RETRY_S)

    def _recovered(self) -> None:
        if self._last_error is not None:
            _log.warning("traffic log is written again, %d records were dropped", self._dropped)
        self._last_error, self._retry_s = None, 0.0
