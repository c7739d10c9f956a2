"""The calm view of a running proxy: one line for each exchange.

Lines are made and written by a thread of their own, a few times a second: drawing one costs more than serving a hit.
For the same reason there are only so many a second; the rest is one line that says how many, and in the log.  A
terminal gets what an eye may follow; a file or a pipe gets all but a flood.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console
from rich.text import Text

from forward_proxy.traffic.live import live_heading, live_line, plain_line
from forward_proxy.traffic.record import Record

_PAUSE_S = 0.2
_MOST_LINES_A_SECOND = 200
_MOST_PLAIN_LINES_A_SECOND = 5000
_QUEUE = 10_000


class LiveView:
    """Shows records to whoever watches the terminal; the rest of them only in the log when there are too many."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._records: deque[Record] = deque()
        self._come = threading.Event()
        self._stopping = False
        self._left_out = 0
        self._headed = False
        self._turn: Callable[[], AbstractContextManager[object]] = nullcontext
        self._heads: Callable[[], bool] = lambda: True
        self._thread: threading.Thread | None = None

    def share(self, turn: Callable[[], AbstractContextManager[object]], heads: Callable[[], bool]) -> None:
        """Others write to the same terminal: only in its `turn`, and the heading only if it `heads`."""
        self._turn, self._heads = turn, heads

    def start(self) -> None:
        # Made here, not before: one that is made before a fork cannot be started after it.
        self._thread = threading.Thread(target=self._run, name="live view", daemon=True)
        self._thread.start()

    def show(self, record: Record) -> None:
        """Never waits: what does not fit is counted."""
        if len(self._records) >= _QUEUE:
            self._left_out += record.exchanges
            return
        self._records.append(record)
        if not self._come.is_set():
            self._come.set()

    def stop(self) -> None:
        """Write what is left, in bounded time."""
        if self._thread is None or not self._thread.is_alive():
            return
        self._stopping = True
        self._come.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        last = False
        while not last:
            self._come.wait()
            self._come.clear()
            last = self._stopping
            try:
                self._write([self._records.popleft() for _ in range(len(self._records))])
            except (OSError, ValueError):
                return  # Nobody watches any more; the log has it all.
            if not last:
                time.sleep(_PAUSE_S)

    def _write(self, batch: Sequence[Record]) -> None:
        if not batch:
            return
        with self._turn():
            if self._console.is_terminal:
                self._console.print(*self._lines(batch), sep="\n", soft_wrap=True)
            else:
                self._console.file.write("".join(f"{line}\n" for line in self._plain_lines(batch)))
                self._console.file.flush()

    def _plain_lines(self, batch: Sequence[Record]) -> list[str]:
        shown, left_out = self._spared(batch, _MOST_PLAIN_LINES_A_SECOND)
        return [f"… {left_out} more are in the log"] * bool(left_out) + [plain_line(record) for record in shown]

    def _lines(self, batch: Sequence[Record]) -> list[Text]:
        shown, left_out = self._spared(batch, _MOST_LINES_A_SECOND)
        width = self._console.width
        lines = [live_line(record, width) for record in shown]
        if left_out:
            lines.insert(0, Text(f"  … {left_out} more are in the log", style="dim"))
        if not self._headed:
            lines = [Text(), Text(live_heading(width), style="dim"), *lines] if self._heads() else lines
            self._headed = True
        return lines

    def _spared(self, batch: Sequence[Record], most_a_second: int) -> tuple[Sequence[Record], int]:
        """The newest, as many as are shown at a time, and how many exchanges are not."""
        most = int(most_a_second * _PAUSE_S)
        left_out, self._left_out = self._left_out + sum(record.exchanges for record in batch[:-most]), 0
        return batch[-most:], left_out
