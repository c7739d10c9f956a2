"""The calm view of a running proxy: one line for each exchange.

Lines are made and written by a thread of their own, a few times a second: drawing one costs more than serving a hit.
"""

import queue
import threading
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from forward_proxy.traffic.live import live_heading, live_line, plain_line
from forward_proxy.traffic.record import Record

_PAUSE_S = 0.2
_MOST_LINES_A_SECOND = 200
_QUEUE = 10_000


class LiveView:
    """Shows records to whoever watches the terminal; the rest of them only in the log when there are too many."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._records: queue.Queue[Record | None] = queue.Queue(_QUEUE)
        self._left_out = 0
        self._headed = False
        self._thread = threading.Thread(target=self._run, name="live view", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def show(self, record: Record) -> None:
        """Never waits: what does not fit is counted."""
        try:
            self._records.put_nowait(record)
        except queue.Full:
            self._left_out += 1

    def stop(self) -> None:
        """Write what is left, in bounded time."""
        if not self._thread.is_alive():
            return
        try:
            self._records.put(None, timeout=1)
        except queue.Full:
            return
        self._thread.join(timeout=2)

    def _run(self) -> None:
        done = threading.Event()
        while not done.is_set():
            batch, last = self._batch()
            try:
                self._write(batch)
            except (OSError, ValueError):
                return  # Nobody watches any more; the log has it all.
            if last:
                return
            done.wait(_PAUSE_S)

    def _batch(self) -> tuple[list[Record], bool]:
        batch: list[Record] = []
        wait = True
        while True:
            try:
                record = self._records.get(block=wait)
            except queue.Empty:
                return batch, False
            if record is None:
                return batch, True
            batch.append(record)
            wait = False

    def _write(self, batch: Sequence[Record]) -> None:
        if not batch:
            return
        if self._console.is_terminal:
            self._console.print(*self._lines(batch), sep="\n", soft_wrap=True)
        else:
            self._console.file.write("".join(f"{plain_line(record)}\n" for record in batch))
            self._console.file.flush()

    def _lines(self, batch: Sequence[Record]) -> list[Text]:
        most = int(_MOST_LINES_A_SECOND * _PAUSE_S)
        left_out, self._left_out = self._left_out + max(0, len(batch) - most), 0
        width = self._console.width
        lines = [live_line(record, width) for record in batch[-most:]]
        if left_out:
            lines.insert(0, Text(f"  … {left_out} more are in the log", style="dim"))
        if not self._headed:
            lines = [Text(), Text(live_heading(width), style="dim"), *lines]
            self._headed = True
        return lines
