"""The parent: starts the workers, starts one again that died, and stops them all.

Before all have been ready once, a worker that ends is a reason to give up; later it is started again, after a pause
that doubles each time it does not live long.  A first signal lets exchanges under way finish, a second ends them, and
whoever has not ended long after that is killed.  Workers whose parent was killed find out by its end of their link.
"""

import gc
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from types import FrameType
from typing import NoReturn

from forward_proxy.errors import ForwardProxyError, StartError
from forward_proxy.workers.link import FAILED, HURRY, LONGEST, READY, SHOW, STOP, Link

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_LIVED_S = 10.0
# The store and the log may have much to write; see Writer's own limit.
_ENDING_S = 30.0
_HURRYING_S = 5.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True, eq=False)
class _Worker:
    """One place for a worker, and the process that has it now, if any."""

    number: int
    link: socket.socket | None = None
    pid: int = 0
    started_at: float = 0
    ready: bool = False
    again: bool = False
    pause_s: float = _FIRST_PAUSE_S
    start_at: float = 0


class Supervisor:
    """`count` processes that each run `serve` to its end; `say` is told what the operator should read."""

    def __init__(
        self, count: int, serve: Callable[[Link], None], say: Callable[[str], None], stop_within_s: float
    ) -> None:
        self._workers = [_Worker(number) for number in range(1, count + 1)]
        self._serve = serve
        self._say = say
        self._stop_within_s = stop_within_s
        self._selector = selectors.DefaultSelector()
        self._asked = 0
        self._told = 0
        self._kill_at = float("inf")
        self._serving = False
        self._failure = ""

    def run(self, ready: Callable[[], None]) -> None:
        """Serve until a signal has stopped every worker; `ready` is called when all of them accept connections.

        Raises StartError when one of them ends before that.
        """
        gc.collect()
        gc.freeze()  # What is there already stays shared memory as long as nobody writes to it.
        try:
            with self._signals():
                self._supervise(ready)
        finally:
            for worker in self._living():
                os.kill(worker.pid, signal.SIGKILL)
                os.waitpid(worker.pid, 0)
            self._selector.close()
        if self._failure:
            raise StartError(self._failure)

    def _supervise(self, ready: Callable[[], None]) -> None:
        while not (self._asked and not self._living()):
            self._start_those_due()
            for key, _ in self._selector.select(self._pause()):
                if isinstance(key.data, _Worker):
                    self._hear(key.data)
                else:
                    key.data.recv(LONGEST)
            if not self._serving and not self._asked and all(worker.ready for worker in self._workers):
                self._serving = True
                ready()
                for worker in self._workers:
                    _tell(worker, SHOW)
            self._pass_on_signals()

    def _living(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.pid]

    def _start_those_due(self) -> None:
        for worker in self._workers:
            if not worker.pid and not self._asked and monotonic() >= worker.start_at:
                try:
                    self._start(worker)
                except OSError as fault:  # No more processes or descriptors are to be had.
                    self._ended(worker, fault.strerror or str(fault))

    def _pause(self) -> float | None:
        """Seconds until something is due; None when nothing is."""
        due = [self._kill_at]
        if not self._asked:
            due += [worker.start_at for worker in self._workers if not worker.pid]
        return None if min(due) == float("inf") else max(min(due) - monotonic(), 0)

    def _start(self, worker: _Worker) -> None:
        ours, theirs = socket.socketpair()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()  # Or what waits in it would be written by both.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            pid = os.fork()
            if not pid:
                ours.close()
                self._be_worker(Link(theirs, worker.number, again=worker.again), blocked)
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        worker.link, worker.pid, worker.ready, worker.started_at = ours, pid, False, monotonic()
        self._selector.register(ours, selectors.EVENT_READ, worker)

    def _be_worker(self, link: Link, mask: set[int | signal.Signals]) -> NoReturn:
        """The child's whole life; it never returns into what the parent was doing."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            self._selector.close()
            for other in self._workers:
                if other.link is not None:
                    other.link.close()
            # What a terminal sends to all of its processes is the parent's to answer.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            self._serve(link)
            status = 0
        except ForwardProxyError as fault:
            link.failed(str(fault))
        except BaseException:
            traceback.print_exc()
        finally:
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError, ValueError, AttributeError):
                    stream.flush()
            os._exit(status)

    def _hear(self, worker: _Worker) -> None:
        try:
            said = worker.link.recv(LONGEST) if worker.link else b""
        except OSError:
            said = b""
        if not said:
            _, status = os.waitpid(worker.pid, 0)
            self._ended(worker, _cause(status))
        if said.startswith(READY):
            worker.ready = True
            if self._serving:
                _tell(worker, SHOW)
        if (failed := said.removeprefix(READY)).startswith(FAILED):
            why = failed.removeprefix(FAILED).decode(errors="replace")
            if self._serving:
                self._say(f"worker {worker.number}: {why}")
            else:
                self._failure = self._failure or why

    def _ended(self, worker: _Worker, cause: str) -> None:
        if worker.link is not None:
            self._selector.unregister(worker.link)
            worker.link.close()
        lived_s = monotonic() - worker.started_at
        worker.link, worker.pid, worker.ready, worker.again = None, 0, False, True
        if self._asked:
            return
        if not self._serving:
            self._failure = self._failure or f"worker {worker.number} {cause} before it was ready"
            self._asked = 1
            return
        worker.pause_s = _FIRST_PAUSE_S if lived_s > _LIVED_S else worker.pause_s
        worker.start_at = monotonic() + worker.pause_s
        self._say(f"worker {worker.number} {cause}; it is started again in {worker.pause_s:g} s")
        worker.pause_s = min(worker.pause_s * 2, _LONGEST_PAUSE_S)

    def _pass_on_signals(self) -> None:
        if self._asked > self._told:
            self._told = self._asked
            hurry = self._asked > 1
            self._kill_at = monotonic() + (_HURRYING_S if hurry else self._stop_within_s + _ENDING_S)
            for worker in self._living():
                _tell(worker, HURRY if hurry else STOP)
        if monotonic() >= self._kill_at:
            for worker in self._living():
                os.kill(worker.pid, signal.SIGKILL)
            self._kill_at = float("inf")

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """While it lasts, a signal to stop is counted, and wakes the selector."""
        awake, waking = socket.socketpair()
        waking.setblocking(False)
        before = {number: signal.getsignal(number) for number in _SIGNALS}

        def count(_: int, __: FrameType | None) -> None:
            self._asked += 1

        with awake, waking:
            self._selector.register(awake, selectors.EVENT_READ, awake)
            signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
            for number in _SIGNALS:
                if before[number] is not signal.SIG_IGN:  # As nohup has SIGHUP.
                    signal.signal(number, count)
            try:
                yield
            finally:
                signal.set_wakeup_fd(-1)
                for number, handler in before.items():
                    signal.signal(number, handler)


def _tell(worker: _Worker, order: bytes) -> None:
    with suppress(OSError):  # Its end is heard of soon.
        if worker.link is not None:
            worker.link.send(order)


def _cause(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        with suppress(ValueError):
            return f"was ended by {signal.Signals(number).name}"
        return f"was ended by signal {number}"
    code = os.waitstatus_to_exitcode(status)
    return f"ended with status {code}" if code else "ended"
