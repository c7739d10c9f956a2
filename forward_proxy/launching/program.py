"""Runs one program to its end, as a shell would: its streams, its place on the terminal and its signals are its own.

Ctrl-C reaches the program and us alike, for the terminal sends it to the whole foreground; it is the program's to obey,
and we only wait.  What is sent to us alone is passed on.  An end by a signal is 128 and its number, a program that is
not there 127, one that cannot be run 126.
"""

import errno
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

_PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
_BY_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
_AWAITED = (*_PASSED_ON, signal.SIGCHLD, signal.SIGALRM)
_NOT_FOUND, _NOT_RUNNABLE, _BY_SIGNAL = 127, 126, 128
# How long a program that is told to end may take for it.
_PATIENCE_S = 5


class NotRun(Exception):
    """The program could not be started: the status a shell would give, and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Until the program runs, a signal to stop ends everything, in order and with the status of that signal."""

    def stop(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(_BY_SIGNAL + number)

    stopping = [number for number in _PASSED_ON if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in stopping}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(
    words: Sequence[str],
    environment: Mapping[str, str],
    lost: Callable[[], bool],
    enter: Callable[[], None] = lambda: None,
) -> int:
    """The program's exit status.  Once `lost`, which is asked whenever a child has ended, it is told to end.

    `enter` is called by the new process before it becomes the program.  Raises NotRun.
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    before = signal.signal(signal.SIGCHLD, lambda *_: None)  # Where nobody handles it, some systems drop it.
    try:
        pid = _started(words, environment, blocked, enter)
        status = _ended(pid, lost)
        for number in signal.sigpending() & set(_AWAITED):  # They were for the program.
            signal.sigwait((number,))
    finally:
        signal.signal(signal.SIGCHLD, before)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    return status


def _started(
    words: Sequence[str], environment: Mapping[str, str], blocked: set[signal.Signals | int], enter: Callable[[], None]
) -> int:
    told, telling = os.pipe()  # Both are closed when the program takes over.
    pid = os.fork()
    if pid == 0:
        try:
            for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Which Python ignores.
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            enter()
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            os.execvpe(words[0], list(words), environment)  # noqa: S606  # That is what we are asked for.
        except OSError as fault:
            os.write(telling, b"%d" % (fault.errno or errno.EINVAL))
        except ValueError:  # A NUL in a word or variable.
            os.write(telling, b"%d" % errno.EINVAL)
        finally:
            os._exit(_NOT_FOUND)
    os.close(telling)
    with os.fdopen(told, "rb") as reading:
        said = reading.read()
    if not said:
        return pid
    os.waitpid(pid, 0)
    reported = int(said)
    missing = reported == errno.ENOENT
    reason = "command not found" if missing and "/" not in words[0] else os.strerror(reported)
    raise NotRun(_NOT_FOUND if missing else _NOT_RUNNABLE, f"{words[0]}: {reason}")


def _ended(pid: int, lost: Callable[[], bool]) -> int:
    told_to_end = False
    number = signal.SIGCHLD  # Of what has ended before, nobody would tell.
    while True:
        if number == signal.SIGCHLD:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                signal.alarm(0)
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else _BY_SIGNAL - code
            if not told_to_end and lost():
                told_to_end = True
                os.kill(pid, signal.SIGTERM)
                signal.alarm(_PATIENCE_S)
        elif number == signal.SIGALRM:
            os.kill(pid, signal.SIGKILL)
        elif number not in _BY_TERMINAL or not _in_the_foreground():
            os.kill(pid, number)
        number = signal.Signals(signal.sigwait(_AWAITED))


def _in_the_foreground() -> bool:
    """Whether the terminal, if we have one, sends to us what it sends to the program."""
    with suppress(OSError):
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)
    return False
