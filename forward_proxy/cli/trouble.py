"""How does trouble inside a running proxy reach its operator?  One calm line on stderr; an error with its traceback.

What happens to single connections every day, such as a client that does not trust our certificate, is no trouble: the
traffic log has it.  A message that comes again within a second, or an exception from the same place, is counted and not
repeated, and so is what comes after many others in one second: whoever can cause trouble cannot flood a terminal with
it.
"""

import logging
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import click

from forward_proxy.traffic.redaction import visible

_PAUSE_S = 1.0
_MOST_AT_ONCE = 20
_LONGEST = 500
# What mitmproxy says below an error is about one connection; asyncio says this of a client that has gone away.
_ROUTINE_LOGGER = "mitmproxy.proxy.server"
_ROUTINE_MESSAGE = "socket.send() raised exception."


@dataclass(slots=True)
class _Said:
    line: str
    at: float
    more: int = 0


class TroubleHandler(logging.Handler):
    """Writes what is logged as a warning or worse; `write` gets lines without their end, `clock` seconds."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.WARNING)
        self._write = write
        self._clock = clock
        self._said: dict[object, _Said] = {}
        self._unsaid = 0

    def emit(self, record: logging.LogRecord) -> None:
        if _is_routine(record):
            return
        with suppress(OSError, ValueError):  # That nobody reads it is no reason to stop.
            self._tell(record)

    def close(self) -> None:
        """Say what was only counted."""
        self.acquire()
        try:
            with suppress(OSError, ValueError):
                self._forget(float("inf"))
        finally:
            self.release()
        super().close()

    def _tell(self, record: logging.LogRecord) -> None:
        now, line, fault = self._clock(), _line(record), _fault(record)
        same = line if fault is None else _identity(fault)
        said = self._said.get(same)
        if said is not None and now - said.at < _PAUSE_S:
            said.more += 1
            return
        if said is None and len(self._said) >= _MOST_AT_ONCE:
            self._forget(now)
        if len(self._said) >= _MOST_AT_ONCE:
            self._unsaid += 1
            return
        self._said[same] = _Said(line, now)
        self._write(_again(line, said.more) if said else line + _traced(fault))

    def _forget(self, now: float) -> None:
        """Make room for other messages, and tell how often the old ones came again."""
        for same, said in tuple(self._said.items()):
            if now - said.at >= _PAUSE_S:
                del self._said[same]
                if said.more:
                    self._write(_again(said.line, said.more))
        if self._unsaid and not self._said:
            unsaid, self._unsaid = self._unsaid, 0
            self._write(f"warning: {unsaid} other messages were left out")


@contextmanager
def trouble_shown() -> Iterator[None]:
    """While it lasts, what any part of the program logs as a warning or worse is shown on stderr."""
    handler = TroubleHandler(lambda text: click.echo(text, err=True))
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()


def _is_routine(record: logging.LogRecord) -> bool:
    if record.levelno >= logging.ERROR:
        return False
    return record.name == _ROUTINE_LOGGER or record.msg == _ROUTINE_MESSAGE


def _fault(record: logging.LogRecord) -> BaseException | None:
    """The exception that an error was logged with."""
    return record.exc_info[1] if record.levelno >= logging.ERROR and record.exc_info else None


def _identity(fault: BaseException) -> object:
    """The same for exceptions of one kind from one place."""
    at = fault.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return type(fault), at and (at.tb_frame.f_code, at.tb_lineno)


def _line(record: logging.LogRecord) -> str:
    word = "error" if record.levelno >= logging.ERROR else "warning"
    fault = _fault(record)
    text = " ".join(f"{record.getMessage()} {'' if fault is None else repr(fault)}".split())
    return f"{word}: {visible(text if len(text) <= _LONGEST else f'{text[:_LONGEST]}…')}"


def _traced(fault: BaseException | None) -> str:
    lines = [] if fault is None else "".join(traceback.format_exception(fault)).splitlines()
    return "".join(f"\n  {visible(line)}" for line in lines)


def _again(line: str, more: int) -> str:
    return f"{line} ({more} more {'time' if more == 1 else 'times'})" if more else line
